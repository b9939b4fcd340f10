// An album's photos in an order of one's own: dragged, with all that are selected, or moved by Alt,
// Shift and an arrow key, by one place or by a row. Each move is kept at once. See docs/albums.md.
import { announce } from "./live_region.js";

const kept = document.querySelector("[data-album]");
const grid = kept?.querySelector(".grid");
const address = `${document.documentElement.dataset.api}/albums/${kept?.dataset.album}`;
const cards = () => [...grid.querySelectorAll(":scope > .card")];
let dragged = []; // cards, in their order

function start() {
  for (const card of cards()) {
    card.draggable = true;
    // Or the browser drags the link, or a copy of the picture, in place of the card.
    for (const part of card.querySelectorAll("a, img")) part.draggable = false;
  }
  grid.addEventListener("dragstart", pick);
  grid.addEventListener("dragover", point);
  grid.addEventListener("drop", drop);
  grid.addEventListener("dragend", end);
  grid.addEventListener("keydown", key);
}

function pick(event) {
  const card = event.target.closest(".card");
  dragged = card.matches(".chosen") ? cards().filter((each) => each.matches(".chosen")) : [card];
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", card.dataset.photo);
  dragged.forEach((each) => each.classList.add("dragged"));
}

// The card before which photos would be dropped; null: behind the last one.
function placeAt(event) {
  const over = event.target.closest(".card");
  if (!over) return undefined;
  const { left, width } = over.getBoundingClientRect();
  return event.clientX < left + width / 2 ? over : over.nextElementSibling;
}

function point(event) {
  if (!dragged.length || placeAt(event) === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  mark(event);
}

function mark(event) {
  unmark();
  const over = event?.target.closest(".card");
  if (over) over.classList.add(placeAt(event) === over ? "drop-before" : "drop-behind");
}

function unmark() {
  for (const each of cards()) each.classList.remove("drop-before", "drop-behind");
}

function drop(event) {
  const before = placeAt(event);
  if (!dragged.length || before === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  move(dragged, before);
}

function end() {
  unmark();
  dragged.forEach((each) => each.classList.remove("dragged"));
  dragged = [];
}

function key(event) {
  if (!event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey) return;
  const card = event.target.closest(".card");
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -inRow(card), ArrowDown: inRow(card) }[event.key];
  if (!card || !step) return;
  event.preventDefault();
  const all = cards();
  const to = Math.min(Math.max(all.indexOf(card) + step, 0), all.length - 1);
  if (all[to] === card) return;
  const focused = document.activeElement;
  move([card], step < 0 ? all[to] : all[to].nextElementSibling);
  focused.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

// How many photos stand beside a card.
function inRow(card) {
  return cards().filter((each) => each.offsetTop === card?.offsetTop).length;
}

async function move(moved, before) {
  while (moved.includes(before)) before = before.nextElementSibling;
  const former = cards();
  for (const card of moved) grid.insertBefore(card, before);
  const now = cards();
  const ahead = now[now.indexOf(moved[0]) - 1]?.dataset.photo ?? kept.dataset.preceding;
  const body = { order: moved.map((card) => Number(card.dataset.photo)) };
  if (ahead !== undefined) body.after = Number(ahead);
  try {
    await keep(body);
    announce(`${nameOf(moved)}: place ${now.indexOf(moved[0]) + 1} of ${now.length}`);
  } catch (error) {
    grid.prepend(...former);
    announce(error.message, { seen: true });
  }
}

// One after the other: a move is meant as of the order that the one before it left.
let last = Promise.resolve();
function keep(body) {
  const sent = last.then(() => send(body));
  last = sent.catch(() => {});
  return sent;
}

async function send(body) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(address, { method: "PATCH", headers, body: JSON.stringify(body) });
  if (answer.ok) return;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error?.message ?? "The server does not answer as it should.");
}

function nameOf(moved) {
  if (moved.length > 1) return `${moved.length} photos`;
  return moved[0].querySelector(".picture").dataset.name;
}

if (grid) start();
