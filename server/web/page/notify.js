// A notification of the system when all images are done while the page is not visible.

import { hasFailed } from "./overview.js";
import { t } from "./messages.js";

const batch = new Set(); // what is being worked on since the queue was last idle

/** Follows the queue; shows the notification if the user has allowed any. */
export function notifyWhenDone(items) {
  items.filter((item) => !item.final).forEach((item) => batch.add(item));
  const ended = items.filter((item) => batch.has(item));
  if (batch.size === 0 || ended.some((item) => !item.final)) {
    return;
  }
  batch.clear();
  if (document.hidden && window.Notification?.permission === "granted") {
    const failed = ended.filter(hasFailed).length;
    show([t("notify.done", { count: ended.filter((item) => item.succeeded).length }), failed ? t("queue.failures", { count: failed }) : ""].join(" ").trim());
  }
}

async function show(body) {
  const options = { body, tag: "upscaled-done" };
  try {
    new Notification("upscaled", options).onclick = () => window.focus();
  } catch { // phones show those of a service worker only
    const registration = await navigator.serviceWorker?.getRegistration();
    registration?.showNotification("upscaled", options);
  }
}
