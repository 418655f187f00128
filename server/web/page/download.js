// Saving results: one as it is, several as a ZIP that is made here.

import * as api from "./api.js";
import { currentKey } from "./session.js";
import { LARGEST_ZIP, distinct, zip } from "./zip.js";

const LARGE = 500e6; // bytes: what is larger goes to the disk as it comes
const GAP = 600; // milliseconds between downloads, which browsers want

/** The result's signed address where it is one of this very server, else "". */
export function direct(result) {
  const url = new URL(result.url, document.baseURI);
  return url.origin === location.origin ? url.href : "";
}

/**
 * Saves one result. Without a key the browser does all of it; with one the
 * picture is fetched first, unless it is so large that its signed address does
 * better, whose name lacks the size.
 */
export async function download(item) {
  const { result, id } = item;
  if (!currentKey()) {
    save(api.resultAddress(id), result.filename);
  } else if (result.bytes > LARGE && direct(result)) {
    save(direct(result), result.filename);
  } else {
    const response = await api.result(id);
    saveBlob(await response.blob(), result.filename);
  }
}

function save(address, name) {
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

function saveBlob(blob, name) {
  const address = URL.createObjectURL(blob);
  save(address, name);
  setTimeout(() => URL.revokeObjectURL(address), 60000); // the browser reads it after the click
}

/**
 * Saves several results. What does not fit a ZIP comes file by file.
 * @param {(share: number) => void} onProgress 0..1 of the bytes
 */
export async function downloadAll(items, onProgress) {
  const total = items.reduce((sum, item) => sum + item.result.bytes + 2 * item.result.filename.length + 200, 0);
  if (total >= LARGEST_ZIP) {
    for (const item of items) {
      await download(item);
      await new Promise((resolve) => setTimeout(resolve, GAP));
    }
    return;
  }
  const name = `upscaled-${items.length}-pictures.zip`;
  const sink = await openSink(name, total);
  let written = 0;
  try {
    for await (const piece of zip(entries(items))) {
      await sink.write(piece);
      written += piece.length;
      onProgress(Math.min(1, written / total));
    }
  } catch (error) {
    await sink.abort();
    throw error;
  }
  await sink.close();
}

async function* entries(items) {
  const names = distinct(items.map((item) => item.result.filename));
  for (const [at, item] of items.entries()) {
    const response = await api.result(item.id);
    yield { name: names[at], modified: new Date(item.job.finished_at), chunks: chunksOf(response.body) };
  }
}

async function* chunksOf(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    yield value;
  }
}

/** A file on the disk for what is large, where the browser can; else a Blob. */
async function openSink(name, total) {
  if (total >= LARGE && window.showSaveFilePicker) {
    const handle = await window.showSaveFilePicker({ suggestedName: name });
    return handle.createWritable();
  }
  let parts = [];
  return {
    write: async (piece) => { parts.push(piece); },
    close: async () => saveBlob(new Blob(parts, { type: "application/zip" }), name),
    abort: async () => { parts = []; },
  };
}
