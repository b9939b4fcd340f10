// The timeline: every month is as high as its photos will be, and only what is near the window is
// there. Photos come by the hundred from the API; a scrubber at the side leads to any month.
import { Scrubber } from "./scrubber.js";

const AHEAD = 1.2; // windows above and below that are filled
const AT_ONCE = 4; // requests
const KEPT = 300; // hundreds of photos that are kept in memory
const REST = 90; // milliseconds without a scroll before photos are asked for
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August",
  "September", "October", "November", "December"];

class Timeline {
  constructor(root) {
    this.root = root;
    this.size = Number(root.dataset.page);
    this.months = [...root.querySelectorAll(".month")].map((section) => ({
      section,
      name: section.dataset.month,
      count: Number(section.dataset.count),
      list: section.querySelector(".tiles"),
      title: section.querySelector("h2 a").textContent,
      tiles: new Map(), // place from 0 -> its list item
    }));
    this.parts = new Map(); // "month offset" -> photos, or null while they are asked for
    this.asking = 0;
    this.adopt();
    root.classList.add("ready");
    this.layOut();
  }

  // What the server put there stays.
  adopt() {
    for (const month of this.months) {
      for (const tile of month.list.children) month.tiles.set(Number(tile.ariaPosInSet) - 1, tile);
    }
  }

  layOut() {
    const style = getComputedStyle(this.root);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const least = parseFloat(style.getPropertyValue("--least")) * rem;
    this.gap = parseFloat(style.getPropertyValue("--gap")) * rem;
    const width = this.months[0].list.clientWidth;
    this.columns = Math.max(1, Math.floor((width + this.gap) / (least + this.gap)));
    this.side = (width - this.gap * (this.columns - 1)) / this.columns;
    this.step = this.side + this.gap;
    for (const month of this.months) {
      month.list.style.height = `${Math.ceil(month.count / this.columns) * this.step - this.gap}px`;
      for (const [place, tile] of month.tiles) this.put(tile, place);
    }
    for (const month of this.months) {
      month.top = month.section.getBoundingClientRect().top + scrollY;
      month.listTop = month.list.getBoundingClientRect().top + scrollY;
    }
    this.margin = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
    this.fill();
  }

  put(tile, place) {
    const row = Math.floor(place / this.columns);
    Object.assign(tile.style, {
      top: `${row * this.step}px`,
      left: `${(place % this.columns) * this.step}px`,
      width: `${this.side}px`,
      height: `${this.side}px`,
    });
  }

