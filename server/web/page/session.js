// The key: kept for this tab, or in this browser where that was asked for.

const NAME = "upscaled.key";

let key = stored();
const watchers = new Set();
const waiting = []; // for a key

function stored() {
  try {
    return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? "";
  } catch {
    return ""; // storage is switched off: the key lives as long as the page
  }
}

/** The key, "" where there is none. */
export function currentKey() {
  return key;
}

/** Resolves with the next key. */
export const nextKey = () => new Promise((resolve) => waiting.push(resolve));

/** Takes a key; `remember` keeps it after the tab is closed. */
export function signIn(newKey, remember) {
  forget();
  key = newKey;
  waiting.splice(0).forEach((resolve) => resolve());
  try {
    (remember ? localStorage : sessionStorage).setItem(NAME, newKey);
  } catch {
    // the page still works until it is left
  }
}

export function signOut() {
  forget();
  key = "";
}

function forget() {
  try {
    sessionStorage.removeItem(NAME);
    localStorage.removeItem(NAME);
  } catch {
    // nothing was stored
  }
}

/** Calls back when the server refuses the key. */
export function onRefused(callback) {
  watchers.add(callback);
}

export function refused() {
  watchers.forEach((callback) => callback());
}
