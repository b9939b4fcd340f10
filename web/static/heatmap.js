// Maps of where a word is seen as heatmaps, and in words. A map covers the whole photo, squeezed to
// a square: seven rows from the top, seven numbers each, which sum to 1; no rows: no place stands out.

import { covering, penOver } from "./canvas_overlay.js";

const SALIENT = 1.5; // a place is worth naming from this many times its share of an even look
const ROWS = ["top", "middle", "bottom"];
const COLUMNS = ["left", "centre", "right"];

const FINE = 8; // points drawn for each of the map's own
// From what was passed over to what was looked at: [share, red, green, blue, opacity]. A dark
// veil tells on light photos, a bright glow on dark ones.
const STEPS = [
  [0, 12, 8, 44, 0.62],
  [0.35, 70, 14, 96, 0.45],
  [0.65, 232, 80, 44, 0.3],
  [1, 255, 214, 64, 0.4],
];

// A canvas as large as `image` is shown, cut as it is cut.
export function heatmapOver(map, image) {
  const canvas = document.createElement("canvas");
  const pen = penOver(canvas, image.clientWidth, image.clientHeight);
  pen.drawImage(heatmapOf(map), ...covering(canvas, image));
  return canvas;
}

// "looked at the top left", or "looked all over" where no ninth of the photo stands out;
// what to say of a word without a map otherwise.
export function placeOf({ map, gain }) {
  if (!map.length) return gain > 0 ? "the photo as a whole speaks for it" : "no place speaks for it";
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

// The map as a small picture to be stretched over a photo.
export function heatmapOf(map) {
  const grid = transposed(transposed(map.map(finer)).map(finer));
  const least = Math.min(...grid.flat());
  const most = bright(grid.flat());
  const picture = document.createElement("canvas");
  picture.width = grid[0].length;
  picture.height = grid.length;
  const pixels = new ImageData(picture.width, picture.height);
  grid.flat().forEach((value, index) => {
    pixels.data.set(colour(Math.min(1, (value - least) / (most - least || 1))), 4 * index);
  });
  picture.getContext("2d").putImageData(pixels, 0, 0);
  return picture;
}

// The share that counts as looked at: what the most looked-at twelfth has on average.
function bright(values) {
  const top = [...values].sort((a, b) => b - a).slice(0, Math.ceil(values.length / 12));
  return top.reduce((sum, value) => sum + value, 0) / top.length;
}

// A row of the map between its points: cubic B-splines, the edges repeated.
function finer(row) {
  const at = (index) => row[Math.min(Math.max(index, 0), row.length - 1)];
  return Array.from({ length: row.length * FINE }, (_, point) => {
    const place = (point + 0.5) / FINE - 0.5;
    const start = Math.floor(place);
    return spline(place - start).reduce((sum, weight, n) => sum + weight * at(start - 1 + n), 0);
  });
}

function spline(t) {
  return [
    (1 - t) ** 3 / 6,
    (3 * t ** 3 - 6 * t ** 2 + 4) / 6,
    (-3 * t ** 3 + 3 * t ** 2 + 3 * t + 1) / 6,
    t ** 3 / 6,
  ];
}

function transposed(grid) {
  return grid[0].map((_, column) => grid.map((row) => row[column]));
}

function colour(value) {
  const after = Math.max(1, STEPS.findIndex(([share]) => share >= value));
  const [from, to] = [STEPS[after - 1], STEPS[after]];
  const along = (value - from[0]) / (to[0] - from[0]);
  const [red, green, blue, opacity] = from.slice(1).map((part, n) => part + (to[n + 1] - part) * along);
  return [red, green, blue, 255 * opacity];
}
