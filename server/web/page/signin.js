// The sign-in dialog, for servers that require a key.

import * as api from "./api.js";
import { setText, setVisible } from "./element.js";
import { t } from "./messages.js";
import { signIn, signOut } from "./session.js";
import { errorText } from "./text.js";

const byId = (id) => document.getElementById(id);

export class SignIn {
  #done = [];

  /** @param {{out: () => void}} on `out` is called after a sign-out */
  constructor(on) {
    const dialog = byId("sign-in");
    byId("sign-in-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try();
    });
    dialog.addEventListener("cancel", (event) => event.preventDefault()); // the page is useless without a key
    byId("sign-out").addEventListener("click", () => {
      signOut();
      on.out();
    });
  }

  get asking() {
    return byId("sign-in").open;
  }

  /** Resolves when a key has been accepted. */
  ask(why = "") {
    const dialog = byId("sign-in");
    if (!dialog.open) {
      dialog.showModal();
      setText(byId("sign-in-error"), why);
      byId("key").focus();
    }
    return new Promise((resolve) => this.#done.push(resolve));
  }

  async #try() {
    const key = byId("key").value.trim();
    byId("sign-in-send").disabled = true;
    setText(byId("sign-in-error"), "");
    try {
      await api.account(key);
    } catch (error) {
      setText(byId("sign-in-error"), error.status === 401 ? t("signIn.wrong") : errorText(error));
      byId("key").setAttribute("aria-invalid", "true");
      byId("key").select();
      byId("key").focus();
      return;
    } finally {
      byId("sign-in-send").disabled = false;
    }
    signIn(key, byId("remember").checked);
    byId("key").removeAttribute("aria-invalid");
    byId("key").value = "";
    byId("sign-in").close();
    this.#done.splice(0).forEach((resolve) => resolve());
  }
}

/** Shows the balance and the sign-out button. */
export function showAccount({ credits }, signedIn) {
  setVisible(byId("sign-out"), signedIn);
  setVisible(byId("credits"), typeof credits === "number");
  if (typeof credits === "number") {
    setText(byId("credits"), t("account.credits", { count: credits }));
  }
}
