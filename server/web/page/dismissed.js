// IDs of jobs that were removed from the list. The server keeps the jobs until they
// expire, but the list no longer shows them.

const STORAGE_KEY = "upscaled.dismissed";
const MAX_KEPT = 500; // older ones have expired on the server

function load() {
  try {
    const list = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

export function dismiss(id) {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify([...load(), id].slice(-MAX_KEPT)));
  } catch {
    // it is listed again after a reload
  }
}

export function dismissed(id) {
  return load().includes(id);
}
