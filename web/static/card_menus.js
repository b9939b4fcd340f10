// The menus of cards: one open at a time, within the window, closed by Escape and by pressing elsewhere.

export function closeMenus(results) {
  const opened = () => [...results.querySelectorAll("details.without[open]")];
  results.addEventListener("toggle", ({ target }) => {
    if (!target.open) return;
    opened().filter((menu) => menu !== target).forEach((menu) => { menu.open = false; });
    bringIntoView(target);
  }, true);
  document.addEventListener("pointerdown", (event) => {
    opened().filter((menu) => !menu.contains(event.target)).forEach((menu) => { menu.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    opened().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
}

// Where it does not fit below its button it opens above it; where neither does, the page moves.
function bringIntoView(details) {
  const menu = details.querySelector(".menu");
  menu.classList.remove("above");
  if (menu.getBoundingClientRect().bottom <= innerHeight) return;
  const floats = getComputedStyle(menu).position === "absolute";
  const room = details.getBoundingClientRect().top - (document.querySelector(".bar")?.getBoundingClientRect().bottom ?? 0);
  menu.classList.toggle("above", floats && menu.offsetHeight < room);
  menu.scrollIntoView({ block: "nearest" });
}
