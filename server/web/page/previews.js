// Small copies of the originals, kept in this browser by job, so that results can be
// compared after a reload: the server deletes an image once it is upscaled.

const DATABASE = "upscaled";
const STORE = "originals";
const MAX_AGE = 7 * 24 * 3600e3; // milliseconds; most servers keep results for a day

let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/** Runs one operation on the store; null if the browser does not allow storage. */
async function run(mode, operation) {
  try {
    const store = (await open()).transaction(STORE, mode).objectStore(STORE);
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
export const keepOriginal = (id, blob) => run("readwrite", (store) => store.put({ blob, time: Date.now() }, id));

/** Returns the small copy of a job's original, or null. */
export const originalOf = async (id) => (await run("readonly", (store) => store.get(id)))?.blob ?? null;

export const forgetOriginal = (id) => run("readwrite", (store) => store.delete(id));

/** Forgets the originals whose jobs have expired. */
export async function forgetExpired() {
  const ids = await run("readonly", (store) => store.getAllKeys());
  for (const id of ids ?? []) {
    const kept = await run("readonly", (store) => store.get(id));
    if (kept && Date.now() - kept.time > MAX_AGE) {
      await forgetOriginal(id);
    }
  }
}
