// The scripts of the search page.
import { showAttentionOnCards } from "./attention.js";
import { addCopyButton } from "./copy_button.js";
import { growExcludeFields } from "./exclude_fields.js";
import { liveFilters } from "./filters.js";
import { loadMoreInPlace } from "./load_more.js";
import { closeMenus } from "./card_menus.js";
import { noteSearch } from "./recent_search.js";

liveFilters(document.querySelector(".filters"));
const results = document.querySelector(".results");
if (results) {
  const attention = showAttentionOnCards(results);
  loadMoreInPlace(results, attention.addWordButtons);
  closeMenus(results);
  noteSearch();
}
growExcludeFields(document.querySelector(".unwanted"));
addCopyButton(document.getElementById("curl"));
