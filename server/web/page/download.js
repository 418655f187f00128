// Saves results: one as a file, several as a ZIP made in the browser.

import * as api from "./api.js";
import { forget, keepResult, resultOf } from "./previews.js";
import { currentKey } from "./session.js";
import { smallCopy } from "./thumbnail.js";
import { MAX_ZIP_BYTES, uniqueNames, zip } from "./zip.js";

const STREAM_ABOVE = 500e6; // bytes; larger files are streamed to disk
const DOWNLOAD_INTERVAL = 600; // milliseconds; browsers drop downloads that follow too quickly

/** Returns the result's signed URL if it has the page's origin, else "". */
export function sameOriginURL(result) {
  const url = new URL(result.url, document.baseURI);
  return url.origin === location.origin ? url.href : "";
}

/** Loads a result for display and keeps a small copy; while the server is away, returns that copy. */
export async function loadResult(item) {
  try {
    const blob = await (await api.result(item.id)).blob();
    smallCopy(blob).then((copy) => copy && keepResult(item.job, copy));
    return blob;
  } catch (error) {
    if (error.status === 404) {
      forget(item.id);
    }
    const kept = error.unreachable ? await resultOf(item.id) : null;
    if (!kept) {
      throw error;
    }
    return kept;
  }
}

/**
 * Saves one result. Without a key, the browser downloads it. With one, the page has to
 * fetch it, except if it is large: then its signed URL is used, although the file name
 * then lacks the size.
 */
export async function download(item) {
  const { result, id } = item;
  if (!currentKey()) {
    save(api.resultURL(id), result.filename);
  } else if (result.bytes > STREAM_ABOVE && sameOriginURL(result)) {
    save(sameOriginURL(result), result.filename);
  } else {
    const response = await api.result(id);
    saveBlob(await response.blob(), result.filename);
  }
}

function save(url, name) {
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60000); // the browser reads it after the click
}

/**
 * Saves several results as a ZIP, or one by one if they do not fit into one.
 * @param {(share: number) => void} onProgress of the bytes, 0..1
 */
export async function downloadAll(items, onProgress) {
  const total = items.reduce((sum, item) => sum + item.result.bytes + 2 * item.result.filename.length + 200, 0);
  if (total >= MAX_ZIP_BYTES) {
    for (const item of items) {
      await download(item);
      await new Promise((resolve) => setTimeout(resolve, DOWNLOAD_INTERVAL));
    }
    return;
  }
  const name = `upscaled-${items.length}-images.zip`;
  const sink = await openSink(name, total);
  let written = 0;
  try {
    for await (const chunk of zip(zipEntries(items))) {
      await sink.write(chunk);
      written += chunk.length;
      onProgress(Math.min(1, written / total));
    }
  } catch (error) {
    await sink.abort();
    throw error;
  }
  await sink.close();
}

/** Writes results into a folder that the user chose; returns how many. */
export async function saveAllTo(folder, items) {
  const names = uniqueNames(items.map((item) => item.result.filename));
  for (const [at, item] of items.entries()) {
    const response = await api.result(item.id);
    const file = await folder.getFileHandle(names[at], { create: true });
    await response.body.pipeTo(await file.createWritable());
  }
  return items.length;
}

async function* zipEntries(items) {
  const names = uniqueNames(items.map((item) => item.result.filename));
  for (const [at, item] of items.entries()) {
    const response = await api.result(item.id);
    yield { name: names[at], modified: new Date(item.job.finished_at), chunks: readChunks(response.body) };
  }
}

async function* readChunks(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    yield value;
  }
}

/** Returns a file on disk for large downloads if the browser supports it, else a Blob. */
async function openSink(name, total) {
  if (total >= STREAM_ABOVE && window.showSaveFilePicker) {
    const handle = await window.showSaveFilePicker({ suggestedName: name });
    return handle.createWritable();
  }
  let chunks = [];
  return {
    write: async (chunk) => { chunks.push(chunk); },
    close: async () => saveBlob(new Blob(chunks, { type: "application/zip" }), name),
    abort: async () => { chunks = []; },
  };
}
