// A picture that is zoomed by wheel, double click, pinch and keys, moved about by dragging, and
// swiped away where it is not zoomed.

const MOST = 8; // times as large as it fits
const CLOSE = 2.5; // of a double click
const SWIPE = 60; // pixels of the page

export class ZoomedPicture {
  // `stage` holds `picture`. `swiped(1 or -1)`: to the next, or the one before; `dropped()`: down.
  constructor(stage, picture, { swiped, dropped }) {
    Object.assign(this, { stage, picture, swiped, dropped });
    this.fingers = new Map(); // pointer id -> where it is
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => this.zoom(this.scale > 1 ? 0 : CLOSE, event));
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    stage.addEventListener("pointerup", (event) => this.up(event));
    stage.addEventListener("pointercancel", (event) => this.fingers.delete(event.pointerId));
    this.reset();
  }

  reset() {
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.draw();
  }

  // By a factor, about a point of the page or the middle; what stands there stays there.
  zoom(factor, at = null) {
    const scale = Math.min(Math.max(this.scale * factor, 1), MOST);
    const box = this.stage.getBoundingClientRect();
    const [x, y] = at ? [at.clientX - box.left - box.width / 2, at.clientY - box.top - box.height / 2] : [0, 0];
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.draw();
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 300), event);
  }

  down(event) {
    this.fingers.set(event.pointerId, event);
    this.stage.setPointerCapture(event.pointerId);
    if (this.fingers.size === 1) this.began = event;
    else this.began = null; // two fingers pinch, and swipe no more
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const [other] = [...this.fingers].filter(([id]) => id !== event.pointerId).map(([, each]) => each);
    if (other) {
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
      this.zoom(distance(event, other) / Math.max(distance(before, other), 1), middle);
    } else if (this.scale > 1) {
      this.x += event.clientX - before.clientX;
      this.y += event.clientY - before.clientY;
      this.draw();
    }
    this.fingers.set(event.pointerId, event);
  }

  up(event) {
    const began = this.fingers.delete(event.pointerId) && this.began;
    this.began = null;
    if (!began || this.scale > 1) return;
    const [along, down] = [event.clientX - began.clientX, event.clientY - began.clientY];
    if (Math.abs(along) > SWIPE && Math.abs(along) > 2 * Math.abs(down)) this.swiped(along < 0 ? 1 : -1);
    else if (down > SWIPE && down > 2 * Math.abs(along)) this.dropped();
  }

  draw() {
    const room = ((this.scale - 1) / 2) * this.stage.clientWidth;
    const high = ((this.scale - 1) / 2) * this.stage.clientHeight;
    this.x = Math.min(Math.max(this.x, -room), room);
    this.y = Math.min(Math.max(this.y, -high), high);
    this.picture.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.stage.classList.toggle("close", this.scale > 1);
  }
}

function distance(one, other) {
  return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
}
