// Zoom and pan as pure functions. A view is {scale, x, y}: scale is device pixels per
// result pixel (1 is "true pixels"), x and y are the position of the result's upper
// left corner on the stage, in device pixels.

import { percent } from "./messages.js";

export const MAX_SCALE = 16;

/** The scale at which the whole result is visible, at most 1. */
export function fitScale(stage, result) {
  return Math.min(1, stage.width / result.width, stage.height / result.height);
}

/** Centers the whole result on the stage. */
export function fitted(stage, result) {
  return bounded({ scale: fitScale(stage, result), x: 0, y: 0 }, stage, result);
}

/** Changes the scale; the point of the result under `at` stays there. */
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
 * Keeps the result on the stage: centered if it is smaller than the stage, otherwise
 * without a gap. Rounds to device pixels, so that 1:1 is not resampled.
 */
export function bounded(view, stage, result) {
  const along = (offset, side, space) => Math.round(side <= space ? (space - side) / 2 : Math.min(0, Math.max(space - side, offset)));
  return {
    scale: view.scale,
    x: along(view.x, result.width * view.scale, stage.width),
    y: along(view.y, result.height * view.scale, stage.height),
  };
}

/** Returns the CSS transform of a view; `ratio` is devicePixelRatio. */
export function transform(view, ratio) {
  return `translate(${view.x / ratio}px, ${view.y / ratio}px) scale(${view.scale / ratio})`;
}

/** The next scale of the zoom buttons: powers of the square root of two. */
export function step(scale, direction) {
  const exponent = Math.log2(scale) * 2;
  const next = direction > 0 ? Math.floor(exponent + 1e-6) + 1 : Math.ceil(exponent - 1e-6) - 1;
  return 2 ** (next / 2);
}

/** "100%" is one result pixel per device pixel. */
export function zoomText(scale) {
  return percent(scale, scale < 0.0995 ? 1 : 0);
}
