// Heatmaps on result cards: pointing at a word, or moving the focus to it, lays over the card's photo
// where the word is seen. The maps of a photo are fetched once.
import { announce } from "./live_region.js";
import { heatmapOver, placeOf } from "./heatmap.js";

const PAUSE = 90; // milliseconds that the pointer rests before the server is asked

export function showAttentionOnCards(results) {
  const attention = new Attention(results);
  attention.addWordButtons([...results.querySelectorAll(".card")]);
  return { addWordButtons: (cards) => attention.addWordButtons(cards) };
}

class Attention {
  constructor(results) {
    this.results = results;
    this.explained = new Map(); // address -> promise of the words with their maps
    this.shown = null; // the word whose map lies on a photo
    results.addEventListener("pointerover", (event) => this.pointed(event));
    results.addEventListener("pointerout", (event) => this.left(event));
    results.addEventListener("focusin", (event) => this.focused(event));
    results.addEventListener("focusout", () => this.clear());
    results.addEventListener("click", (event) => this.pressed(event));
    results.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.clear(); });
  }

  // The words of a card become one stop of the Tab key; arrows go from word to word.
  addWordButtons(cards) {
    for (const wordList of cards.map((card) => card.querySelector(".told")).filter(Boolean)) {
      wordList.setAttribute("role", "toolbar");
      wordList.setAttribute("aria-label", "Where the model looked, word by word");
      wordsIn(wordList).forEach((word, place) => {
        word.setAttribute("role", "button");
        word.tabIndex = place ? -1 : 0;
      });
    }
  }

  pointed(event) {
    const word = event.target.closest(".told .word");
    if (!word || event.pointerType !== "mouse") return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(word), PAUSE);
  }

  left(event) {
    if (!event.target.closest(".told .word") || event.pointerType !== "mouse") return;
    clearTimeout(this.timer);
    const focused = document.activeElement?.closest?.(".told .word");
    if (focused?.matches(":focus-visible")) this.show(focused);
    else this.clear();
  }

  focused(event) {
    const word = event.target.closest(".told .word");
    if (word?.matches(":focus-visible")) this.show(word, true);
  }

  // A tap shows the word, and a second one hides it.
  pressed(event) {
    const word = event.target.closest(".told .word");
    if (!word) return;
    const again = this.tapped === word && this.shown === word;
    this.tapped = again ? null : word;
    if (again) this.clear();
    else this.show(word, true);
  }

  key(event) {
    const word = event.target.closest(".told .word");
    if (!word) return;
    const words = wordsIn(word.parentElement);
    const goal = arrowKeyTargets(words, words.indexOf(word))[event.key];
    if (event.key === "Enter" || event.key === " ") this.pressed(event);
    else if (!goal) return;
    event.preventDefault();
    if (goal) this.go(word, goal);
  }

  go(from, to) {
    from.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }

  async show(word, aloud = false) {
    if (this.shown === word) return;
    this.clear();
    this.shown = word;
    const card = word.closest(".card");
    const place = wordsIn(word.parentElement).indexOf(word);
    const words = await this.explain(card.dataset.explain);
    if (this.shown !== word || !words?.[place]) return;
    const where = placeOf(words[place]);
    word.classList.add("lit");
    this.layer = overlayHeatmap(card.querySelector(".picture"), words[place].map, `${word.textContent}: ${where}`);
    if (aloud) announce(`${word.title}. ${words[place].map.length ? `The model ${where}` : where}.`);
  }

  explain(address) {
    if (!this.explained.has(address)) {
      const query = new URLSearchParams({ q: this.results.dataset.query });
      const answer = fetch(`${address}?${query}`).then((found) => (found.ok ? found.json() : null));
      const words = answer.then((found) => found?.words).catch(() => null);
      this.explained.set(address, words);
      // What failed may be asked for again.
      words.then((found) => { if (!found) this.explained.delete(address); });
    }
    return this.explained.get(address);
  }

  clear() {
    clearTimeout(this.timer);
    this.shown?.classList.remove("lit");
    this.shown = null;
    this.layer?.remove();
    this.layer = null;
  }
}

function wordsIn(wordList) {
  return [...wordList.querySelectorAll(".word")];
}

function arrowKeyTargets(words, at) {
  return {
    ArrowRight: words[at + 1],
    ArrowLeft: words[at - 1],
    Home: words[0],
    End: words.at(-1),
  };
}

function overlayHeatmap(picture, map, text) {
  const layer = document.createElement("span");
  layer.className = "looked";
  layer.setAttribute("aria-hidden", "true");
  const label = document.createElement("span");
  label.className = "where";
  label.textContent = text;
  if (map.length) layer.append(heatmapOver(map, picture.querySelector("img")));
  layer.append(label);
  picture.append(layer);
  return layer;
}
