// Announcements for screen readers. Changes of state are collected for a moment, so
// that ten images are announced together; progress is not announced.

import { t } from "./messages.js";

const DEBOUNCE = 900; // milliseconds

let region = null;
let pending = [];
let timer = 0;

export function announceIn(node) {
  region = node;
}

/** Announces a sentence soon. Of many at once, only the last three are read. */
export function announce(sentence) {
  if (pending.at(-1) === sentence) {
    return;
  }
  pending.push(sentence);
  if (!timer) {
    timer = setTimeout(flush, DEBOUNCE);
  }
}

function flush() {
  timer = 0;
  const more = pending.length - 3;
  region.textContent = (more > 0 ? `${t("announce.more", { count: more })} ` : "") + pending.slice(-3).join(" ");
  pending = [];
}
