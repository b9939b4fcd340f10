// What can be done with photos: favourites, albums, a ZIP archive, and a link that shares them. For
// those that are selected, and for the one of its own page. Where the home can only be read, photos
// are downloaded, and nothing is kept.
import { announce } from "./live_region.js";

const API = document.documentElement.dataset.api;
const DAYS = 30; // that a link lasts
const readOnly = document.documentElement.hasAttribute("data-read-only");

export function keepPhotos(bar, selected, clear) {
  const album = document.querySelector("[data-album]")?.dataset.album;
  const add = (name, deed) => bar.append(button(name, () => attempt(bar, () => deed(selected()))));
  if (!readOnly) {
    if (document.querySelector("[data-favourites]")) add("No favourite", leaveFavourites);
    else add("Favourite", async (ids) => { await favourite({ add: ids }); announce(`${ids.length} marked as favourites.`, { seen: true }); clear(); });
    add("Add to album", chooseAlbum);
    if (album) {
      add("Move to front", (ids) => change("PATCH", `/albums/${album}`, { order: ids }));
      add("Take out", (ids) => change("POST", `/albums/${album}/photos`, { remove: ids }));
    }
  }
  add("Download ZIP", download);
  if (!readOnly) add("Share", share);
  bar.append(button("Clear", clear));
}

// The buttons of a photo's own page.
const own = document.querySelector("[data-photo-deeds]");
own?.addEventListener("click", ({ target }) => {
  const ids = [Number(own.dataset.photo)];
  if (target.matches("[data-add-to-album]")) attempt(own, () => chooseAlbum(ids));
  if (!target.matches("[data-favourite]")) return;
  const on = target.getAttribute("aria-pressed") !== "true";
  attempt(own, async () => {
    await favourite(on ? { add: ids } : { remove: ids });
    target.setAttribute("aria-pressed", String(on));
  });
});

// Of the results of a search, those that are shown.
document.querySelector("[data-share-shown]")?.addEventListener("click", ({ target }) => {
  const shown = [...document.querySelectorAll(".results .card")].map((card) => Number(card.dataset.photo));
  attempt(target.parentElement, () => share(shown));
});

const favourite = (change) => ask("POST", "/favourites", change);

async function leaveFavourites(ids) {
  await favourite({ remove: ids });
  location.reload();
}

async function change(method, address, body) {
  await ask(method, address, body);
  location.reload();
}

// The browser saves what a form brings; nothing of it is held in the page.
function download(ids) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = document.documentElement.dataset.download;
  form.hidden = true;
  for (const id of ids) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "photo_id", value: id });
    form.append(field);
  }
  document.body.append(form);
  form.submit();
  form.remove();
}

async function share(ids) {
  // Other pages are called by a folder or a place, which is nobody else's business.
  const kept = document.querySelector(":is([data-album], [data-favourites]) h1")?.textContent;
  const title = document.getElementById("q")?.value.trim().slice(0, 100) || kept || "Photos";
  const { link } = await ask("POST", "/shares", { photo_ids: ids, title, days: DAYS });
  const dialog = dialogOf("Whoever has this link sees the photos");
  const field = document.createElement("input");
  Object.assign(field, { value: link, readOnly: true });
  field.setAttribute("aria-label", "The link");
  const hint = document.createElement("p");
  hint.textContent = `It is shown only now, lasts ${DAYS} days, and can be revoked under Albums. It shows no places and no captions.`;
  dialog.append(field, hint, button("Close", () => dialog.close()));
  show(dialog);
  field.select();
}

async function chooseAlbum(ids) {
  const { albums } = await ask("GET", "/albums");
  const dialog = dialogOf("Add to which album?");
  const told = (name) => { dialog.close(); announce(`Added to ${name}.`, { seen: true }); };
  const list = document.createElement("ul");
  for (const each of albums) {
    const item = document.createElement("li");
    item.append(button(each.name, () => attempt(dialog, async () => {
      await ask("POST", `/albums/${each.album_id}/photos`, { add: ids });
      told(each.name);
    })));
    list.append(item);
  }
  const form = document.createElement("form");
  const field = document.createElement("input");
  Object.assign(field, { required: true, maxLength: 100, placeholder: "A new album", autocomplete: "off" });
  field.setAttribute("aria-label", "Name of a new album");
  const make = button("Make it", () => {});
  make.type = "submit";
  form.append(field, make);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(dialog, async () => {
      await ask("POST", "/albums", { name: field.value, photo_ids: ids });
      told(field.value);
    });
  });
  if (albums.length) dialog.append(list);
  dialog.append(form, button("Cancel", () => dialog.close()));
  show(dialog);
}

function dialogOf(heading) {
  const dialog = document.createElement("dialog");
  dialog.className = "album-choice";
  dialog.setAttribute("aria-label", heading);
  const title = document.createElement("h2");
  title.textContent = heading;
  dialog.append(title);
  dialog.addEventListener("close", () => dialog.remove());
  return dialog;
}

function show(dialog) {
  document.body.append(dialog);
  dialog.showModal();
}

// Says beside the buttons what went wrong.
async function attempt(place, deed) {
  place.querySelector(".wrong-deed")?.remove();
  try {
    await deed();
  } catch (error) {
    const said = document.createElement("p");
    said.className = "wrong-deed";
    said.setAttribute("role", "alert");
    said.textContent = error.message;
    place.append(said);
  }
}

async function ask(method, address, body) {
  const options = body ? { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {};
  const answer = await fetch(`${API}${address}`, { method, ...options });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error?.message ?? "The server does not answer as it should.");
  return told;
}

function button(name, deed) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = name;
  made.addEventListener("click", deed);
  return made;
}