  // Tiles of the rows near the window are there, all others are not.
  fill() {
    const room = innerHeight * AHEAD;
    const [from, to] = [scrollY - room, scrollY + innerHeight + room];
    this.wanted = [];
    for (const month of this.months) {
      const rows = Math.ceil(month.count / this.columns);
      const first = Math.max(0, Math.floor((from - month.listTop) / this.step)) * this.columns;
      const last = Math.min(rows, Math.ceil((to - month.listTop) / this.step)) * this.columns;
      this.show(month, first, Math.min(month.count, last));
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), REST);
  }

  show(month, first, end) {
    for (const [place, tile] of month.tiles) {
      if ((place < first || place >= end) && !tile.contains(document.activeElement)) {
        tile.remove();
        month.tiles.delete(place);
      }
    }
    for (let place = first; place < end; place += 1) {
      const offset = place - (place % this.size);
      const photos = this.parts.get(`${month.name} ${offset}`);
      const tile = month.tiles.get(place);
      if (!tile || (tile.classList.contains("waiting") && photos)) this.make(month, place, photos?.[place - offset]);
      if (!photos && (tile ?? month.tiles.get(place)).classList.contains("waiting")) this.want(month, offset);
    }
  }

  want(month, offset) {
    const last = this.wanted.at(-1);
    if (last?.month !== month || last.offset !== offset) this.wanted.push({ month, offset });
  }

  make(month, place, photo) {
    const tile = document.createElement("li");
    tile.className = photo ? "card tile" : "tile waiting";
    tile.ariaPosInSet = place + 1;
    tile.ariaSetSize = month.count;
    if (photo) {
      tile.id = `photo-${photo.photo_id}`;
      tile.dataset.photo = photo.photo_id;
      tile.append(this.link(photo));
    } else {
      tile.ariaHidden = "true";
    }
    this.put(tile, place);
    month.tiles.get(place)?.remove();
    month.tiles.set(place, tile);
    // In the order of the list, which is that of Tab and of the lightbox.
    const after = [...month.list.children].find((other) => Number(other.ariaPosInSet) > place + 1);
    month.list.insertBefore(tile, after ?? null);
  }

  link(photo) {
    const link = document.createElement("a");
    const name = photo.path.split(/[\\/]/).at(-1);
    link.className = "picture";
    link.href = `${this.root.dataset.pages}/${photo.photo_id}`;
    link.dataset.large = photo.large_url;
    link.dataset.name = name;
    const picture = new Image(512, 512);
    picture.decoding = "async";
    picture.alt = photo.taken_at ? `${name}, ${day(photo.taken_at)}` : name;
    picture.src = photo.thumbnail_url;
    link.append(picture);
    return link;
  }

  // What left the window meanwhile is not asked for.
  ask() {
    while (this.asking < AT_ONCE && this.wanted.length) {
      const { month, offset } = this.wanted.shift();
      const key = `${month.name} ${offset}`;
      if (this.parts.has(key)) continue;
      this.parts.set(key, null);
      this.asking += 1;
      this.fetch(month, offset)
        .then((photos) => this.keep(key, photos), () => this.parts.delete(key))
        .finally(() => { this.asking -= 1; this.fill(); });
    }
  }

  async fetch(month, offset) {
    const address = new URL(this.root.dataset.photos, location);
    address.searchParams.set("month", month.name);
    address.searchParams.set("offset", offset);
    address.searchParams.set("k", this.size);
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.statusText);
    return (await answer.json()).results;
  }

  keep(key, photos) {
    this.parts.set(key, photos);
    for (const oldest of this.parts.keys()) {
      if (this.parts.size <= KEPT) break;
      this.parts.delete(oldest);
    }
  }

  // The month at the top of what is seen.
  current() {
    const under = scrollY + this.margin;
    let found = this.months[0];
    for (const month of this.months) {
      if (month.top > under) break;
      found = month;
    }
    return found;
  }

  goTo(month) {
    const top = month === this.months[0] ? 0 : month.listTop - this.margin + 1;
    scrollTo({ top, behavior: "instant" });
  }
}

function day(moment) {
  const [year, month, date] = moment.slice(0, 10).split("-").map(Number);
  return `${date} ${MONTHS[month - 1]} ${year}`;
}

// The address says which month is looked at, so that it can be kept; the history, how far down.
function remember(timeline) {
  const address = new URL(location);
  const month = timeline.current();
  if (month === timeline.months[0]) address.searchParams.delete("month");
  else address.searchParams.set("month", month.name);
  address.searchParams.delete("offset");
  history.replaceState({ ...history.state, top: scrollY }, "", address);
}

function start(root) {
  const timeline = new Timeline(root);
  const scrubber = new Scrubber(timeline);
  const asked = new URL(location).searchParams.get("month");
  const opened = timeline.months.find((month) => month.name === asked);
  history.scrollRestoration = "manual";
  if (history.state?.top !== undefined) scrollTo({ top: history.state.top, behavior: "instant" });
  else if (opened && opened !== timeline.months[0]) timeline.goTo(opened);
  let drawn = false;
  let settled;
  addEventListener("scroll", () => {
    if (!drawn) requestAnimationFrame(() => { drawn = false; timeline.fill(); scrubber.follow(); });
    drawn = true;
    clearTimeout(settled);
    settled = setTimeout(() => remember(timeline), 400);
  }, { passive: true });
  addEventListener("resize", () => {
    const month = timeline.current();
    timeline.layOut();
    if (scrollY > 0) timeline.goTo(month);
    scrubber.draw();
  });
}

const root = document.querySelector(".timeline");
if (root) start(root);
