// The menus of cards: one open at a time, closed by Escape and by pressing elsewhere.

export function closeMenus(results) {
  const opened = () => [...results.querySelectorAll("details.without[open]")];
  results.addEventListener("toggle", ({ target }) => {
    if (target.open) opened().filter((menu) => menu !== target).forEach((menu) => { menu.open = false; });
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
