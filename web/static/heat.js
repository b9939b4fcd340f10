// A map of attention as a picture, and in words. A map lies over the whole photo, squeezed to a
// square: rows from the top, seven numbers each, together 1. Knows nothing about cards.

import { covering, penOver } from "./overlay.js";
import { shade } from "./shade.js";

const SALIENT = 1.5; // a place is worth naming from this many times its share of an even look
const ROWS = ["top", "middle", "bottom"];
const COLUMNS = ["left", "centre", "right"];

// A canvas as large as `image` is shown, cut as it is cut.
export function paint(map, image) {
  const canvas = document.createElement("canvas");
  const pen = penOver(canvas, image.clientWidth, image.clientHeight);
  pen.drawImage(shade(map), ...covering(canvas, image));
  return canvas;
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
