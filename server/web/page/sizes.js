// Image sizes, and numbers formatted for people.

import { t, unit } from "./messages.js";

/**
 * The exact size of the result, computed as in engine/size.go: nearest pixel, at
 * least 1.
 * @param {number} width  input, in pixels
 * @param {number} height input, in pixels
 * @param {{scale?: number, longest?: number, width?: number, height?: number, fit?: string}} options
 * @param {number} modelScale the model's own scale, used if no size is given
 * @returns {{width: number, height: number}}
 */
export function resultSize(width, height, options, modelScale) {
  let x = modelScale;
  let y = modelScale;
  if (options.scale) {
    x = y = options.scale;
  } else if (options.longest) {
    x = y = options.longest / Math.max(width, height);
  } else if (options.fit) {
    const [w, h] = options.fit.split("x").map(Number);
    x = y = Math.min(w / width, h / height);
  } else if (options.width || options.height) {
    x = options.width ? options.width / width : options.height / height;
    y = options.height ? options.height / height : x;
  }
  return { width: pixels(width * x), height: pixels(height * y) };
}

function pixels(side) {
  return Math.max(1, Math.round(side));
}

/** "2048 × 1536" */
export function dimensions(width, height) {
  return `${width}\u2009×\u2009${height}`;
}

/** A file size: "840 byte", "12 kB", "3.4 MB", "1.2 GB" (powers of 1000). */
export function bytes(count) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let at = 0;
  while (count >= 999.5 && at < units.length - 1) {
    count /= 1000;
    at++;
  }
  return unit(count, units[at], at === 0 || count >= 9.95 ? 0 : 1);
}

/** "0.3 megapixels", "100 megapixels" */
export function megapixels(count) {
  const millions = count / 1e6;
  return t("size.megapixels", { count: Math.round(millions * (millions < 9.95 ? 10 : 1)) / (millions < 9.95 ? 10 : 1) });
}

/** A duration: "0.4 sec", "12 sec", "3 min", "1 hr 20 min". */
export function duration(seconds) {
  if (seconds < 9.95) {
    const tenths = Math.max(1, Math.round(seconds * 10));
    return unit(tenths / 10, "second", tenths % 10 ? 1 : 0);
  }
  if (seconds < 90) {
    return unit(seconds, "second");
  }
  const minutes = Math.round(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return [hours && unit(hours, "hour"), (minutes % 60 || !hours) && unit(minutes % 60, "minute")].filter(Boolean).join(" ");
}
