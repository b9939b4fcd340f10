// The next page of results, loaded into this one. The address then says how many are shown, so
// that going back, reloading and sharing bring all of them, and the browser restores the scroll
// position.
import { announce } from "./live_region.js";

export function loadMoreInPlace(results, addWordButtons) {
  const pages = document.querySelector(".pages");
  const most = Number(results.dataset.most); // of one address; beyond that the link leads to a new page
  pages?.addEventListener("click", (event) => {
    const link = event.target.closest("a[rel=next]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    if (new URL(location).searchParams.has("offset") || offsetOf(link) >= most) return;
    event.preventDefault();
    if (link.getAttribute("aria-busy") === "true") return;
    more(results, link, addWordButtons).catch(() => { location.href = link.href; });
  });
}

async function more(results, link, addWordButtons) {
  link.setAttribute("aria-busy", "true");
  const answer = await fetch(link.href);
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const added = append(results, page.querySelector(".results"));
  addWordButtons(added);
  const next = page.querySelector(".pages a[rel=next]");
  if (next) link.replaceWith(document.importNode(next, true));
  else link.remove();
  remember(offsetOf(next ?? link) + (next ? 0 : added.length));
  added[0]?.querySelector("a").focus({ preventScroll: true });
}

function offsetOf(link) {
  return Number(new URL(link.href).searchParams.get("offset"));
}

// Lists grow; the line is drawn once, however many pages lie below it.
function append(results, arrived) {
  // A copy of a photo that is shown stands behind it already.
  arrived?.querySelectorAll(".card").forEach((card) => {
    if (results.querySelector(`[data-content="${card.dataset.content}"]`)) card.remove();
  });
  const added = [...(arrived?.querySelectorAll(".card") ?? [])].map((card) => document.importNode(card, true));
  const line = arrived?.querySelector(".line");
  const above = line && !results.querySelector(".line") ? line.previousElementSibling?.children.length ?? 0 : added.length;
  results.lastElementChild.append(...added.slice(0, above));
  if (above < added.length) {
    const below = document.importNode(arrived.lastElementChild, false);
    below.append(...added.slice(above));
    results.append(document.importNode(line, true), below);
  }
  return added;
}

// `asked`: how many photos the address then asks for, copies of those shown included.
function remember(asked) {
  const shown = document.querySelectorAll(".results .card").length;
  const address = new URL(location);
  address.searchParams.set("k", asked);
  history.replaceState(history.state, "", address);
  follow(address.search, asked);
  const count = document.getElementById("shown");
  if (count) count.textContent = shown;
  announce(`${shown} photos are shown.`);
}

// Photos lead back to all that is shown, and programs are told to fetch as much.
function follow(search, shown) {
  document.querySelectorAll(".card > .picture, .name > a, .deeds > a").forEach((link) => { link.search = search; });
  document.querySelectorAll("#as-json").forEach((link) => { link.href = counted(link.href, shown); });
  document.querySelectorAll("#curl").forEach((line) => { line.textContent = counted(line.textContent, shown); });
}

function counted(address, shown) {
  return address.replace(/([?&]k=)\d+/, `$1${shown}`);
}
