// Image sizes, and numbers formatted for people.

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

/** A file size: "840 B", "12 KB", "3.4 MB", "1.2 GB" (powers of 1000). */
export function bytes(count) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 999.5 && unit < units.length - 1) {
    count /= 1000;
    unit++;
  }
  const digits = unit === 0 || count >= 9.95 ? 0 : 1;
  return `${count.toFixed(digits)}\u00a0${units[unit]}`;
}

/** "0.3 megapixels", "100 megapixels" */
export function megapixels(count) {
  const millions = count / 1e6;
  return `${millions.toFixed(millions < 9.95 && millions % 1 >= 0.05 ? 1 : 0)} megapixels`;
}

/** A duration: "0.4 s", "12 s", "3 min", "1 h 20 min". */
export function duration(seconds) {
  if (seconds < 9.95) {
    return `${Math.max(0.1, seconds).toFixed(1).replace(/\.0$/, "")}\u00a0s`;
  }
  if (seconds < 90) {
    return `${Math.round(seconds)}\u00a0s`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) {
    return `${minutes}\u00a0min`;
  }
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}\u00a0h${rest ? ` ${rest}\u00a0min` : ""}`;
}
