// Scripts of every page: the / key, autocomplete, forms without empty fields, and photos of cards
// large and selected.
import { addAutocomplete } from "./autocomplete.js";
import "./lightbox.js";
import "./selection.js";

const box = document.getElementById("q");

// "/" jumps to the query box, as people know it from elsewhere.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing || !box) return;
  event.preventDefault();
  box.focus();
  box.select();
});

if (box) {
  addAutocomplete(box);
  // Say that the search is under way; taken back when the page is shown again from history.
  box.form.addEventListener("submit", (event) => event.target.setAttribute("aria-busy", "true"));
  window.addEventListener("pageshow", () => box.form.removeAttribute("aria-busy"));
  // Empty fields need not stand in the address, nor the space that a completion ends with.
  box.form.addEventListener("formdata", ({ formData }) => {
    for (const name of new Set(formData.keys())) {
      const said = formData.getAll(name).map((text) => text.trim()).filter(Boolean);
      formData.delete(name);
      said.forEach((text) => formData.append(name, text));
    }
  });
}
