// The card of one picture.

import { element, icon, say, show } from "./element.js";
import { REFUSED, SENDING } from "./item.js";
import { errorWords, factWords, stateWords } from "./words.js";

/** Actions by name: when they are offered and how they read. */
const ACTIONS = [
  { name: "compare", text: "Compare", icon: "compare", style: "primary", when: (item) => item.succeeded },
  { name: "download", text: "Download", icon: "download", when: (item) => item.succeeded },
  { name: "retry", text: "Try again", icon: "again", hint: "Try again with the settings as they are now", when: (item) => item.final && !item.succeeded && item.repeatable && item.error?.kind !== "unsupported" },
  { name: "repeat", text: "Again with these settings", icon: "again", style: "plain", when: (item) => item.succeeded && item.repeatable, bare: true },
  { name: "cancel", text: "Cancel", when: (item) => !item.final },
  { name: "remove", text: "Remove", icon: "close", style: "plain", when: (item) => item.final, bare: true },
];

export class Card {
  #buttons = new Map();
  #thumbnail = "";

  /**
   * @param {import("./item.js").Item} item
   * @param {(action: string, item: object) => void} act
   * @param {(model: string) => number} scaleOf
   */
  constructor(item, act, scaleOf) {
    this.item = item;
    this.scaleOf = scaleOf;
    this.image = element("img", { alt: "", hidden: true, decoding: "async", draggable: false });
    this.picture = element("div.picture", { onclick: () => item.succeeded && act("compare", item) }, icon("picture"), this.image);
    this.name = element("h3.name", { textContent: item.name, title: item.name });
    this.facts = element("p.facts");
    this.state = element("p.state");
    this.bar = element("progress.bar", { max: 1, "aria-label": `Progress of ${item.name}` });
    this.error = element("p.wrong");
    this.notes = element("ul.notes");
    const actions = element("div.actions", {}, ...ACTIONS.map((action) => this.#button(action, act)));
    this.node = element("li.card", {},
      this.picture, element("div.body", {}, this.name, this.facts, this.state, this.bar, this.error, this.notes, actions));
    this.update();
  }

  #button(action, act) {
    const button = element("button", {
      type: "button", title: action.hint ?? (action.bare ? action.text : ""), className: action.style ?? "",
      "aria-label": `${action.text}: ${this.item.name}`, onclick: () => act(action.name, this.item),
    }, action.icon ? icon(action.icon) : null, action.bare ? null : element("span", { textContent: action.text }));
    button.dataset.action = action.name;
    button.classList.toggle("square", Boolean(action.bare));
    this.#buttons.set(action.name, { button, when: action.when });
    return button;
  }

  /** Shows the item as it is now; keeps the focus in the card. */
  update() {
    const { item } = this;
    const focused = this.node.contains(document.activeElement) ? document.activeElement : null;
    this.node.dataset.state = item.state;
    this.node.dataset.job = item.id;
    say(this.facts, factWords(item, this.scaleOf));
    say(this.state, stateWords(item));
    show(this.bar, !item.final);
    if (item.state === SENDING || (item.state === "running" && item.progress > 0)) {
      this.bar.value = item.progress;
    } else {
      this.bar.removeAttribute("value");
    }
    const failed = item.state === "failed" || item.state === REFUSED;
    show(this.error, failed);
    say(this.error, failed && item.error ? errorWords(item.error) : "");
    this.#say(item.result?.notes ?? []);
    for (const { button, when } of this.#buttons.values()) {
      show(button, when(item));
    }
    if (focused?.hidden) {
      this.firstAction()?.focus();
    }
  }

  #say(notes) {
    if (this.notes.childElementCount !== notes.length) {
      this.notes.replaceChildren(...notes.map((note) => element("li", { textContent: note })));
    }
    show(this.notes, notes.length > 0);
  }

  firstAction() {
    return [...this.#buttons.values()].find(({ button }) => !button.hidden)?.button;
  }

  action(name) {
    return this.#buttons.get(name).button;
  }

  /** Takes over a drawing's address; the card frees it when it goes. */
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
