// Zoom and pan as pure numbers. A view is {scale, x, y}: scale is device pixels
// per result pixel (1 is "true pixels"), x and y are where the result's upper
// left corner lies on the stage, in device pixels. Functions give a new view.

export const MAX_SCALE = 16;

/** The scale at which the whole result is seen; small results are not enlarged. */
export function fitScale(stage, result) {
  return Math.min(1, stage.width / result.width, stage.height / result.height);
}

/** The whole result in the middle of the stage. */
export function fitted(stage, result) {
  return bounded({ scale: fitScale(stage, result), x: 0, y: 0 }, stage, result);
}

/** Another scale, with the point of the result under `at` staying there. */
export function zoomed(view, scale, at, stage, result) {
  const next = Math.min(MAX_SCALE, Math.max(Math.min(fitScale(stage, result), 1), scale));
  const grow = next / view.scale;
  return bounded({ scale: next, x: at.x - (at.x - view.x) * grow, y: at.y - (at.y - view.y) * grow }, stage, result);
}

/** Moves the result by device pixels. */
export function panned(view, dx, dy, stage, result) {
  return bounded({ ...view, x: view.x + dx, y: view.y + dy }, stage, result);
}

/**
 * Keeps the result on the stage: in the middle where it is smaller than the
 * stage, else without a gap. Whole device pixels, so that 1:1 is not resampled.
 */
export function bounded(view, stage, result) {
  const along = (offset, side, room) => Math.round(side <= room ? (room - side) / 2 : Math.min(0, Math.max(room - side, offset)));
  return {
    scale: view.scale,
    x: along(view.x, result.width * view.scale, stage.width),
    y: along(view.y, result.height * view.scale, stage.height),
  };
}

/** The CSS transform that shows a view; `ratio` is devicePixelRatio. */
export function transform(view, ratio) {
  return `translate(${view.x / ratio}px, ${view.y / ratio}px) scale(${view.scale / ratio})`;
}

/** The next scale of the zoom buttons: powers of the square root of two. */
export function step(scale, direction) {
  const exponent = Math.log2(scale) * 2;
  const next = direction > 0 ? Math.floor(exponent + 1e-6) + 1 : Math.ceil(exponent - 1e-6) - 1;
  return 2 ** (next / 2);
}

/** "100 %" is one result pixel per device pixel. */
export function scaleWords(scale) {
  const percent = scale * 100;
  return `${percent < 9.95 ? percent.toFixed(1) : Math.round(percent)}\u00a0%`;
}
