// Canvases that lie over a photo: their resolution, and where in them the photo lies.

const DENSEST = 2; // points of a canvas for a pixel of the page: more cost time and show nothing

// Gives `canvas` the resolution of a box of the page, in CSS pixels; returns its 2D context.
export function penOver(canvas, width, height) {
  const dense = Math.min(window.devicePixelRatio || 1, DENSEST);
  canvas.width = Math.max(1, Math.round(width * dense));
  canvas.height = Math.max(1, Math.round(height * dense));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  return pen;
}

// Where the whole of `photo` lies when it covers the canvas: beyond its edges, where they cut it.
export const covering = (canvas, photo) => placed(canvas, photo, Math.max);

// Where it lies when all of it is shown, with room left beside it or above and below.
export const within = (canvas, photo) => placed(canvas, photo, Math.min);

function placed({ width, height }, photo, choose) {
  const [whole, high] = [photo.naturalWidth || width, photo.naturalHeight || height];
  const scale = choose(width / whole, height / high);
  const [w, h] = [whole * scale, high * scale];
  return [(width - w) / 2, (height - h) / 2, w, h];
}
