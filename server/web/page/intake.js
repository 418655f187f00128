// How pictures come in: dropped anywhere, pasted, chosen, or by address.

import { announce } from "./announce.js";
import { say, show } from "./element.js";
import { bytes, megapixels } from "./sizes.js";
import { formatWords } from "./words.js";

const PICTURE = /\.(jpe?g|png|webp|gif|tiff?)$/i;

const byId = (id) => document.getElementById(id);

/**
 * @param {{addFile: (file: File) => void, addAddress: (url: string) => void}} on
 */
export function startIntake(on) {
  const addFiles = (list) => {
    const files = [...list];
    files.forEach((file) => on.addFile(file));
    if (files.length) {
      announce(`${files.length} ${files.length === 1 ? "picture" : "pictures"} added.`);
    }
  };
  byId("choose").addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", (event) => {
    addFiles(event.target.files);
    event.target.value = ""; // the same file may be chosen again
  });
  byId("by-address").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = byId("address");
    if (field.value.trim()) {
      on.addAddress(field.value.trim());
      field.value = "";
    }
  });
  document.addEventListener("paste", (event) => paste(event, addFiles, on.addAddress));
  startDropping(addFiles, on.addAddress);
}

function paste(event, addFiles, addAddress) {
  if (event.target.closest?.("input, textarea, dialog")) {
    return;
  }
  const files = event.clipboardData.files;
  if (files.length) {
    event.preventDefault();
    addFiles(files);
    return;
  }
  const text = event.clipboardData.getData("text/plain").trim();
  if (/^https?:\/\/\S+$/.test(text)) {
    event.preventDefault();
    addAddress(text);
  }
}

function startDropping(addFiles, addAddress) {
  const veil = byId("veil");
  let depth = 0; // enter and leave come for every element in between
  const busy = () => document.querySelector("dialog[open]");
  const wanted = (event) => !busy() && [...event.dataTransfer.types].some((type) => type === "Files" || type === "text/uri-list");
  const set = (count) => {
    depth = Math.max(0, count);
    show(veil, depth > 0);
  };
  addEventListener("dragenter", (event) => wanted(event) && set(depth + 1));
  addEventListener("dragleave", (event) => wanted(event) && set(depth - 1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", async (event) => {
    event.preventDefault();
    if (!wanted(event)) {
      return;
    }
    set(0);
    const { files } = event.dataTransfer;
    const address = event.dataTransfer.getData("text/uri-list").split("\n")[0].trim();
    const inside = folders(event.dataTransfer.items); // must be asked before the first await
    if (inside.length) {
      addFiles((await Promise.all(inside.map((entry) => filesBelow(entry)))).flat());
    } else if (files.length) {
      addFiles(files);
    } else if (/^https?:/.test(address)) {
      addAddress(address);
    }
  });
}

/** The dropped entries, where one of them is a folder. */
function folders(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.some((entry) => entry.isDirectory) ? entries : [];
}

/** All pictures of a folder; a single file is taken whatever its name is. */
async function filesBelow(entry, depth = 0) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return depth === 0 || PICTURE.test(file.name) ? [file] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) { // a reader gives at most 100 entries at once
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) {
      return found;
    }
    for (const child of some) {
      found.push(...await filesBelow(child, depth + 1));
    }
  }
}

/** Says what the server takes. */
export function describeLimits({ formats, limits }) {
  const names = formats.map(formatWords).join(", ");
  const most = [limits.max_bytes && bytes(limits.max_bytes), limits.max_pixels && megapixels(limits.max_pixels)].filter(Boolean);
  say(byId("intake-limits"), `${names}${most.length ? ` · up to ${most.join(" and ")} each` : ""}`);
}
