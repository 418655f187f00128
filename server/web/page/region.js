// A rectangle of an image that is previewed, in pixels of the image.

export const MAX_SIDE = 256; // pixels; more is no preview for the server
const MIN_SIDE = 16;
const USUAL_SIDE = 128;

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

/** Moves a rectangle into an image and rounds it. */
function inside({ x, y, width, height }, image) {
  const w = Math.round(clamp(width, Math.min(MIN_SIDE, image.width), Math.min(MAX_SIDE, image.width)));
  const h = Math.round(clamp(height, Math.min(MIN_SIDE, image.height), Math.min(MAX_SIDE, image.height)));
  return { x: Math.round(clamp(x, 0, image.width - w)), y: Math.round(clamp(y, 0, image.height - h)), width: w, height: h };
}

/** The rectangle around a point. */
export const around = ({ x, y }, image) =>
  inside({ x: x - USUAL_SIDE / 2, y: y - USUAL_SIDE / 2, width: USUAL_SIDE, height: USUAL_SIDE }, image);

/** The rectangle from the point where a drag began to where it is; around the point before it has moved. */
export function dragged(from, to, image) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (Math.max(Math.abs(dx), Math.abs(dy)) < MIN_SIDE / 2) {
    return around(from, image);
  }
  const [width, height] = [Math.min(Math.abs(dx), MAX_SIDE), Math.min(Math.abs(dy), MAX_SIDE)];
  return inside({ x: dx < 0 ? from.x - width : from.x, y: dy < 0 ? from.y - height : from.y, width, height }, image);
}

export const moved = (region, dx, dy, image) => inside({ ...region, x: region.x + dx, y: region.y + dy }, image);
