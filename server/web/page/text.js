// Texts about an item: its state, details and errors.

import { REJECTED, SENDING, WAITING } from "./item.js";
import { remainingText } from "./eta.js";
import { modelTitle } from "./models.js";
import { bytes, dimensions, duration, resultSize } from "./sizes.js";

/** The current state as one line. */
export function stateText(item) {
  switch (item.state) {
    case WAITING:
      return item.note || "Waiting to be sent";
    case SENDING:
      return item.url ? "Sending the URL" : `Sending ${Math.round(item.progress * 100)} %`;
    case "queued":
      return item.note || "In the queue";
    case "running": {
      const left = remainingText(item.remaining);
      if (item.progress === 0) { // the model is loading, or the image is a single tile
        return item.note || "Working";
      }
      return item.note || `${Math.round(item.progress * 100)} %${left ? ` · ${left}` : ""}`;
    }
    case "succeeded":
      return item.note || `Done in ${duration(item.result.seconds)}${facesText(item.result.faces)}`;
    case "canceled":
      return item.note || "Canceled";
    case REJECTED:
      return "Rejected";
    default:
      return item.note || "Failed";
  }
}

function facesText(faces) {
  if (!faces) {
    return "";
  }
  if (faces.found === 0) {
    return " · no faces found";
  }
  return ` · ${faces.enhanced} of ${faces.found} ${faces.found === 1 ? "face" : "faces"} ${faces.refined ? "refined" : "restored"}`;
}

/** Sizes and format as one line, as far as they are known. */
export function detailsText(item, scaleOf) {
  const { result, input } = item;
  if (result) {
    const from = input ? `${dimensions(input.width, input.height)} → ` : "";
    const facts = [`${from}${dimensions(result.width, result.height)}`, result.model && modelTitle(result.model), formatName(result.format), bytes(result.bytes)];
    return facts.filter(Boolean).join(" · ");
  }
  if (!input) {
    return item.file ? bytes(item.file.size) : "";
  }
  const made = resultSize(input.width, input.height, item.options ?? {}, scaleOf(item.options?.model));
  const facts = [`${dimensions(input.width, input.height)} → ${dimensions(made.width, made.height)}`, item.options?.model && modelTitle(item.options.model)];
  return facts.filter(Boolean).join(" · ");
}

/** Formats that some browsers cannot show. */
export const UNSHOWN = ["tiff", "jxl"];

export function formatName(format) {
  return { webp: "WebP", jxl: "JPEG XL", jp2: "JPEG 2000" }[format] ?? format.toUpperCase();
}

/** The error, with advice for some kinds. */
export function errorText(error) {
  const advice = {
    unauthorized: "Sign in with another key.",
    no_credits: "Ask the server's operator for more credits.",
    device_memory: "Try a smaller size, or try again later.",
    internal: "Try again. If the error persists, see the server's log.",
  }[error.kind];
  const detail = error.detail || "Something went wrong on the server.";
  const id = error.kind === "internal" && error.requestId ? ` Request ${error.requestId}.` : "";
  return `${detail}${advice && !detail.includes(advice) ? ` ${advice}` : ""}${id}`;
}
