// Generated test images: PNG with a gradient, discs and some noise.
import { crc32 } from "../page/zip.js";
import { deflateSync } from "node:zlib";

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(0, body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** An RGB image; `tone`, 0..1, varies it. */
export function png(width, height, tone = 0) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // 8 bits, RGB
  const rows = Buffer.alloc(height * (1 + width * 3));
  let at = 0;
  for (let y = 0; y < height; y++) {
    at++; // no filter
    for (let x = 0; x < width; x++) {
      const disc = Math.hypot((x % 60) - 30, (y % 60) - 30) < 18 ? 70 : 0;
      rows[at++] = (255 * x) / width;
      rows[at++] = Math.min(255, (160 * y) / height + disc);
      rows[at++] = 255 * tone * (1 - x / width) + ((x * 7 + y * 13) % 24);
    }
  }
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

export const file = (name, buffer) => ({ name, mimeType: "image/png", buffer });
