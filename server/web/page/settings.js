// The settings form: shows, stores and returns its values.

import { element, setText, setVisible } from "./element.js";
import { onLanguage, percent, t } from "./messages.js";
import { DEFAULTS, available, filmOptions, jobOptions, sizeProblem, sizeText } from "./options.js";
import { isChoice, modelTitle, modelUse } from "./models.js";
import { formatName } from "./text.js";

const STORAGE_KEY = "upscaled.settings";
const CHECKS = ["keep", "faces", "strip", "lossless", "denoiseOn", "filmModel"];
const FIELDS = ["longest", "width", "height", "format", "container", "quality", "strength", "denoise"];

const byId = (id) => document.getElementById(id);

export class Settings {
  #values = { ...DEFAULTS };
  #all = []; // models, as the server lists them
  #models = []; // of them, those to choose from
  #restorer = undefined;

  constructor() {
    this.#load();
    this.#fillForm();
    byId("options").addEventListener("input", () => this.#readForm());
    byId("options").addEventListener("submit", (event) => event.preventDefault());
    const wide = matchMedia("(min-width: 60rem)");
    const openIfWide = () => { byId("settings").open = wide.matches; };
    wide.addEventListener("change", openIfWide);
    openIfWide();
    onLanguage(() => this.setModels(this.#all));
    this.#refresh();
  }

  /** The options for images that are added now, or for a film. */
  options(film = false) {
    return (film ? filmOptions : jobOptions)(this.#values, this.#model(), this.#restorer);
  }

  /** A copy of the form's values, for use. */
  values() {
    return { ...this.#values };
  }

  /** Sets the form to values as they were kept; a model that is gone stays as it is. */
  use(values) {
    const { model } = this.#values;
    this.#take(values);
    if (!this.#models.some((each) => each.name === this.#values.model && each.installed)) {
      this.#values.model = model;
    }
    this.#fillForm();
    document.querySelectorAll("#models-installed input").forEach((radio) => { radio.checked = radio.value === this.#values.model; });
    this.#save();
    this.#refresh();
  }

  /** The models that images can be upscaled with. */
  choices() {
    return this.#models.filter((model) => model.installed);
  }

  /** The error of images that are added with impossible sizes, or null. */
  problem() {
    const found = sizeProblem(this.#values);
    return found && { kind: "settings", detail: t("size.notSent", { problem: found.detail }) };
  }

  /** The scale of a model, or of the selected one if the name is unknown. */
  scaleOf = (name) => (this.#models.find((model) => model.name === name) ?? this.#model())?.scale ?? 4;

  setSystem({ face_restorer: restorer, limits }) {
    setVisible(byId("films"), Boolean(limits.film_bytes));
    this.#restorer = restorer ?? undefined;
    this.#refresh();
  }

  setModels(all) {
    this.#all = all;
    this.#models = all.filter((model) => !model.faces);
    if (this.#models.some((model) => model.installed && isChoice(model))) {
      this.#models = this.#models.filter(isChoice);
    }
    const installed = this.#models.filter((model) => model.installed);
    if (!installed.some((model) => model.name === this.#values.model)) {
      this.#values.model = (installed.find((model) => model.default) ?? installed[0])?.name ?? "";
    }
    byId("models-installed").replaceChildren(...installed.map((model) => this.#modelChoice(model)));
    setVisible(byId("models"), this.#models.length > 0);
    this.#refresh();
  }

  #model() {
    return this.#models.find((model) => model.name === this.#values.model && model.installed);
  }

  #modelChoice(model) {
    const radio = element("input", { type: "radio", name: "model", value: model.name, checked: model.name === this.#values.model });
    const title = element("span.choice-name", { textContent: modelTitle(model.name) });
    const about = [model.name, model.origin, `${model.licence}`, ...(model.tags ?? [])].filter(Boolean);
    const restriction = model.non_commercial ? ` · ${t("model.nonCommercial")}` : "";
    const detail = element("span.choice-about", { textContent: `${modelUse(model)} ·\u00a0${model.scale}×${restriction}`, title: about.join(" · ") });
    return element("label.choice", {}, radio, element("span", {}, title, detail));
  }

  #readForm() {
    const form = byId("options");
    this.#values.size = form.elements.size.value;
    this.#values.model = form.querySelector("input[name=model]:checked")?.value ?? this.#values.model;
    CHECKS.forEach((name) => { this.#values[name] = byId(name).checked; });
    FIELDS.forEach((name) => { this.#values[name] = byId(name).value; });
    this.#save();
    this.#refresh();
  }

  #fillForm() {
    const form = byId("options");
    form.elements.size.value = this.#values.size;
    CHECKS.forEach((name) => { byId(name).checked = this.#values[name]; });
    FIELDS.forEach((name) => { byId(name).value = this.#values[name]; });
  }

  /** Shows the controls that apply now, with their values. */
  #refresh() {
    const model = this.#model();
    const can = available(this.#values, model, this.#restorer);
    for (const node of document.querySelectorAll("[data-for]")) {
      const [, value] = node.dataset.for.split("=");
      setVisible(node, this.#values.size === value);
    }
    const problem = sizeProblem(this.#values);
    ["longest", "width", "height"].forEach((name) => byId(name).setAttribute("aria-invalid", String(problem?.field === name)));
    setText(byId("size-problem"), problem?.detail ?? "");
    setVisible(byId("quality-field"), can.quality);
    setVisible(byId("lossless-field"), can.lossless);
    setVisible(byId("denoise-field"), can.denoise);
    setVisible(byId("denoise-slider"), can.denoise && this.#values.denoiseOn);
    setVisible(byId("strength-field"), can.strength);
    byId("faces").disabled = !can.faces;
    this.#showFacesHint();
    setText(byId("quality-value"), String(this.#values.quality));
    setText(byId("strength-value"), percent(this.#values.strength / 100));
    setText(byId("denoise-value"), percent(this.#values.denoise / 100));
    const options = this.options();
    const parts = [sizeText(options), options.format ? formatName(options.format) : "", options.model ? modelTitle(options.model) : "", options.face_enhance ? t("enhance.summary") : ""];
    setText(byId("settings-summary"), parts.filter(Boolean).join(" · "));
  }

  #showFacesHint() {
    const none = this.#restorer && !this.#restorer.name;
    const refined = this.#restorer?.refined && this.#values.faces;
    setVisible(byId("faces-hint"), Boolean(none || refined));
    setText(byId("faces-hint"), none
      ? t("enhance.noRestorer")
      : t("enhance.refined", { model: this.#restorer?.name }));
  }

  #save() {
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(this.#values));
    } catch {
      // they last until the page is closed
    }
  }

  #load() {
    try {
      this.#take(JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "{}"));
    } catch {
      // use the defaults
    }
  }

  #take(kept) {
    for (const name of Object.keys(DEFAULTS)) {
      if (typeof kept[name] === typeof DEFAULTS[name] || typeof kept[name] === "string") {
        this.#values[name] = kept[name];
      }
    }
  }
}
