// Autocomplete under the query box: a combobox with a listbox popup, after the ARIA Authoring
// Practices Guide. The completions are those of /api/v1/complete.

const PAUSE = 160; // milliseconds without a key before the server is asked
const MOST = 6;
const LEAST_PROBABLE = 0.002;

export function addAutocomplete(box) {
  new Completion(box);
}

class Completion {
  constructor(box) {
    this.box = box;
    this.known = new Map(); // typed text -> texts that continue it
    this.active = -1;
    this.list = document.createElement("ul");
    this.list.id = `${box.id}-completions`;
    this.list.className = "completions";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "What may come next");
    this.list.hidden = true;
    box.form.append(this.list);
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": this.list.id,
    })) box.setAttribute(name, value);
    box.addEventListener("input", (event) => this.typed(event));
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("blur", () => this.close());
    box.form.addEventListener("submit", () => this.close());
    // Pressing an option must not take the focus from the box.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.picked(event));
  }

  typed(event) {
    if (event.isComposing) return;
    this.close();
    if (this.box.value.trim()) this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  async ask() {
    const typed = this.box.value;
    if (!this.answerable(typed)) return;
    this.request?.abort();
    this.request = new AbortController();
    try {
      const texts = await this.continued(typed, this.request.signal);
      if (this.box.value === typed && document.activeElement === this.box) this.show(typed, texts);
    } catch (error) {
      // Completion is a comfort: without an answer there is none.
      if (error.name !== "AbortError") this.close();
    }
  }

  // Weights are no words, and in the midst of a text there is nothing to continue.
  answerable(text) {
    return !/[\^"]/.test(text) && text.length < this.box.maxLength && this.box.selectionEnd === text.length;
  }

  // Endings of the last word first; where it has few, words that may follow it.
  async continued(text, signal) {
    if (this.known.has(text)) return this.known.get(text);
    const endings = await this.fetched(text, signal);
    const few = endings.length < MOST / 2 && !/\s$/.test(text);
    const follow = few ? await this.fetched(`${text} `, signal, true) : [];
    const texts = [...endings, ...follow].slice(0, MOST);
    this.known.set(text, texts);
    return texts;
  }

  // With `known`, nothing where the last word is none that the model learned: it is not whole.
  async fetched(text, signal, known = false) {
    const query = new URLSearchParams({ q: text, k: MOST });
    const answer = await fetch(`${this.box.dataset.complete}?${query}`, { signal });
    if (!answer.ok) throw new Error(answer.statusText);
    const { completions, unknown_words: unknown } = await answer.json();
    if (known && unknown.includes(text.trim().split(/\s+/).at(-1).toLowerCase())) return [];
    return completions.filter((each) => each.probability >= LEAST_PROBABLE).map((each) => each.text);
  }

  show(typed, texts) {
    this.list.replaceChildren(...texts.map((text, place) => this.option(typed, text, place)));
    this.mark(-1);
    this.expand(texts.length > 0);
  }

  option(typed, text, place) {
    const option = document.createElement("li");
    option.id = `${this.list.id}-${place}`;
    option.setAttribute("role", "option");
    option.dataset.text = text;
    const start = text.toLowerCase().startsWith(typed.trimEnd().toLowerCase()) ? typed.trimEnd().length : 0;
    const added = document.createElement("b");
    added.textContent = text.slice(start);
    option.append(text.slice(0, start), added);
    return option;
  }

  key(event) {
    const open = !this.list.hidden;
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (open) this.mark(this.next(event.key === "ArrowDown" ? 1 : -1));
      else this.ask();
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      this.close();
    } else if (event.key === "Enter" && open && this.active >= 0) {
      event.preventDefault();
      this.take(this.list.children[this.active]);
    }
  }

  // Past the last option the box itself comes, where none is marked.
  next(step) {
    const count = this.list.children.length + 1;
    return ((this.active + 1 + step + count) % count) - 1;
  }

  mark(place) {
    this.active = place;
    [...this.list.children].forEach((option, row) => {
      option.setAttribute("aria-selected", String(row === place));
    });
    if (place < 0) this.box.removeAttribute("aria-activedescendant");
    else this.box.setAttribute("aria-activedescendant", this.list.children[place].id);
  }

  picked(event) {
    const option = event.target.closest("[role=option]");
    if (option) this.take(option);
  }

  // A word is taken, and the next one offered: a sentence grows word by word.
  take(option) {
    this.box.value = `${option.dataset.text} `;
    this.box.focus();
    this.close();
    this.ask();
  }

  expand(open) {
    this.list.hidden = !open;
    this.box.setAttribute("aria-expanded", String(open));
  }

  close() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.mark(-1);
    this.expand(false);
  }
}
