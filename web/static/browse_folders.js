// The tree of folders: a branch is fetched when it is opened, and hidden when it is closed.
const tree = document.querySelector(".folders");

tree?.addEventListener("click", (event) => {
  const twist = event.target.closest("a.twist");
  if (!twist || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  turn(twist).catch(() => { location.href = twist.href; });
});

async function turn(twist) {
  const item = twist.parentElement;
  const opens = twist.ariaExpanded !== "true";
  let branch = item.querySelector(":scope > .tree");
  if (opens && !branch) {
    twist.setAttribute("aria-busy", "true");
    branch = branchOf((await fetched(twist.dataset.folder)).folders);
    twist.removeAttribute("aria-busy");
    item.append(branch);
  }
  if (branch) branch.hidden = !opens;
  twist.ariaExpanded = String(opens);
  const name = item.querySelector(".folder-name").textContent;
  twist.querySelector(".hidden").textContent = `${opens ? "Close" : "Open"} ${name}`;
}

async function fetched(path) {
  const answer = await fetch(address(tree.dataset.folders, { path }));
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

function branchOf(folders) {
  const branch = element("ul", "tree");
  branch.append(...folders.map(itemOf));
  return branch;
}

function itemOf(folder) {
  const item = element("li");
  item.append(folder.has_subfolders ? twistOf(folder) : element("span", "twist"), " ", nameOf(folder), " ", countOf(folder));
  return item;
}

function twistOf(folder) {
  const twist = element("a", "twist");
  twist.href = address(location.pathname, { path: folder.path });
  twist.dataset.folder = folder.path;
  twist.ariaExpanded = "false";
  twist.append(element("span", "hidden", `Open ${folder.name}`));
  return twist;
}

function nameOf(folder) {
  const name = element("span", "folder-name");
  const link = element("a", "", folder.name);
  link.href = address(tree.dataset.photos, { folder: folder.path });
  name.append(link);
  return name;
}

function countOf(folder) {
  const many = element("span", "many", folder.photos.toLocaleString("en"));
  many.append(element("span", "hidden", folder.photos === 1 ? " photo" : " photos"));
  return many;
}

function element(kind, name = "", text = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

function address(path, fields) {
  return `${path}?${new URLSearchParams(fields)}`;
}
