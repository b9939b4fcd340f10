// A map of attention as a small picture to be stretched over a photo. Knows nothing of pages.

const FINE = 8; // points drawn for each of the map's own
// From what was passed over to what was looked at: [share, red, green, blue, opacity]. A dark
// veil tells on light photos, a bright glow on dark ones.
const STEPS = [
  [0, 12, 8, 44, 0.62],
  [0.35, 70, 14, 96, 0.45],
  [0.65, 232, 80, 44, 0.3],
  [1, 255, 214, 64, 0.4],
];

export function shade(map) {
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
