// One place from which pages speak to screen readers.

const place = document.getElementById("said");

export function announce(text) {
  if (place) place.textContent = text;
}
