// The API key, stored for this tab or, if requested, in this browser.

const STORAGE_KEY = "upscaled.key";

let key = loadKey();
const listeners = new Set();
const waiters = []; // resolved by the next sign-in

function loadKey() {
  try {
    return sessionStorage.getItem(STORAGE_KEY) ?? localStorage.getItem(STORAGE_KEY) ?? "";
  } catch {
    return ""; // storage is disabled
  }
}

/** Returns the key, or "". */
export function currentKey() {
  return key;
}

/** Resolves after the next sign-in. */
export const nextKey = () => new Promise((resolve) => waiters.push(resolve));

/** Sets the key; `remember` keeps it after the tab is closed. */
export function signIn(newKey, remember) {
  clearStorage();
  key = newKey;
  waiters.splice(0).forEach((resolve) => resolve());
  try {
    (remember ? localStorage : sessionStorage).setItem(STORAGE_KEY, newKey);
  } catch {
    // the key lasts until the page is closed
  }
}

export function signOut() {
  clearStorage();
  key = "";
}

function clearStorage() {
  try {
    sessionStorage.removeItem(STORAGE_KEY);
    localStorage.removeItem(STORAGE_KEY);
  } catch {
    // nothing was stored
  }
}

/** Registers a callback for responses with status 401. */
export function onUnauthorized(callback) {
  listeners.add(callback);
}

export function reportUnauthorized() {
  listeners.forEach((callback) => callback());
}
