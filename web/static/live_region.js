// The live region from which screen readers read announcements.

const place = document.getElementById("said");

export function announce(text) {
  if (place) place.textContent = text;
}
