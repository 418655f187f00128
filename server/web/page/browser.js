// The random name of this browser. On a server without keys it stands for the account:
// only jobs that were sent with it are listed.

const STORAGE_KEY = "upscaled.browser";

let name = "";

/** Returns the name, which lasts as long as the browser's storage. */
export function browserName() {
  if (!name) {
    try {
      name = localStorage.getItem(STORAGE_KEY) ?? "";
      if (!name) {
        name = randomName();
        localStorage.setItem(STORAGE_KEY, name);
      }
    } catch {
      name ||= randomName(); // storage is disabled: it lasts until the page is closed
    }
  }
  return name;
}

function randomName() {
  return [...crypto.getRandomValues(new Uint8Array(20))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
