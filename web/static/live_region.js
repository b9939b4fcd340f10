// The live region from which screen readers read announcements. What nothing else on the page shows is
// also seen, for a while.
const SEEN = 5000; // milliseconds

const place = document.getElementById("said");
let timer;

export function announce(text, { seen = false } = {}) {
  if (!place) return;
  clearTimeout(timer);
  place.textContent = text;
  place.className = seen ? "toast" : "hidden";
  if (seen) timer = setTimeout(() => { place.className = "hidden"; }, SEEN);
}
