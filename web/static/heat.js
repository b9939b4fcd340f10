// A map of attention as a picture, and in words. A map lies over the whole photo, squeezed to a
// square: rows from the top, seven numbers each, together 1. Knows nothing about cards.

// From what was passed over to what was looked at: [share, red, green, blue, opacity]. A dark
// veil tells on light photos, a bright glow on dark ones.
const STEPS = [
  [0, 12, 8, 44, 0.6],
  [0.35, 70, 14, 96, 0.45],
  [0.65, 232, 80, 44, 0.32],
  [1, 255, 214, 64, 0.5],
];
const SALIENT = 1.5; // a place is worth naming from this many times its share of an even look
const ROWS = ["top", "middle", "bottom"];
const COLUMNS = ["left", "centre", "right"];

// A canvas as large as `image` is shown, cut as it is cut.
export function paint(map, image) {
  const canvas = document.createElement("canvas");
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = Math.max(1, Math.round(image.clientWidth * scale));
  canvas.height = Math.max(1, Math.round(image.clientHeight * scale));
  const context = canvas.getContext("2d");
  const colours = coloured(smooth(map, 56));
  const { x, y, width, height } = covering(image, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(colours, x, y, width, height);
  return canvas;
}

// Where the whole photo lies when it covers a box: beyond its edges, where the box cuts it.
function covering(image, width, height) {
  const [whole, high] = [image.naturalWidth || width, image.naturalHeight || height];
  const scale = Math.max(width / whole, height / high);
  const size = { width: whole * scale, height: high * scale };
  return { x: (width - size.width) / 2, y: (height - size.height) / 2, ...size };
}

// The map between its points, bilinear, as `side` rows of numbers from 0 to 1.
function smooth(map, side) {
  const least = Math.min(...map.flat());
  const most = Math.max(...map.flat());
  const at = (row, column) => (map[row][column] - least) / (most - least || 1);
  const rows = Array.from({ length: side }, (_, step) => between(step, side, map.length));
  return rows.map(([top, bottom, down]) => rows.map(([left, right, along]) => {
    const upper = at(top, left) * (1 - along) + at(top, right) * along;
    const lower = at(bottom, left) * (1 - along) + at(bottom, right) * along;
    return upper * (1 - down) + lower * down;
  }));
}

// The two points of a grid around a step, and how far it is from the first to the second.
function between(step, side, count) {
  const place = Math.min(Math.max(((step + 0.5) / side) * count - 0.5, 0), count - 1);
  const first = Math.floor(place);
  return [first, Math.min(first + 1, count - 1), place - first];
}

function coloured(values) {
  const side = values.length;
  const canvas = document.createElement("canvas");
  canvas.width = side;
  canvas.height = side;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(side, side);
  values.flat().forEach((value, place) => pixels.data.set(colour(value), 4 * place));
  context.putImageData(pixels, 0, 0);
  return canvas;
}

function colour(value) {
  const after = Math.max(1, STEPS.findIndex(([share]) => share >= value));
  const [from, to] = [STEPS[after - 1], STEPS[after]];
  const along = (value - from[0]) / (to[0] - from[0]);
  const [red, green, blue, opacity] = from.slice(1).map((part, row) => part + (to[row + 1] - part) * along);
  return [red, green, blue, 255 * opacity];
}

// "looked at the top left", or "looked all over" where no ninth of the photo stands out.
export function placeOf(map) {
  const parts = ROWS.flatMap((row, down) => COLUMNS.map((column, along) => ({
    name: named(row, column),
    mean: mean(part(map, down).flatMap((cells) => part(cells, along))),
  })));
  const most = parts.reduce((best, each) => (each.mean > best.mean ? each : best));
  const even = 1 / map.flat().length;
  return most.mean >= SALIENT * even ? `looked at the ${most.name}` : "looked all over";
}

function part(cells, place) {
  const third = Math.floor(cells.length / 3);
  const cuts = [0, third, cells.length - third, cells.length];
  return cells.slice(cuts[place], cuts[place + 1]);
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function named(row, column) {
  if (row === "middle") return column === "centre" ? "centre" : column;
  return column === "centre" ? row : `${row} ${column}`;
}
