// The ZIP writer, checked with Python's reader.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";

import { crc32, uniqueNames, zip } from "../page/zip.js";

const entry = (name, chunks, modified = new Date(2026, 10, 21, 11, 34, 50)) => ({
  name, modified, chunks: (async function* () { yield* chunks; })(),
});

async function bytesOf(entries) {
  const pieces = [];
  for await (const piece of zip((async function* () { yield* entries; })())) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

const READ = `
import json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
print(json.dumps([[i.filename, i.date_time, i.file_size, z.read(i).hex()[:40], i.compress_type] for i in z.infolist()]))
`;

test("Python reads the ZIP", async (t) => {
  const python = spawnSync("python3", ["--version"]);
  if (python.error) {
    t.skip("python3 is not installed");
    return;
  }
  const big = new Uint8Array(300000).map((_, i) => (i * 31) & 255);
  const made = await bytesOf([
    entry("a.png", [new Uint8Array([1, 2, 3]), new Uint8Array([4])]), entry("Größe 大.jpg", [big]), entry("empty.gif", [], new Date(1970, 0, 1)),
  ]);
  const folder = mkdtempSync(join(tmpdir(), "zip-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "x.zip"), made);
  const read = spawnSync("python3", ["-c", READ, join(folder, "x.zip")], { encoding: "utf8" });
  assert.equal(read.status, 0, read.stderr);
  assert.deepEqual(JSON.parse(read.stdout), [
    ["a.png", [2026, 11, 21, 11, 34, 50], 4, "01020304", 0],
    ["Größe 大.jpg", [2026, 11, 21, 11, 34, 50], 300000, Buffer.from(big.slice(0, 20)).toString("hex"), 0],
    ["empty.gif", [1980, 1, 1, 0, 0, 0], 0, "", 0],
  ]);
});

test("an empty ZIP has only an end record", async () => {
  assert.equal((await bytesOf([])).toString("hex"), `504b0506${"00".repeat(18)}`);
});

test("the checksum is zlib's", { skip: !zlibCrc32 && "this Node.js has no zlib.crc32" }, () => {
  const data = new Uint8Array(1000).map((_, i) => i * 7);
  assert.equal(crc32(crc32(0, data.slice(0, 400)), data.slice(400)), zlibCrc32(data));
});

test("the checksum of the standard's example", () => {
  assert.equal(crc32(0, new TextEncoder().encode("123456789")), 0xcbf43926);
});

test("names become unique, ignoring case", () => {
  assert.deepEqual(uniqueNames(["a.png", "A.png", "a.png", "a (2).png", "b", "b", ".x"]), ["a.png", "A (2).png", "a (3).png", "a (2) (2).png", "b", "b (2)", ".x"]);
});
