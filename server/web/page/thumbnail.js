// Small pictures for the list. A large original is never put into the page
// itself: it is decoded once, off the main thread, and drawn small.

const SIDE = 640; // pixels: the card's width on a dense screen
const MOST_BYTES = 40e6; // of a result that is fetched only to be shown small
const MOST_PIXELS = 64e6;

let turn = Promise.resolve(); // one at a time: decoding needs memory

/**
 * @param {Blob} blob
 * @returns {Promise<{url: string, width: number, height: number} | null>} the
 *   drawing and the picture's own size, null where the browser cannot read it
 */
export function thumbnail(blob) {
  const made = turn.then(() => draw(blob)).catch(() => null);
  turn = made;
  return made;
}

/** Whether a result is small enough to be fetched for its thumbnail. */
export function affordable(result) {
  return result.bytes <= MOST_BYTES && result.width * result.height <= MOST_PIXELS && result.format !== "tiff";
}

async function draw(blob) {
  const { width, height } = await measure(blob);
  const factor = Math.min(1, SIDE / Math.max(width, height));
  const w = Math.max(1, Math.round(width * factor));
  const h = Math.max(1, Math.round(height * factor));
  const small = await createImageBitmap(blob, { resizeWidth: w, resizeHeight: h, resizeQuality: "medium" });
  const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
  canvas.getContext("2d").drawImage(small, 0, 0);
  small.close();
  const drawn = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.85));
  return { url: URL.createObjectURL(drawn), width, height };
}

/** The size as it is shown, EXIF orientation applied; needs the header only. */
function measure(blob) {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  return new Promise((resolve, reject) => {
    image.onload = () => resolve({ width: image.naturalWidth, height: image.naturalHeight });
    image.onerror = reject;
    image.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}
