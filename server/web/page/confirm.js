// Asks before something is lost.

import { setText } from "./element.js";

const byId = (id) => document.getElementById(id);

/**
 * Asks a question in a dialog, which restores the focus when it closes.
 * @returns {Promise<boolean>} whether the user agreed
 */
export function confirm({ title, detail, action }) {
  const dialog = byId("confirm");
  setText(byId("confirm-title"), title);
  setText(byId("confirm-detail"), detail);
  setText(byId("confirm-yes"), action);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
