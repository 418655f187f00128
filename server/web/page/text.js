// Texts about an item: its state, details and errors.

import { REJECTED, SENDING, WAITING } from "./item.js";
import { remainingText } from "./eta.js";
import { has, languageInUse, percent, t } from "./messages.js";
import { modelTitle } from "./models.js";
import { bytes, dimensions, duration, resultSize } from "./sizes.js";

/** The current state as one line. */
export function stateText(item) {
  switch (item.state) {
    case WAITING:
      return item.note || t("state.waiting");
    case SENDING:
      return item.url ? t("state.sendingURL") : t("state.sending", { share: percent(item.progress) });
    case "queued":
      return item.note || t("state.queued");
    case "running": {
      const left = remainingText(item.remaining);
      if (item.progress === 0) { // the model is loading, or the image is a single tile
        return item.note || t("state.working");
      }
      return item.note || [framesText(item), percent(item.progress), left].filter(Boolean).join(" · ");
    }
    case "succeeded":
      return item.note || item.kept && t("state.kept") || [t("state.done", { time: duration(item.result.seconds) }), facesText(item.result.faces)].filter(Boolean).join(" · ");
    case "canceled":
      return item.note || t("state.canceled");
    case REJECTED:
      return t("state.rejected");
    default:
      return item.note || t("state.failed");
  }
}

function framesText({ input, progress }) {
  return input?.frames ? t("film.done", { count: input.frames, done: Math.floor(progress * input.frames) }) : "";
}

function facesText(faces) {
  if (!faces) {
    return "";
  }
  if (faces.found === 0) {
    return t("state.noFaces");
  }
  return t(faces.refined ? "state.facesRefined" : "state.facesRestored", { count: faces.found, done: faces.enhanced });
}

/** Sizes and format as one line, as far as they are known. */
export function detailsText(item, scaleOf) {
  const { result, input } = item;
  if (result) {
    const from = input ? `${dimensions(input.width, input.height)} → ` : "";
    const facts = [`${from}${dimensions(result.width, result.height)}`, result.model && modelTitle(result.model), formatName(result.format), result.frames && t("film.frames", { count: result.frames }), bytes(result.bytes)];
    return facts.filter(Boolean).join(" · ");
  }
  if (!input) {
    return item.file ? bytes(item.file.size) : "";
  }
  const made = resultSize(input.width, input.height, item.options ?? {}, scaleOf(item.options?.model));
  const facts = [`${dimensions(input.width, input.height)} → ${dimensions(made.width, made.height)}`, item.options?.model && modelTitle(item.options.model), input.frames && t("film.frames", { count: input.frames })];
  return facts.filter(Boolean).join(" · ");
}

/** Formats that some browsers cannot show. */
export const UNSHOWN = ["tiff", "jxl"];

export function formatName(format) {
  return { webp: "WebP", webm: "WebM", jxl: "JPEG XL", jp2: "JPEG 2000" }[format] ?? format.toUpperCase();
}

/**
 * The error, with advice for some kinds. The server's sentences are in English: in other
 * languages they follow that of their kind, since they say more.
 */
export function errorText({ kind, detail, server, requestId }) {
  const general = t(has(`error.${kind}`) ? `error.${kind}` : "error.internal");
  const translated = server && languageInUse() !== "en";
  const sentence = detail && translated ? t("error.with", { general, detail }) : detail || general;
  const advice = has(`advice.${kind}`) ? t(`advice.${kind}`) : "";
  const id = kind === "internal" && requestId ? t("error.request", { id: requestId }) : "";
  return [sentence, sentence.includes(advice) ? "" : advice, id].filter(Boolean).join(" ");
}
