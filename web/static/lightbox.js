// The lightbox: photos large, one after the other, over any page with cards.
//
// Whatever links to a photo's page and has `data-large`, the address of a large picture, opens in
// it; the links of a page, in its order, are what is walked through. `data-name` is its title. They
// are looked up when they are needed, so a page may add and drop cards as it likes. See docs/page.md.
//
// Opening adds one entry to the history, and walking none: Back, like Escape, leads to the page as
// it was. Without this file the link leads to the photo's page.
import { ZoomedPicture } from "./zoomed_picture.js";

const LINKS = "a[data-large]";
const PAUSE = 4000; // milliseconds that a slide is shown
const PATIENCE = 15000; // milliseconds that a card may take to come
const TEMPLATE = `
  <div class="lightbox-bar">
    <p class="lightbox-title"><span data-part="name"></span> <span data-part="place"></span></p>
    <div class="lightbox-tools">
      <button type="button" data-deed="out" aria-label="Zoom out" title="Zoom out (-)">−</button>
      <button type="button" data-deed="in" aria-label="Zoom in" title="Zoom in (+)">+</button>
      <button type="button" data-deed="play" aria-pressed="false" title="Slideshow (space)">Slideshow</button>
      <a data-part="page">Photo page</a>
      <button type="button" data-deed="close" title="Close (Escape)">Close</button>
    </div>
  </div>
  <div class="lightbox-stage" data-part="stage"><img data-part="picture" alt="" draggable="false"></div>
  <button type="button" class="lightbox-step before" data-deed="previous" aria-label="Previous photo">‹</button>
  <button type="button" class="lightbox-step after" data-deed="next" aria-label="Next photo">›</button>
  <p class="hidden" role="status" data-part="said"></p>`;

class Lightbox {
  constructor() {
    this.dialog = document.createElement("dialog");
    this.dialog.className = "lightbox";
    this.dialog.setAttribute("aria-label", "Photo, large");
    this.dialog.innerHTML = TEMPLATE;
    this.dialog.tabIndex = -1;
    document.body.append(this.dialog);
    const part = (name) => this.dialog.querySelector(`[data-part=${name}]`);
    [this.name, this.place, this.page, this.said] = ["name", "place", "page", "said"].map(part);
    this.picture = part("picture");
    this.zoomed = new ZoomedPicture(part("stage"), this.picture, {
      swiped: (step) => this.step(step),
      dropped: () => this.close(),
    });
    this.deeds = {
      previous: () => this.step(-1),
      next: () => this.step(1),
      in: () => this.zoomed.zoom(1.5),
      out: () => this.zoomed.zoom(1 / 1.5),
      play: () => this.play(!this.timer),
      close: () => this.close(),
    };
    this.dialog.addEventListener("click", (event) => {
      this.deeds[event.target.closest("[data-deed]")?.dataset.deed]?.();
    });
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    // However it is closed, by Escape or a button, its entry in the history goes with it.
    this.dialog.addEventListener("close", () => {
      this.play(false);
      this.picture.removeAttribute("src");
      this.opener?.focus({ preventScroll: true });
      if (history.state?.lightbox) history.back();
    });
    this.picture.addEventListener("error", () => this.fallBack());
    this.picture.addEventListener("load", () => { this.picture.style.background = ""; });
  }

  open(link) {
    this.opener = link;
    this.show(link);
    this.dialog.showModal();
    this.dialog.focus();
  }

  show(link) {
    this.link = link;
    const links = linksOf(document);
    const at = links.indexOf(link);
    const thumbnail = link.querySelector("img");
    this.name.textContent = link.dataset.name ?? "";
    this.place.textContent = `${at + 1} of ${links.length}`;
    this.page.href = link.href;
    this.page.hidden = link.href === new URL(link.dataset.large, location).href; // it has no page
    this.zoomed.reset();
    this.picture.alt = thumbnail?.alt ?? "";
    // The thumbnail stands in until the large picture has come.
    this.picture.style.background = thumbnail ? `center / contain no-repeat url("${thumbnail.src}")` : "";
    this.picture.src = link.dataset.large;
    for (const [deed, there] of [["previous", at > 0], ["next", at < links.length - 1]]) {
      this.dialog.querySelector(`[data-deed=${deed}]`).disabled = !there;
    }
    this.said.textContent = `Photo ${at + 1} of ${links.length}: ${this.picture.alt}`;
    const next = links[at + 1];
    if (next) new Image().src = next.dataset.large;
  }

  step(by) {
    const links = linksOf(document);
    const next = links[links.indexOf(this.link) + by];
    if (!next) return this.play(false);
    this.show(next);
    next.scrollIntoView({ block: "nearest" }); // a page that adds cards as it is scrolled adds them
    history.replaceState(history.state, "", addressOf(next));
    // What lost the focus as it was disabled must not lose the keyboard.
    if (document.activeElement?.disabled || !this.dialog.contains(document.activeElement)) this.dialog.focus();
  }

  play(on) {
    clearInterval(this.timer);
    this.timer = on ? setInterval(() => this.step(1), PAUSE) : null;
    this.dialog.querySelector("[data-deed=play]").setAttribute("aria-pressed", String(on));
  }

  // An original whose disk is away is shown by its thumbnail.
  fallBack() {
    const thumbnail = this.link?.querySelector("img");
    if (thumbnail && this.picture.src !== thumbnail.src) this.picture.src = thumbnail.src;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey && event.key !== "+") return;
    const pressed = event.target.closest("button, a");
    const deed = {
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      "+": () => this.zoomed.zoom(1.5),
      "=": () => this.zoomed.zoom(1.5),
      "-": () => this.zoomed.zoom(1 / 1.5),
      0: () => this.zoomed.reset(),
      " ": pressed ? null : () => this.play(!this.timer),
    }[event.key];
    if (!deed) return;
    event.preventDefault();
    event.stopPropagation();
    deed();
  }

  close() {
    this.dialog.close();
  }
}

// The page's own address, with the card that is looked at where that has an id.
function addressOf(link) {
  const card = link.closest(".card[id]");
  return card ? `#${card.id}` : null;
}

function linksOf(page) {
  return [...page.querySelectorAll(LINKS)];
}

let lightbox = null;

function open(link) {
  lightbox ??= new Lightbox();
  lightbox.open(link);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(LINKS);
  const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0;
  if (!link || elsewhere || event.defaultPrevented) return;
  event.preventDefault();
  open(link);
  history.pushState({ ...history.state, lightbox: true }, "", addressOf(link));
});

// Back closes it; Forward, and Back from a photo's page, open it again where it was.
function follow(state) {
  if (!state?.lightbox) return lightbox?.close();
  if (lightbox?.dialog.open) return;
  const id = location.hash.slice(1);
  const find = () => document.getElementById(id)?.querySelector(LINKS);
  if (find()) return open(find());
  if (id) awaitLink(find, () => history.state?.lightbox && location.hash.slice(1) === id);
}

// A page that adds cards as it is scrolled, as the timeline does, may not have this one yet.
function awaitLink(find, wanted) {
  const seen = new MutationObserver(() => {
    if (!find() && wanted()) return;
    seen.disconnect();
    if (wanted() && !lightbox?.dialog.open) open(find());
  });
  seen.observe(document.querySelector("main"), { childList: true, subtree: true });
  setTimeout(() => seen.disconnect(), PATIENCE);
}
window.addEventListener("popstate", (event) => follow(event.state));
follow(history.state);
