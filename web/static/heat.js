// A map of attention as a picture, and in words. A map lies over the whole photo, squeezed to a
// square: rows from the top, seven numbers each, together 1. Knows nothing about cards.

import { shade } from "./shade.js";

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
  const colours = shade(map);
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
