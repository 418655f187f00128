// A notification of the system when all images are done while the page is not visible.

import { t } from "./messages.js";

let pending = false;

/** Follows the queue; shows the notification if the user has allowed any. */
export function notifyWhenDone(items) {
  const active = items.some((item) => !item.final);
  if (pending && !active && document.hidden && window.Notification?.permission === "granted") {
    const done = items.filter((item) => item.succeeded).length;
    const note = new Notification("upscaled", { body: t("notify.done", { count: done }), tag: "upscaled-done" });
    note.onclick = () => window.focus();
  }
  pending = active;
}
