// What makes the search page better than its HTML: each part stands in a file of its own.
import { showAttention } from "./attention.js";
import { offerCopies } from "./copy_button.js";
import { growExclusions } from "./exclude_fields.js";
import { loadInPlace } from "./load_more.js";
import { tendMenus } from "./card_menus.js";

const results = document.querySelector(".results");
if (results) {
  const attention = showAttention(results);
  loadInPlace(results, attention.enliven);
  tendMenus(results);
}
growExclusions(document.querySelector(".unwanted"));
offerCopies(document.getElementById("curl"));
