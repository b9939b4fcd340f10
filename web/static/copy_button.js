// A button that copies a line of code.
import { announce } from "./live_region.js";

const SHOWN = 2000; // milliseconds

export function addCopyButton(code) {
  if (!code || !navigator.clipboard) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const copied = await navigator.clipboard.writeText(code.textContent).then(() => true, () => false);
    button.textContent = copied ? "Copied" : "Select it and copy";
    announce(copied ? "The command is copied." : "The browser does not let the page copy.");
    setTimeout(() => { button.textContent = "Copy"; }, SHOWN);
  });
  code.closest("pre").after(button);
}
