// The filters: Escape closes them, what is picked from a list takes along what else was typed, and
// folders are fetched when one is opened.

export function liveFilters(filters) {
  if (!filters) return;
  document.addEventListener("keydown", (event) => {
    const menuIsOpen = document.querySelector(".without[open]");
    if (event.key !== "Escape" || event.defaultPrevented || !filters.open || menuIsOpen) return;
    filters.open = false;
    filters.querySelector("summary").focus();
  });
  filters.addEventListener("click", (event) => {
    const pick = event.target.closest("a.pick");
    if (pick && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      take(filters, JSON.parse(pick.dataset.fields));
    }
    const twist = event.target.closest(".twist");
    if (twist) turn(twist).catch(() => twist.removeAttribute("aria-busy"));
  });
}

function take(filters, fields) {
  for (const [name, text] of Object.entries(fields)) filters.querySelector(`[name="${name}"]`).value = text;
  document.getElementById("search").requestSubmit();
}

async function turn(twist) {
  const opens = twist.ariaExpanded !== "true";
  let branch = twist.parentElement.querySelector(":scope > .tree");
  if (opens && !branch) {
    twist.setAttribute("aria-busy", "true");
    branch = branchOf(twist, await foldersIn(twist));
    twist.removeAttribute("aria-busy");
    twist.parentElement.append(branch);
  }
  if (branch) branch.hidden = !opens;
  twist.ariaExpanded = String(opens);
}

async function foldersIn(twist) {
  const path = new URLSearchParams({ path: twist.dataset.folder });
  const answer = await fetch(`${twist.closest(".folder-tree").dataset.folders}?${path}`);
  if (!answer.ok) throw new Error(answer.statusText);
  return (await answer.json()).folders.filter((folder) => folder.path);
}

// Each like the one that was opened, as the page itself has it.
function branchOf(twist, folders) {
  const branch = document.createElement("ul");
  branch.className = "tree";
  for (const folder of folders) {
    const item = document.createElement("li");
    if (folder.has_subfolders) item.append(twistOf(twist, folder));
    item.append(pickOf(twist, folder));
    branch.append(item);
  }
  return branch;
}

function twistOf(twist, folder) {
  const button = twist.cloneNode(true);
  button.dataset.folder = folder.path;
  button.ariaExpanded = "false";
  button.removeAttribute("aria-busy");
  button.querySelector(".hidden").textContent = `Folders in ${folder.name}`;
  return button;
}

function pickOf(twist, folder) {
  const pick = document.createElement("a");
  const address = new URL(location);
  address.searchParams.set("folder", folder.path);
  pick.className = "pick";
  pick.href = address.search;
  pick.dataset.fields = JSON.stringify({ folder: folder.path });
  const many = document.createElement("span");
  many.className = "many";
  many.textContent = folder.photos.toLocaleString("en");
  pick.append(`${folder.name} `, many);
  return pick;
}
