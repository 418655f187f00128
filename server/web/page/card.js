// The card of one image or film.

import { element, icon, setText, setVisible } from "./element.js";
import { Faces } from "./faces.js";
import { t } from "./messages.js";
import { REJECTED, SENDING } from "./item.js";
import { errorText, detailsText, stateText } from "./text.js";

/** Actions, whose labels are the messages card.NAME, and the condition under which they are shown. */
const ACTIONS = [
  { name: "compare", icon: "compare", style: "primary", when: (item) => item.succeeded && !item.playable },
  { name: "play", icon: "play", style: "primary", when: (item) => item.playable && !item.kept },
  { name: "download", icon: "download", when: (item) => item.succeeded && !item.kept },
  { name: "retry", icon: "retry", hint: "card.retryHint", when: (item) => item.worthRetrying },
  { name: "repeat", icon: "retry", style: "plain", when: (item) => item.succeeded && item.repeatable, iconOnly: true },
  { name: "cancel", when: (item) => !item.final },
  { name: "remove", icon: "delete", style: "plain", when: (item) => item.final, iconOnly: true },
];

export class Card {
  #buttons = new Map();
  #thumbnail = "";

  /**
   * @param {import("./item.js").Item} item
   * @param {(action: string, item: object, options?: object) => void} act
   * @param {(model: string) => number} scaleOf
   */
  constructor(item, act, scaleOf) {
    this.item = item;
    this.scaleOf = scaleOf;
    this.image = element("img", { alt: "", hidden: true, decoding: "async", draggable: false });
    this.preview = element("div.thumbnail", { onclick: () => item.succeeded && act(item.playable ? "play" : "compare", item) }, icon("image"), this.image);
    this.name = element("h3.name", { textContent: item.name, title: item.name });
    this.details = element("p.details");
    this.state = element("p.state");
    this.bar = element("progress.bar", { max: 1 });
    this.error = element("p.wrong");
    this.notes = element("ul.notes");
    this.faces = new Faces(item, act);
    const actions = element("div.actions", {}, ...ACTIONS.map((action) => this.#button(action, act)));
    this.node = element("li.card", {},
      this.preview, element("div.body", {}, this.name, this.details, this.state, this.bar, this.error, this.notes, this.faces.node, actions));
    this.update();
  }

  #button(action, act) {
    const button = element("button", {
      type: "button", className: action.style ?? "", onclick: () => act(action.name, this.item),
    }, action.icon ? icon(action.icon) : null, action.iconOnly ? null : element("span"));
    button.dataset.action = action.name;
    button.classList.toggle("square", Boolean(action.iconOnly));
    this.#buttons.set(action.name, { button, ...action });
    return button;
  }

  /** Shows the item's current state and keeps the focus in the card. */
  update() {
    const { item } = this;
    const focused = this.node.contains(document.activeElement) ? document.activeElement : null;
    this.node.dataset.state = item.state;
    this.node.dataset.job = item.id;
    setText(this.details, detailsText(item, this.scaleOf));
    setText(this.state, stateText(item));
    setVisible(this.bar, !item.final);
    if (item.state === SENDING || (item.state === "running" && item.progress > 0)) {
      this.bar.value = item.progress;
    } else {
      this.bar.removeAttribute("value");
    }
    const failed = item.state === "failed" || item.state === REJECTED;
    setVisible(this.error, failed);
    setText(this.error, failed && item.error ? errorText(item.error) : "");
    this.#showNotes(item.result?.notes ?? []);
    this.faces.update();
    this.#label();
    for (const { button, when } of this.#buttons.values()) {
      setVisible(button, when(item));
    }
    if (focused?.hidden) {
      this.firstAction()?.focus();
    }
  }

  /** Sets the labels in the language in use. */
  #label() {
    this.bar.setAttribute("aria-label", t("card.progress", { name: this.item.name }));
    for (const { button, name, hint, iconOnly } of this.#buttons.values()) {
      const text = t(`card.${name}`);
      button.setAttribute("aria-label", t("card.of", { action: text, name: this.item.name }));
      button.title = hint ? t(hint) : iconOnly ? text : "";
      if (!iconOnly) {
        setText(button.lastChild, text);
      }
    }
  }

  #showNotes(notes) {
    if (this.notes.childElementCount !== notes.length) {
      this.notes.replaceChildren(...notes.map((note) => element("li", { lang: "en", textContent: note })));
    }
    setVisible(this.notes, notes.length > 0);
  }

  firstAction() {
    return [...this.#buttons.values()].find(({ button }) => !button.hidden)?.button;
  }

  action(name) {
    return this.#buttons.get(name).button;
  }

  /** Shows a thumbnail by its object URL, which the card then owns. */
  setThumbnail(url) {
    this.free();
    this.#thumbnail = url;
    this.image.src = url;
    this.image.hidden = false;
  }

  get hasThumbnail() {
    return this.#thumbnail !== "";
  }

  free() {
    if (this.#thumbnail) {
      URL.revokeObjectURL(this.#thumbnail);
      this.#thumbnail = "";
    }
  }
}
