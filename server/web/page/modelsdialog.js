// The dialog of models: what each is for, a sample of it and, for operators, installing,
// adding from a file and removing.

import * as api from "./api.js";
import { announce } from "./announce.js";
import { confirm } from "./confirm.js";
import { element, setText, setVisible } from "./element.js";
import { isChoice, modelTitle, modelUse, sampleFile } from "./models.js";
import { list, onLanguage, percent, t } from "./messages.js";
import { bytes } from "./sizes.js";
import { errorText } from "./text.js";

const POLL_INTERVAL = 700; // milliseconds between looks at downloads

const byId = (id) => document.getElementById(id);

export class ModelsDialog {
  #models = [];
  #changeable = false;
  #polling = false;
  #samples = new Map(); // name -> object URL

  /** @param {{changed: (models: object[]) => void}} on */
  constructor(on) {
    this.on = on;
    this.dialog = byId("models-dialog");
    byId("models-open").addEventListener("click", () => this.open());
    byId("models-close").addEventListener("click", () => this.dialog.close());
    byId("model-choose").addEventListener("click", () => byId("model-file").click());
    byId("model-file").addEventListener("change", ({ target }) => {
      this.add([...target.files]);
      target.value = "";
    });
    onLanguage(() => this.#show());
  }

  open() {
    if (!this.dialog.open) {
      setText(byId("model-problem"), "");
      this.dialog.showModal();
    }
  }

  /** Whether the user may change the models. */
  get changeable() {
    return this.#changeable;
  }

  /** Loads the models, again and again while one is being installed. */
  async load() {
    this.#take(await api.models());
    if (this.#polling) {
      return;
    }
    this.#polling = true;
    while (this.#models.some((model) => model.installing)) {
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL));
      await api.models().then((found) => this.#take(found), () => {}); // the server may be away for a moment
    }
    this.#polling = false;
  }

  /** Adds a model from files, as they were chosen or dropped. */
  async add(files) {
    if (!files.length) {
      return;
    }
    this.open();
    const names = list(files.map((file) => file.name));
    const progress = (share) => setText(byId("model-problem"), t("model.adding", { name: names, share: percent(share) }));
    await this.#try(async () => {
      progress(0);
      const { models } = await api.addModel(files, progress);
      setText(byId("model-problem"), t("model.added", { names: list(models.map((model) => modelTitle(model.name))) }));
      announce(byId("model-problem").textContent);
    });
  }

  async #try(change) {
    try {
      await change();
    } catch (error) {
      setText(byId("model-problem"), errorText(error));
    }
    await this.load().catch(() => {});
  }

  #take({ models, changeable }) {
    const before = JSON.stringify([this.#models, this.#changeable]);
    [this.#models, this.#changeable] = [models, Boolean(changeable)];
    if (JSON.stringify([this.#models, this.#changeable]) !== before) {
      this.#show();
      this.on.changed(models);
    }
  }

  #show() {
    setVisible(byId("model-add"), this.#changeable);
    setVisible(byId("model-operator"), !this.#changeable);
    const focused = document.activeElement?.dataset.focus;
    const shown = this.#models.filter((model) => isChoice(model) || model.faces || model.installed && model.imported);
    const rank = (model) => (model.installed ? 0 : 1);
    byId("models-list").replaceChildren(...shown.sort((a, b) => rank(a) - rank(b)).map((model) => this.#row(model)));
    if (focused) {
      [...byId("models-list").querySelectorAll("button")].find((each) => each.dataset.focus.endsWith(focused.split(" ").pop()))?.focus();
    }
  }

  #row(model) {
    const title = modelTitle(model.name);
    const facts = [
      title === model.name ? "" : model.name, model.scale ? `${model.scale}×` : "", model.bytes ? bytes(model.bytes) : "",
      `${model.licence}`, model.non_commercial ? t("model.nonCommercial") : "", model.imported ? t("model.imported") : "",
    ];
    const error = model.error ? errorText({ ...model.error, server: true }) : "";
    return element("li.model", {},
      element("h3", {}, title), element("p", {}, modelUse(model)), element("p.quiet", {}, facts.filter(Boolean).join(" · ")),
      model.origin ? element("p.quiet", {}, model.origin) : null, model.notice ? element("p.quiet", {}, model.notice) : null,
      error ? element("p.wrong", {}, error) : null, model.installing ? this.#progress(model, title) : null,
      this.#sample(model, title), element("div.actions", {}, ...this.#actions(model, title)));
  }

  #progress({ installing: { done, total } }, title) {
    const bar = element("progress.bar", { max: 1, "aria-label": t("card.progress", { name: title }) });
    if (total) {
      bar.value = Math.min(1, done / total);
    }
    return element("div", {}, bar, element("p.quiet", {}, total ? t("model.installing", { done: bytes(done), size: bytes(total) }) : t("state.working")));
  }

  #actions(model, title) {
    const button = (name, label, act) => {
      const made = element("button", { type: "button", onclick: act, "aria-label": t("card.of", { action: label, name: title }) }, label);
      made.dataset.focus = `${name} ${model.name}`;
      made.dataset.action = name;
      return made;
    };
    const canSample = model.installed && !model.faces && !sampleFile(model.name) && !this.#samples.has(model.name);
    const remove = (question) => async () => {
      if (!question || await confirm({ title: t("model.removeTitle", { model: title }), detail: t("model.removeDetail"), action: t("model.remove") })) {
        await this.#try(() => api.removeModel(model.name));
      }
    };
    return [
      canSample && button("sample", t("model.sample"), ({ target }) => this.#loadSample(model, target)),
      this.#changeable && !model.installed && !model.installing && button("install", t("model.install"), () => this.#try(() => api.installModel(model.name))),
      this.#changeable && model.installing && button("stop", t("card.cancel"), remove(false)),
      this.#changeable && model.installed && button("uninstall", t("model.remove"), remove(true)),
    ].filter(Boolean);
  }

  /** The sample of a model: before and after as the guide shows it, or as this server has made it. */
  #sample(model, title) {
    const image = (src, width) => element("img.model-sample", { src, width, height: 256, alt: t("model.sampleAlt", { model: title }), loading: "lazy" });
    const made = this.#samples.get(model.name);
    const file = sampleFile(model.name);
    if (file) {
      return element("div", {}, image(file, 516), element("p.quiet", {}, t("intake.sample")));
    }
    return made ? image(made, 256) : !model.faces && !model.installed && element("p.quiet", {}, t("model.noSample"));
  }

  async #loadSample(model, button) {
    button.disabled = true;
    setText(button, t("state.working"));
    try {
      this.#samples.set(model.name, URL.createObjectURL(await api.modelSample(model.name)));
    } catch (error) {
      setText(byId("model-problem"), errorText(error));
    }
    this.#show();
  }
}
