// A strip at the side of the timeline, as high as the window stands for all of it: years are named
// where they begin, and dragging, a click, the arrow keys, Page Up and Down, Home and End lead to
// months. To assistive technology it is a slider over the months.
const LEAST = 26; // pixels between two names
const FEW = 2; // windows; less than that needs no scrubber

export class Scrubber {
  constructor(timeline) {
    this.timeline = timeline;
    this.strip = document.createElement("div");
    this.strip.className = "scrubber";
    this.strip.tabIndex = 0;
    this.strip.role = "slider";
    this.strip.ariaLabel = "Month";
    this.strip.ariaOrientation = "vertical";
    this.strip.ariaValueMin = 0;
    this.strip.ariaValueMax = timeline.months.length - 1;
    this.mark = element("mark");
    this.bubble = element("bubble");
    timeline.root.before(this.strip);
    this.strip.addEventListener("pointerdown", (event) => this.hold(event));
    this.strip.addEventListener("pointermove", (event) => this.held && this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.strip.addEventListener(end, () => this.release());
    this.strip.addEventListener("keydown", (event) => this.key(event));
    this.draw();
  }

  // How far the window can be scrolled.
  get range() {
    return Math.max(1, document.documentElement.scrollHeight - innerHeight);
  }

  draw() {
    this.strip.hidden = document.documentElement.scrollHeight < FEW * innerHeight || this.timeline.months.length < 2;
    this.strip.replaceChildren(this.mark, this.bubble);
    const height = this.strip.clientHeight;
    let [named, lowest] = ["", -LEAST];
    for (const month of this.timeline.months) {
      const year = month.name.slice(0, 4);
      const top = Math.min(1, month.top / this.range) * height;
      if (year === named || month.name === "undated" || top < lowest + LEAST || top > height - 14) continue;
      const name = element("year");
      name.textContent = year;
      name.style.top = `${top}px`;
      this.strip.append(name);
      [named, lowest] = [year, top];
    }
    this.follow();
  }

  // Show where the window is.
  follow() {
    const month = this.timeline.current();
    const top = `${100 * Math.min(1, scrollY / this.range)}%`;
    this.mark.style.top = this.bubble.style.top = top;
    this.bubble.textContent = month.title;
    this.strip.ariaValueNow = this.timeline.months.indexOf(month);
    this.strip.ariaValueText = month.title;
  }

  hold(event) {
    this.held = true;
    this.strip.setPointerCapture(event.pointerId);
    this.strip.classList.add("held");
    this.drag(event);
  }

  drag(event) {
    const box = this.strip.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
    scrollTo({ top: share * this.range, behavior: "instant" });
    this.follow();
  }

  release() {
    this.held = false;
    this.strip.classList.remove("held");
  }

  key(event) {
    const { months } = this.timeline;
    const at = months.indexOf(this.timeline.current());
    const to = {
      ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1,
      PageDown: at + 12, PageUp: at - 12, Home: 0, End: months.length - 1,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.timeline.goTo(months[Math.min(months.length - 1, Math.max(0, to))]);
    this.follow();
  }
}

function element(name) {
  const made = document.createElement("div");
  made.className = name;
  made.ariaHidden = "true";
  return made;
}
