// Adds images and films that are dropped, pasted, chosen or given by URL.

import { announce } from "./announce.js";
import { setText, setVisible } from "./element.js";
import { list, t } from "./messages.js";
import { bytes, megapixels } from "./sizes.js";
import { formatName } from "./text.js";

const IMAGE_NAME = /\.(jpe?g|jpe|jfif|a?png|webp|gif|bmp|dib|tiff?|avifs?|jxl|hei[cf]|hif|jp2|j2[kc]|jpc|jpf|jpx)$/i;

const MODEL_NAME = /\.(pth|pt|ckpt|safetensors|onnx|param|bin|data|onnx_data|zip)$/i;

const byId = (id) => document.getElementById(id);

/**
 * @param {{addFile: (file: File) => void, addURL: (url: string) => void, addModels: (files: File[]) => boolean}} on
 */
export function startIntake(on) {
  const addFiles = (chosen) => {
    const files = [...chosen];
    if (files.length && files.every((file) => MODEL_NAME.test(file.name)) && on.addModels(files)) {
      return;
    }
    files.forEach((file) => on.addFile(file));
    if (files.length) {
      announce(t("announce.added", { count: files.length }));
    }
  };
  byId("choose").addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", (event) => {
    addFiles(event.target.files);
    event.target.value = ""; // the same file may be chosen again
  });
  byId("by-url").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = byId("url");
    if (field.value.trim()) {
      on.addURL(field.value.trim());
      field.value = "";
    }
  });
  document.addEventListener("paste", (event) => paste(event, addFiles, on.addURL));
  startDropping(addFiles, on.addURL);
}

function paste(event, addFiles, addURL) {
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
    addURL(text);
  }
}

function startDropping(addFiles, addURL) {
  const veil = byId("veil");
  let depth = 0; // dragenter and dragleave fire for every nested element
  const busy = () => document.querySelector("dialog[open]:not(#models-dialog)");
  const wanted = (event) => !busy() && [...event.dataTransfer.types].some((type) => type === "Files" || type === "text/uri-list");
  const set = (count) => {
    depth = Math.max(0, count);
    setVisible(veil, depth > 0);
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
    const url = event.dataTransfer.getData("text/uri-list").split("\n")[0].trim();
    const inside = folders(event.dataTransfer.items); // not available after the first await
    if (inside.length) {
      addFiles((await Promise.all(inside.map((entry) => filesBelow(entry)))).flat());
    } else if (files.length) {
      addFiles(files);
    } else if (/^https?:/.test(url)) {
      addURL(url);
    }
  });
}

/** The dropped entries if one of them is a folder, else none. */
function folders(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.some((entry) => entry.isDirectory) ? entries : [];
}

/** All images in a folder, by name, since a film in it may take hours; a single file whatever its name is. */
async function filesBelow(entry, depth = 0) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return depth === 0 || IMAGE_NAME.test(file.name) ? [file] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) { // returns at most 100 entries per call
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) {
      return found;
    }
    for (const child of some) {
      found.push(...await filesBelow(child, depth + 1));
    }
  }
}

/** Shows which files the server accepts. */
export function describeLimits({ input_formats: formats, limits }) {
  const names = list(formats.map(formatName));
  const max = [limits.max_bytes && bytes(limits.max_bytes), limits.max_pixels && megapixels(limits.max_pixels)].filter(Boolean);
  const films = limits.film_bytes ? t("film.limit", { limit: bytes(limits.film_bytes) }) : t("film.none");
  setText(byId("intake-limits"), [names, max.length && t("intake.limits", { limits: list(max, "conjunction") }), films].filter(Boolean).join(" · "));
}
