// The dialog that plays a result, and its original if this page has the file.

import * as api from "./api.js";
import { sameOriginURL } from "./download.js";
import { element, icon, setText, setVisible } from "./element.js";
import { onLanguage, t } from "./messages.js";
import { currentKey } from "./session.js";
import { formatName } from "./text.js";

export class Player {
  #item = null;
  #original = ""; // object URL
  #shown = "after";

  /** @param {{download: (item: object) => void}} on */
  constructor(on) {
    this.title = element("h2", { id: "player-title" });
    this.close = element("button.plain.square", { type: "button", onclick: () => this.dialog.close() }, icon("close"));
    this.film = element("video.film", { controls: true, playsInline: true, onerror: () => this.#fail() });
    this.problem = element("p.wrong", { role: "status" });
    this.other = element("button", { type: "button", onclick: () => this.#switch() });
    this.download = element("button.primary", { type: "button", onclick: () => on.download(this.#item) }, icon("download"), element("span"));
    this.dialog = element("dialog.sheet.wide", { id: "player", "aria-labelledby": "player-title", onclose: () => this.#closed() },
      element("div.sheet-top", {}, this.title, this.close), this.film, this.problem, element("div.answers", {}, this.other, this.download));
    document.body.append(this.dialog);
    onLanguage(() => this.#label());
    this.#label();
  }

  open(item) {
    this.#item = item;
    this.#original = item.file ? URL.createObjectURL(item.file) : "";
    setText(this.title, item.name);
    setVisible(this.other, Boolean(this.#original));
    this.#show("after");
    this.dialog.showModal();
  }

  #show(which) {
    this.#shown = which;
    setText(this.problem, "");
    this.film.src = which === "before" ? this.#original : currentKey() ? sameOriginURL(this.#item.result) : api.resultURL(this.#item.id);
    this.#label();
  }

  /** Shows the other film at the same time. */
  #switch() {
    const { currentTime, paused } = this.film;
    this.#show(this.#shown === "after" ? "before" : "after");
    this.film.currentTime = currentTime;
    if (!paused) {
      this.film.play().catch(() => {}); // its event reports the error
    }
  }

  #label() {
    this.close.setAttribute("aria-label", t("compare.close"));
    this.film.setAttribute("aria-label", t(`compare.${this.#shown}`));
    setText(this.other, t(this.#shown === "after" ? "compare.before" : "compare.after"));
    setText(this.download.lastChild, t("compare.download"));
  }

  #fail() {
    if (this.dialog.open) { // else it was closed, which takes the film away
      const format = formatName(this.#item.result.format);
      setText(this.problem, this.#shown === "before" ? t("compare.originalUnshown") : t("compare.formatUnshown", { format }));
    }
  }

  #closed() {
    this.film.removeAttribute("src");
    this.film.load(); // ends the download
    URL.revokeObjectURL(this.#original);
  }
}
