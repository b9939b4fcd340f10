// Small comforts; every page works without this file.
"use strict";

const box = document.getElementById("q");

// "/" jumps to the query box, as people know it from elsewhere.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing || !box) return;
  event.preventDefault();
  box.focus();
  box.select();
});

// Say that the search is under way; taken back when the page is shown again from history.
box?.form.addEventListener("submit", (event) => event.target.setAttribute("aria-busy", "true"));
window.addEventListener("pageshow", () => box?.form.removeAttribute("aria-busy"));
