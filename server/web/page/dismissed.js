// Jobs that were removed from the list here. The server keeps them until they
// expire; the list does not show them again.

const NAME = "upscaled.dismissed";
const MOST = 500; // the oldest are forgotten: their jobs have expired by then

function read() {
  try {
    const list = JSON.parse(localStorage.getItem(NAME) ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

export function dismiss(id) {
  try {
    localStorage.setItem(NAME, JSON.stringify([...read(), id].slice(-MOST)));
  } catch {
    // it will be listed again after a reload
  }
}

export function dismissed(id) {
  return read().includes(id);
}
