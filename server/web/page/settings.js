// The settings' controls: they show, keep and give what was chosen.

import { element, say, show } from "./element.js";
import { DEFAULTS, available, optionsOf, sizeWords } from "./options.js";
import { formatWords } from "./words.js";

const NAME = "upscaled.settings";
const CHECKS = ["keep", "faces", "strip", "lossless", "denoiseOn"];
const FIELDS = ["longest", "width", "height", "format", "quality", "strength", "denoise"];

const byId = (id) => document.getElementById(id);

export class Settings {
  #chosen = { ...DEFAULTS };
  #models = [];
  #restorer = undefined;

  constructor() {
    this.#restore();
    this.#write();
    byId("options").addEventListener("input", () => this.#read());
    byId("options").addEventListener("submit", (event) => event.preventDefault());
    const wide = matchMedia("(min-width: 60rem)");
    const unfold = () => { byId("settings").open = wide.matches; };
    wide.addEventListener("change", unfold);
    unfold();
    this.#arrange();
  }

  /** The options of a picture that is added now. */
  options() {
    return optionsOf(this.#chosen, this.#model(), this.#restorer);
  }

  /** The factor of a model, by name; of the chosen or default one without. */
  scaleOf = (name) => (this.#models.find((model) => model.name === name) ?? this.#model())?.scale ?? 4;

  setSystem({ face_restorer: restorer }) {
    this.#restorer = restorer ?? undefined;
    this.#arrange();
  }

  setModels(all) {
    this.#models = all.filter((model) => !model.faces);
    const installed = this.#models.filter((model) => model.installed);
    const missing = this.#models.filter((model) => !model.installed);
    if (!installed.some((model) => model.name === this.#chosen.model)) {
      this.#chosen.model = (installed.find((model) => model.default) ?? installed[0])?.name ?? "";
    }
    byId("models-installed").replaceChildren(...installed.map((model) => this.#choice(model)));
    byId("models-missing").replaceChildren(...missing.map((model) => this.#choice(model)));
    show(byId("models"), this.#models.length > 0);
    show(byId("models-more"), missing.length > 0);
    say(byId("models-more-words"), `${missing.length} more can be installed`);
    this.#arrange();
  }

  #model() {
    return this.#models.find((model) => model.name === this.#chosen.model && model.installed);
  }

  #choice(model) {
    const radio = element("input", { type: "radio", name: "model", value: model.name, disabled: !model.installed, checked: model.name === this.#chosen.model });
    const title = element("span.choice-name", { textContent: model.name });
    const detail = element("span.choice-about", { textContent: `${model.summary} · ${model.scale}×`, title: `${model.origin} · ${model.licence}` });
    const label = element("label.choice", {}, radio, element("span", {}, title, detail));
    if (model.installed) {
      return label;
    }
    const command = `upscaled models pull ${model.name}`;
    const copy = element("button", { type: "button", className: "plain small", textContent: "Copy", "aria-label": `Copy the command ${command}` });
    copy.addEventListener("click", async () => {
      await navigator.clipboard?.writeText(command).then(() => say(copy, "Copied"), () => {});
    });
    return element("div.missing", {}, label, element("p.command", {}, element("code", { textContent: command }), navigator.clipboard ? copy : null));
  }

  #read() {
    const form = byId("options");
    this.#chosen.size = form.elements.size.value;
    this.#chosen.model = form.querySelector("input[name=model]:checked")?.value ?? this.#chosen.model;
    CHECKS.forEach((name) => { this.#chosen[name] = byId(name).checked; });
    FIELDS.forEach((name) => { this.#chosen[name] = byId(name).value; });
    this.#keep();
    this.#arrange();
  }

  #write() {
    const form = byId("options");
    form.elements.size.value = this.#chosen.size;
    CHECKS.forEach((name) => { byId(name).checked = this.#chosen[name]; });
    FIELDS.forEach((name) => { byId(name).value = this.#chosen[name]; });
  }

  /** Shows the controls that have a meaning now, and what they are at. */
  #arrange() {
    const model = this.#model();
    const can = available(this.#chosen, model, this.#restorer);
    for (const node of document.querySelectorAll("[data-for]")) {
      const [, value] = node.dataset.for.split("=");
      show(node, this.#chosen.size === value);
    }
    show(byId("quality-field"), can.quality);
    show(byId("lossless-field"), can.lossless);
    show(byId("denoise-field"), can.denoise);
    show(byId("denoise-slider"), can.denoise && this.#chosen.denoiseOn);
    show(byId("strength-field"), can.strength);
    byId("faces").disabled = !can.faces;
    this.#sayFaces();
    say(byId("quality-words"), String(this.#chosen.quality));
    say(byId("strength-words"), `${this.#chosen.strength} %`);
    say(byId("denoise-words"), `${this.#chosen.denoise} %`);
    const options = this.options();
    const parts = [sizeWords(options), options.format ? formatWords(options.format) : "", options.model ?? "", options.face_enhance ? "faces" : ""];
    say(byId("settings-words"), parts.filter(Boolean).join(" · "));
  }

  #sayFaces() {
    const none = this.#restorer && !this.#restorer.name;
    const refined = this.#restorer?.refined && this.#chosen.faces;
    show(byId("faces-words"), Boolean(none || refined));
    say(byId("faces-words"), none
      ? "No face restorer is installed on this server."
      : `No face restorer is installed: faces are refined with ${this.#restorer?.name}.`);
  }

  #keep() {
    try {
      localStorage.setItem(NAME, JSON.stringify(this.#chosen));
    } catch {
      // they last until the page is left
    }
  }

  #restore() {
    try {
      const kept = JSON.parse(localStorage.getItem(NAME) ?? "{}");
      for (const name of Object.keys(DEFAULTS)) {
        if (typeof kept[name] === typeof DEFAULTS[name] || typeof kept[name] === "string") {
          this.#chosen[name] = kept[name];
        }
      }
    } catch {
      // the defaults are fine
    }
  }
}
