// The map without reloads: its links, dragging, the wheel and pinching bring the next view into the
// same page. Every view has an address of its own, and without this file each is a page.
const STEP = 60; // pixels of the wheel for one step
let busy = false;
let turned = 0;

const map = () => document.getElementById("map");
const chart = () => document.getElementById("chart");

async function show(address, keep) {
  if (busy) return;
  busy = true;
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focused = map().contains(document.activeElement) ? document.activeElement.ariaLabel : null;
    map().replaceWith(document.importNode(page.getElementById("map"), true));
    history[keep ? "replaceState" : "pushState"](history.state, "", address);
    // Who goes on by keyboard stays on the same button, or else on the map's first.
    const links = [...map().querySelectorAll(".map-steps a")];
    if (focused) (links.find((link) => link.ariaLabel === focused) ?? links[0]).focus();
  } catch {
    location.href = address;
  } finally {
    busy = false;
  }
}

// The view on show, as its address says; the middle moves by parts of the width and height.
function moved(east, south, closer = 0) {
  const [left, top, wide, high] = chart().firstElementChild.getAttribute("viewBox").split(" ").map((edge) => Number(edge) / 100);
  const zoom = Math.max(0, Math.round(Math.log2(360 / wide)) + closer);
  const height = -(top + high * (0.5 + south));
  const latitude = Math.atan(Math.sinh((height * Math.PI) / 180)) * (180 / Math.PI);
  const address = new URL(location.pathname, location);
  if (zoom) {
    address.searchParams.set("zoom", Math.min(zoom, 12));
    address.searchParams.set("at", `${latitude.toFixed(5)},${(left + wide * (0.5 + east)).toFixed(5)}`);
  }
  return address;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest(".map-steps a, .cluster a[data-closer]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  show(link.href.baseVal ?? link.href);
});
window.addEventListener("popstate", () => show(location.href, true));

document.addEventListener("wheel", (event) => {
  if (!event.target.closest?.("#chart") || event.deltaY === 0) return;
  event.preventDefault();
  turned += event.deltaY;
  if (Math.abs(turned) < STEP || busy) return;
  const closer = turned < 0 ? 1 : -1;
  turned = 0;
  const box = chart().getBoundingClientRect();
  // What is under the pointer stays there.
  const share = closer > 0 ? 0.5 : -1;
  const east = ((event.clientX - box.left) / box.width - 0.5) * share;
  const south = ((event.clientY - box.top) / box.height - 0.5) * share;
  show(moved(east, south, closer), true);
}, { passive: false });

let held = null;
document.addEventListener("pointerdown", (event) => {
  const on = event.target.closest?.("#chart");
  if (on && event.button === 0 && event.pointerType === "mouse") held = { x: event.clientX, y: event.clientY, far: false };
});
document.addEventListener("pointermove", (event) => {
  if (!held) return;
  const [x, y] = [event.clientX - held.x, event.clientY - held.y];
  held.far ||= Math.hypot(x, y) > 5;
  if (held.far) for (const part of chart().children) part.style.transform = `translate(${x}px, ${y}px)`;
});
document.addEventListener("pointerup", (event) => {
  if (!held) return;
  const { x, y, far } = held;
  held = null;
  if (!far) return;
  const box = chart().getBoundingClientRect();
  // The click that ends a drag opens nothing.
  const swallow = (click) => { click.preventDefault(); click.stopPropagation(); };
  addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", swallow, { capture: true }));
  show(moved((x - event.clientX) / box.width, (y - event.clientY) / box.height), true);
});
// A link that is dragged would be dropped on the page as a picture.
document.addEventListener("dragstart", (event) => { if (event.target.closest?.("#chart")) event.preventDefault(); });
