// The photo page: heatmaps of where words are seen, and answers without a new page. Every form works
// without this file.
import { penOver, within } from "./canvas_overlay.js";
import { heatmapOf, placeOf } from "./heatmap.js";

const frame = document.querySelector(".frame");
const picture = frame?.querySelector("img");

const spot = document.createElement("canvas");
spot.className = "spot";
const looking = document.createElement("span");
looking.className = "looking";
looking.setAttribute("aria-hidden", "true");
const peek = document.createElement("div");
peek.className = "peek";
peek.hidden = true;
peek.append(document.createElement("canvas"));

const inSight = () => {
  const box = picture.getBoundingClientRect();
  const seen = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
  return seen > box.height * 0.6;
};

// Where it does not cover the word that is told.
const drawPeek = (veil, row) => {
  const width = Math.min(innerWidth * 0.44, 260);
  const height = Math.min((width * picture.naturalHeight) / picture.naturalWidth, innerHeight * 0.4);
  peek.style.width = `${width}px`;
  peek.style.height = `${height}px`;
  peek.classList.toggle("above", row.getBoundingClientRect().bottom > innerHeight - height - 40);
  const canvas = peek.firstElementChild;
  const pen = penOver(canvas, width, height);
  pen.drawImage(picture, ...within(canvas, picture));
  pen.drawImage(veil, ...within(canvas, picture));
  peek.hidden = false;
};

const hide = () => {
  spot.classList.remove("shown");
  looking.classList.remove("shown");
  peek.hidden = true;
  document.querySelectorAll(".lit").forEach((row) => row.classList.remove("lit"));
  document.querySelectorAll("[aria-pressed=true]").forEach((each) => each.setAttribute("aria-pressed", "false"));
};

const show = (row, word) => {
  hide();
  row.classList.add("lit");
  row.querySelector(".look-at").setAttribute("aria-pressed", "true");
  if (!picture?.naturalWidth) return;
  if (!word.map.length) return say(`“${word.word}” – ${placeOf(word)}`);
  const veil = heatmapOf(word.map);
  if (!inSight()) return drawPeek(veil, row);
  const pen = penOver(spot, picture.clientWidth, picture.clientHeight);
  pen.drawImage(veil, ...within(spot, picture));
  spot.classList.add("shown");
  say(`“${word.word}” – ${row.querySelector(".place").textContent}`);
};

const say = (text) => {
  looking.textContent = text;
  looking.classList.add("shown");
};

const explanations = new Map(); // address -> promise of its words
const wordsOf = (address) => {
  if (!explanations.has(address)) {
    const asked = fetch(address).then((answer) => (answer.ok ? answer.json() : { words: [] }));
    explanations.set(address, asked.then((told) => told.words).catch(() => []));
  }
  return explanations.get(address);
};

let wanted = null; // the row that was pointed at last
const point = async (row) => {
  wanted = row;
  const table = row.closest("[data-explain]");
  const words = await wordsOf(table.dataset.explain);
  const word = words[[...row.parentNode.children].indexOf(row)];
  if (word && wanted === row) show(row, word);
};
const leave = () => {
  wanted = null;
  hide();
};

const addWordButtons = (table) => {
  for (const row of table.tBodies[0].rows) {
    const word = row.querySelector(".look-word");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "look-at";
    button.textContent = word.textContent;
    button.title = "Show where the model looked";
    button.setAttribute("aria-pressed", "false");
    word.replaceWith(button);
    row.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") point(row); });
    row.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") leave(); });
    button.addEventListener("focus", () => point(row));
    button.addEventListener("blur", leave);
    row.addEventListener("click", () => {
      if (button.getAttribute("aria-pressed") !== "true") point(row);
    });
  }
};

const addAllWordButtons = (part) => part.querySelectorAll("table[data-explain]").forEach(addWordButtons);

if (frame) {
  frame.append(spot, looking);
  document.body.append(peek);
  addAllWordButtons(document);
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") leave(); });
window.addEventListener("resize", leave);

// Said to those who hear the page rather than see it.
const said = document.createElement("p");
said.className = "hidden";
said.setAttribute("role", "status");
document.body.append(said);

// Answers come into their own section; the address stays one that can be shared. Whatever
// goes wrong, the form is sent as it would have been.
const ask = async (form) => {
  const section = form.closest("section");
  const address = new URL(form.action);
  address.search = new URLSearchParams(new FormData(form)).toString();
  form.setAttribute("aria-busy", "true");
  const answer = await fetch(address);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(section.id);
  if (!fresh) throw new Error("no such section");
  leave();
  section.replaceWith(fresh);
  addAllWordButtons(fresh);
  history.replaceState(null, "", address);
  said.textContent = fresh.querySelector("[role=alert], .verdict, .reasons, .ranking")?.innerText ?? "";
  fresh.querySelector("form.ask :is(input:not([type=hidden]), textarea)").focus({ preventScroll: true });
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches(".ask")) return;
  event.preventDefault();
  ask(form).catch(() => form.submit());
});

// Arrow keys go along the results, where nothing else wants them.
document.addEventListener("keydown", (event) => {
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const busy = event.target.closest("input, textarea, select, [contenteditable]");
  if (!rel || busy || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  document.querySelector(`.walk a[rel=${rel}]`)?.click();
});
