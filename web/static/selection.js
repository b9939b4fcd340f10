// Photos are selected on any page with cards, and kept or taken away together.
//
// Every `.card` with `data-photo`, the photo's number, gets a box in its corner, also one that comes
// later. A click selects it; with shift, all from the last one on. By keyboard: x, where the focus is
// in a card, and shift with the arrow keys. See docs/albums.md.
import { keepPhotos } from "./keep_photos.js";

const CARDS = ".card[data-photo]";
const ARROWS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const picked = new Set(); // numbers of photos, whose cards may have been taken away since
let last = null; // the card that was selected or dropped last

const cards = () => [...document.querySelectorAll(CARDS)];
const boxOf = (card) => card.querySelector(":scope > .choose > input");

const bar = document.createElement("section");
bar.className = "chosen-bar";
bar.hidden = true;
bar.setAttribute("aria-label", "Selected photos");
const count = document.createElement("p");
count.setAttribute("role", "status");
bar.append(count);

function addBox(card) {
  if (boxOf(card)) return;
  const label = document.createElement("label");
  label.className = "choose";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.setAttribute("aria-label", `Select ${card.querySelector(".picture")?.dataset.name ?? "this photo"}`);
  box.autocomplete = "off"; // a page that is shown again begins with none
  label.append(box);
  card.prepend(label);
  choose(card, picked.has(card.dataset.photo));
  box.addEventListener("click", (event) => {
    if (event.shiftKey) chooseUpTo(card, box.checked);
    choose(card, box.checked);
    last = card;
    show();
  });
}

function choose(card, on) {
  boxOf(card).checked = on;
  card.classList.toggle("chosen", on);
  if (on) picked.add(card.dataset.photo);
  else picked.delete(card.dataset.photo);
}

// All cards from the last one to this one.
function chooseUpTo(card, on) {
  const all = cards();
  const [from, to] = [all.indexOf(last), all.indexOf(card)].sort((a, b) => a - b);
  if (from >= 0) all.slice(from, to + 1).forEach((each) => choose(each, on));
}

function show() {
  document.documentElement.classList.toggle("choosing", picked.size > 0);
  if (!bar.isConnected && picked.size) document.body.append(bar);
  bar.hidden = picked.size === 0;
  count.textContent = picked.size ? `${picked.size} selected` : "";
}

function clear() {
  picked.clear();
  cards().forEach((card) => choose(card, false));
  show();
  last?.querySelector("a")?.focus({ preventScroll: true });
}

function key(event) {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]");
  const card = event.target.closest(CARDS);
  if (!card || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.shiftKey && !event.target.closest("[role=toolbar]") ? ARROWS[event.key] : undefined;
  if (event.key === "x") choose(card, !boxOf(card).checked);
  else if (step) {
    const next = cards()[cards().indexOf(card) + step];
    choose(card, true);
    if (next) {
      choose(next, true);
      boxOf(next).focus();
    }
  } else return;
  event.preventDefault();
  last = card;
  show();
}

function start() {
  cards().forEach(addBox);
  const arrive = (node) => {
    if (!(node instanceof Element)) return;
    if (node.matches(CARDS)) addBox(node);
    else node.querySelectorAll(CARDS).forEach(addBox);
  };
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(arrive)))
    .observe(document.querySelector("main"), { childList: true, subtree: true });
  document.addEventListener("keydown", key);
  keepPhotos(bar, () => [...picked].map(Number), clear);
}

start();
