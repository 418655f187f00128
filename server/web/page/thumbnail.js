// Thumbnails for the list. A large original is never shown in the list itself: it is
// decoded once, off the main thread, and reduced.

import { FILMS, isFilm } from "./kind.js";
import { UNSHOWN } from "./text.js";

const MAX_SIDE = 640; // pixels: the width of a card on a high-resolution screen
const MAX_ORIGINAL = 1600; // pixels: of the copy that is compared with the result after a reload
const MAX_BYTES = 40e6; // of a result that is fetched only for its thumbnail
const MAX_PIXELS = 64e6;
const PATIENCE = 5000; // milliseconds until a film's first frame is given up

let previous = Promise.resolve(); // one at a time, to save memory

/**
 * @param {Blob} blob
 * @returns {Promise<{url: string, blob: Blob, width: number, height: number} | null>} the
 *   thumbnail and the size of the image, or null if the browser cannot read it
 */
export function thumbnail(blob) {
  const made = previous.then(() => draw(blob)).catch(() => null);
  previous = made;
  return made;
}

/** Returns a copy of an original that is small enough to be kept, or null. */
export function smallCopy(blob) {
  const made = previous.then(() => draw(blob, MAX_ORIGINAL)).catch(() => null);
  previous = made;
  return made.then((copy) => {
    URL.revokeObjectURL(copy?.url);
    return copy?.blob ?? null;
  });
}

/** Whether a result is small enough to be fetched for its thumbnail. */
export function canPreview(result) {
  return result.bytes <= MAX_BYTES && result.width * result.height <= MAX_PIXELS && ![...UNSHOWN, ...FILMS].includes(result.format);
}

async function draw(blob, side = MAX_SIDE) {
  const film = isFilm(blob) ? await firstFrame(blob) : null;
  const { width, height } = film ?? await measure(blob);
  const scale = Math.min(1, side / Math.max(width, height));
  const w = Math.max(1, Math.round(width * scale));
  const h = Math.max(1, Math.round(height * scale));
  const small = film ? film.frame : await createImageBitmap(blob, { resizeWidth: w, resizeHeight: h, resizeQuality: "medium" });
  const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
  canvas.getContext("2d").drawImage(small, 0, 0, w, h);
  small.close();
  const encoded = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.85));
  return { url: URL.createObjectURL(encoded), blob: encoded, width, height };
}

/** The first frame of a film, and its size as it is shown. */
async function firstFrame(blob) {
  const url = URL.createObjectURL(blob);
  const video = Object.assign(document.createElement("video"), { muted: true, preload: "auto", src: url });
  try {
    await new Promise((resolve, reject) => {
      video.onloadeddata = resolve;
      video.onerror = reject;
      setTimeout(reject, PATIENCE); // some phones load nothing until the user plays it
    });
    return { frame: await createImageBitmap(video), width: video.videoWidth, height: video.videoHeight };
  } finally {
    video.removeAttribute("src");
    URL.revokeObjectURL(url);
  }
}

/** The size with EXIF orientation applied; reads the header only. */
function measure(blob) {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  return new Promise((resolve, reject) => {
    image.onload = () => resolve({ width: image.naturalWidth, height: image.naturalHeight });
    image.onerror = reject;
    image.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}
