// Writes ZIP files without compression, since images are compressed already. Entries
// are streamed; their CRC-32 follows in a data descriptor (APPNOTE 4.3.9).

import { t } from "./messages.js";

/** Without ZIP64, offsets and sizes have 32 bits and the count 16. */
export const MAX_ZIP_BYTES = 0xffffffff;
export const MAX_ENTRIES = 0xffff;

const STREAMED_UTF8 = 0x0808; // flags: descriptor follows the data, name is UTF-8

const TABLE = new Uint32Array(256).map((_, n) => {
  for (let bit = 0; bit < 8; bit++) {
    n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  }
  return n;
});

/** Updates a CRC-32, which starts at 0, with more bytes. */
export function crc32(crc, bytes) {
  crc = ~crc;
  for (let i = 0; i < bytes.length; i++) {
    crc = TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/**
 * Yields the bytes of a ZIP file.
 * @param {AsyncIterable<{name: string, modified: Date, chunks: AsyncIterable<Uint8Array>}>} entries
 */
export async function* zip(entries) {
  const directory = [];
  let offset = 0;
  for await (const { name, modified, chunks } of entries) {
    const entry = { name: new TextEncoder().encode(name), modified: dosTime(modified), offset, crc: 0, size: 0 };
    const header = localHeader(entry);
    yield header;
    for await (const chunk of chunks) {
      entry.crc = crc32(entry.crc, chunk);
      entry.size += chunk.length;
      yield chunk;
    }
    const after = dataDescriptor(entry);
    yield after;
    offset += header.length + entry.size + after.length;
    directory.push(entry);
    if (offset > MAX_ZIP_BYTES || directory.length > MAX_ENTRIES) {
      throw new RangeError(t("queue.zipTooLarge"));
    }
  }
  let length = 0;
  for (const entry of directory) {
    const record = centralRecord(entry);
    length += record.length;
    yield record;
  }
  yield encodeFields([4, 0x06054b50], [2, 0], [2, 0], [2, directory.length], [2, directory.length], [4, length], [4, offset], [2, 0]);
}

function localHeader({ name, modified }) {
  return concat(encodeFields([4, 0x04034b50], [2, 20], [2, STREAMED_UTF8], [2, 0], [4, modified], [4, 0], [4, 0], [4, 0], [2, name.length], [2, 0]), name);
}

function dataDescriptor({ crc, size }) {
  return encodeFields([4, 0x08074b50], [4, crc], [4, size], [4, size]);
}

function centralRecord({ name, modified, crc, size, offset }) {
  const record = encodeFields([4, 0x02014b50], [2, 20], [2, 20], [2, STREAMED_UTF8], [2, 0], [4, modified], [4, crc], [4, size], [4, size],
    [2, name.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]);
  return concat(record, name);
}

/** Little-endian numbers, each given as [bytes, value]. */
function encodeFields(...list) {
  const out = new Uint8Array(list.reduce((sum, [width]) => sum + width, 0));
  let at = 0;
  for (const [width, value] of list) {
    for (let byte = 0; byte < width; byte++) {
      out[at++] = Math.floor(value / 2 ** (8 * byte)) & 0xff;
    }
  }
  return out;
}

function concat(a, b) {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** Date and time in MS-DOS format: local time, in steps of two seconds. */
function dosTime(when) {
  const year = Math.min(2107, Math.max(1980, when.getFullYear()));
  const date = ((year - 1980) << 9) | ((when.getMonth() + 1) << 5) | when.getDate();
  const time = (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1);
  return date * 65536 + time;
}

/** Makes names unique, ignoring case: "a.png", "a (2).png". */
export function uniqueNames(names) {
  const taken = new Set();
  return names.map((name) => {
    const dot = name.lastIndexOf(".") > 0 ? name.lastIndexOf(".") : name.length;
    let candidate = name;
    for (let n = 2; taken.has(candidate.toLowerCase()); n++) {
      candidate = `${name.slice(0, dot)} (${n})${name.slice(dot)}`;
    }
    taken.add(candidate.toLowerCase());
    return candidate;
  });
}
