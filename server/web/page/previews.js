// Small copies of originals and results, kept in this browser by job. With the originals,
// results can be compared after a reload: the server deletes an image once it is
// upscaled. The results are shown while the server is away.

import { currentKey } from "./session.js";

const DATABASE = "upscaled";
const VERSION = 2;
const ORIGINALS = "originals"; // {blob, time}
const RESULTS = "results"; // {blob, time, job, keyed}
const MAX_AGE = 7 * 24 * 3600e3; // milliseconds; most servers keep results for a day

let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => [ORIGINALS, RESULTS].forEach((name) => {
      if (!request.result.objectStoreNames.contains(name)) {
        request.result.createObjectStore(name);
      }
    });
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close(); // a newer page is open beside this one
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/** Runs one operation on a store; null if the browser does not allow storage. */
async function run(name, mode, operation) {
  try {
    const store = (await open()).transaction(name, mode).objectStore(name);
    return await new Promise((resolve, reject) => {
      const request = operation(store);
      request.onsuccess = () => resolve(request.result ?? null);
      request.onerror = () => reject(request.error);
    });
  } catch {
    return null; // as in a private window: the original can still be chosen again
  }
}

/** @param {string} id of the job @param {Blob} blob a small copy of its original */
export const keepOriginal = (id, blob) => run(ORIGINALS, "readwrite", (store) => store.put({ blob, time: Date.now() }, id));

/** @param {object} job that is done @param {Blob} blob a small copy of its result */
export const keepResult = (job, blob) =>
  run(RESULTS, "readwrite", (store) => store.put({ blob, time: Date.now(), job, keyed: currentKey() !== "" }, job.id));

/** Returns the small copy of a job's original, or null. */
export const originalOf = async (id) => (await run(ORIGINALS, "readonly", (store) => store.get(id)))?.blob ?? null;

/** Returns the small copy of a job's result, or null. */
export const resultOf = async (id) => (await run(RESULTS, "readonly", (store) => store.get(id)))?.blob ?? null;

/** Returns the jobs whose results are kept, newest first; those of a key only to who is signed in. */
export async function keptJobs() {
  const kept = await run(RESULTS, "readonly", (store) => store.getAll()) ?? [];
  return kept.filter(({ keyed }) => keyed === (currentKey() !== "")).map(({ job }) => job)
    .sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
}

/** Forgets the images of a job. */
export const forget = (id) => Promise.all([ORIGINALS, RESULTS].map((name) => run(name, "readwrite", (store) => store.delete(id))));

/** Forgets all images, as at a sign-out. */
export const forgetAll = () => Promise.all([ORIGINALS, RESULTS].map((name) => run(name, "readwrite", (store) => store.clear())));

/** Forgets the images whose jobs have expired. */
export async function forgetExpired() {
  for (const name of [ORIGINALS, RESULTS]) {
    for (const id of await run(name, "readonly", (store) => store.getAllKeys()) ?? []) {
      const kept = await run(name, "readonly", (store) => store.get(id));
      if (kept && Date.now() - kept.time > MAX_AGE) {
        await run(name, "readwrite", (store) => store.delete(id));
      }
    }
  }
}
