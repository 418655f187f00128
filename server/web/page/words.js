// What is said of an item: its state, its facts and its failures.

import { REFUSED, SENDING, WAITING } from "./item.js";
import { remainingWords } from "./eta.js";
import { bytes, dimensions, duration, resultSize } from "./sizes.js";

/** One line: what happens now. */
export function stateWords(item) {
  switch (item.state) {
    case WAITING:
      return item.note || "Waiting to be sent";
    case SENDING:
      return item.url ? "Sending the address" : `Sending ${Math.round(item.progress * 100)} %`;
    case "queued":
      return item.note || "In the queue";
    case "running": {
      const left = remainingWords(item.remaining);
      if (item.progress === 0) { // loading the model, or a picture of one tile
        return item.note || "Working";
      }
      return item.note || `${Math.round(item.progress * 100)} %${left ? ` · ${left}` : ""}`;
    }
    case "succeeded":
      return `Done in ${duration(item.result.seconds)}${facesWords(item.result.faces)}`;
    case "canceled":
      return "Canceled";
    case REFUSED:
      return "Not accepted";
    default:
      return "Not upscaled";
  }
}

function facesWords(faces) {
  if (!faces) {
    return "";
  }
  if (faces.found === 0) {
    return " · no faces found";
  }
  return ` · ${faces.enhanced} of ${faces.found} ${faces.found === 1 ? "face" : "faces"} ${faces.refined ? "refined" : "restored"}`;
}

/** One line: sizes and format, as far as they are known. */
export function factWords(item, scaleOf) {
  const { result, input } = item;
  if (result) {
    const from = input ? `${dimensions(input.width, input.height)} → ` : "";
    return `${from}${dimensions(result.width, result.height)} · ${formatWords(result.format)} · ${bytes(result.bytes)}`;
  }
  if (!input) {
    return item.file ? bytes(item.file.size) : "";
  }
  const made = resultSize(input.width, input.height, item.options ?? {}, scaleOf(item.options?.model));
  return `${dimensions(input.width, input.height)} → ${dimensions(made.width, made.height)}`;
}

export function formatWords(format) {
  return { jpeg: "JPEG", png: "PNG", webp: "WebP", tiff: "TIFF", gif: "GIF", bmp: "BMP" }[format] ?? format;
}

/** What failed, and what would help where the kind of fault tells. */
export function errorWords(error) {
  const advice = {
    unauthorized: "Sign in with another key.",
    no_credits: "Ask whoever runs this server for credits.",
    device_memory: "Try a smaller size, or again when less is going on.",
    internal: "Try again; if it stays so, the server's log knows more.",
  }[error.kind];
  const detail = error.detail || "Something went wrong on the server.";
  const id = error.kind === "internal" && error.requestId ? ` Request ${error.requestId}.` : "";
  return `${detail}${advice && !detail.includes(advice) ? ` ${advice}` : ""}${id}`;
}
