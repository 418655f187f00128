// The dialog that upscales a detail of an image with several models, before the whole
// is sent. Only the detail leaves the browser.

import * as api from "./api.js";
import { element, setText, setVisible } from "./element.js";
import { modelTitle } from "./models.js";
import { t } from "./messages.js";
import { around, dragged, moved } from "./region.js";
import { errorText } from "./text.js";

const SCALE = 4; // of all previews, so that they can be compared
const MAX_MODELS = 4; // that are chosen at first
const STEP = 16; // pixels, of an arrow key
const MAX_ZOOM = 8;

const byId = (id) => document.getElementById(id);

export class Detail {
  #file = null;
  #image = null; // {width, height}
  #region = null;
  #from = null; // where a drag began
  #url = "";
  #urls = []; // of the previews
  #running = new AbortController();
  #view = { zoom: 1, x: 0, y: 0 }; // x and y in shares of a tile

  /**
   * @param {{models: () => object[], use: (model: object, file: File) => void}} on
   */
  constructor(on) {
    this.on = on;
    this.dialog = byId("detail");
    byId("detail-open").addEventListener("click", () => byId("detail-file").click());
    byId("detail-file").addEventListener("change", ({ target }) => {
      const [file] = target.files;
      target.value = "";
      file && this.open(file);
    });
    byId("detail-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.#free());
    byId("detail-models").addEventListener("change", () => this.#run());
    byId("detail-zoom").addEventListener("input", () => this.#zoom(Number(byId("detail-zoom").value)));
    this.#listenToImage(byId("detail-image"));
    this.#listenToResults(byId("detail-results"));
  }

  async open(file) {
    this.#free();
    this.#file = file;
    this.#url = URL.createObjectURL(file);
    byId("detail-models").replaceChildren(...this.on.models().map((model, at) =>
      element("label.check", {}, element("input", { type: "checkbox", value: model.name, checked: at < MAX_MODELS }), element("span", {}, modelTitle(model.name)))));
    setText(byId("detail-problem"), "");
    byId("detail-results").replaceChildren();
    byId("detail-region").hidden = true;
    this.dialog.showModal();
    const whole = byId("detail-whole");
    whole.src = this.#url;
    try {
      await whole.decode();
    } catch {
      setText(byId("detail-problem"), t("compare.originalUnshown"));
      return;
    }
    this.#image = { width: whole.naturalWidth, height: whole.naturalHeight };
    this.#select(around({ x: this.#image.width / 2, y: this.#image.height / 2 }, this.#image));
    byId("detail-region").focus();
    this.#run();
  }

  #listenToImage(node) {
    const at = (event) => {
      const box = node.getBoundingClientRect();
      return { x: (event.clientX - box.left) * this.#image.width / box.width, y: (event.clientY - box.top) * this.#image.height / box.height };
    };
    node.addEventListener("pointerdown", (event) => {
      if (this.#image) {
        node.setPointerCapture(event.pointerId);
        this.#from = at(event);
        this.#select(dragged(this.#from, this.#from, this.#image));
      }
    });
    node.addEventListener("pointermove", (event) => this.#from && this.#select(dragged(this.#from, at(event), this.#image)));
    for (const end of ["pointerup", "pointercancel"]) {
      node.addEventListener(end, () => {
        if (this.#from) {
          this.#from = null;
          this.#run();
        }
      });
    }
    const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    byId("detail-region").addEventListener("keydown", (event) => {
      if (steps[event.key]) {
        event.preventDefault();
        this.#select(moved(this.#region, ...steps[event.key], this.#image));
      }
    });
    byId("detail-region").addEventListener("keyup", (event) => steps[event.key] && this.#run());
  }

  /** All tiles show the same part at the same zoom. */
  #listenToResults(node) {
    let held = null;
    node.addEventListener("pointerdown", (event) => {
      const tile = event.target.closest(".tile");
      if (tile) {
        tile.setPointerCapture(event.pointerId);
        held = { x: event.clientX, y: event.clientY, width: tile.clientWidth, height: tile.clientHeight };
      }
    });
    node.addEventListener("pointermove", (event) => {
      if (held) {
        this.#view.x += (event.clientX - held.x) / held.width;
        this.#view.y += (event.clientY - held.y) / held.height;
        Object.assign(held, { x: event.clientX, y: event.clientY });
        this.#show();
      }
    });
    ["pointerup", "pointercancel"].forEach((end) => node.addEventListener(end, () => { held = null; }));
    node.addEventListener("wheel", (event) => {
      if (event.target.closest(".tile")) {
        event.preventDefault();
        this.#zoom(this.#view.zoom * (event.deltaY < 0 ? 1.25 : 0.8));
      }
    }, { passive: false });
  }

  /** Zooms around the center of the tiles. */
  #zoom(zoom) {
    const to = Math.min(Math.max(zoom, 1), MAX_ZOOM);
    const about = (shift) => 0.5 - (0.5 - shift) * to / this.#view.zoom;
    this.#view = { zoom: to, x: about(this.#view.x), y: about(this.#view.y) };
    byId("detail-zoom").value = String(to);
    this.#show();
  }

  #show() {
    const view = this.#view;
    const bounded = (shift) => Math.min(0, Math.max(1 - view.zoom, shift));
    Object.assign(view, { x: bounded(view.x), y: bounded(view.y) });
    byId("detail-results").style.setProperty("--view", `translate(${view.x * 100}%, ${view.y * 100}%) scale(${view.zoom})`);
  }

  #select(region) {
    this.#region = region;
    const { style } = byId("detail-region");
    const share = (part, whole) => `${part / whole * 100}%`;
    style.left = share(region.x, this.#image.width);
    style.top = share(region.y, this.#image.height);
    style.width = share(region.width, this.#image.width);
    style.height = share(region.height, this.#image.height);
    byId("detail-region").hidden = false;
  }

  /** Upscales the detail with the chosen models, all at once. */
  async #run() {
    if (!this.#region) {
      return;
    }
    this.#running.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    this.#freePreviews();
    const crop = await this.#crop();
    if (signal.aborted) {
      return;
    }
    const chosen = new Set([...byId("detail-models").querySelectorAll(":checked")].map((box) => box.value));
    const models = this.on.models().filter((model) => chosen.has(model.name));
    const results = byId("detail-results");
    results.style.setProperty("--ratio", `${this.#region.width} / ${this.#region.height}`);
    this.#view = { zoom: 1, x: 0, y: 0 };
    this.#zoom(1);
    const before = this.#tile(t("compare.before"));
    const tiles = models.map((model) => ({ model, ...this.#tile(modelTitle(model.name), model) }));
    results.replaceChildren(before.node, ...tiles.map(({ node }) => node));
    before.show(crop);
    await Promise.all(tiles.map(async ({ model, show, fail }) => {
      try {
        const made = await api.preview(crop, { model: model.name, scale: SCALE, format: "png" }, signal);
        signal.aborted || show(made);
      } catch (error) {
        signal.aborted || fail(error);
      }
    }));
  }

  #crop() {
    const { x, y, width, height } = this.#region;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(byId("detail-whole"), x, y, width, height, 0, 0, width, height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  #tile(title, model = null) {
    const image = element("img", { alt: title, hidden: true, draggable: false });
    const state = element("p.quiet", { role: "status" }, model ? t("state.working") : "");
    const use = model && element("button.primary.small", { type: "button", disabled: true, onclick: () => this.#use(model) }, t("detail.use"));
    use?.setAttribute("aria-label", `${t("detail.use")}: ${title}`);
    const node = element("figure", {}, element("div.tile", {}, image), element("figcaption", {}, element("strong", {}, title), state, use));
    return {
      node,
      show: (blob) => {
        image.src = URL.createObjectURL(blob);
        this.#urls.push(image.src);
        image.hidden = false;
        setText(state, "");
        setVisible(state, false);
        use && (use.disabled = false);
      },
      fail: (error) => setText(state, errorText(error)),
    };
  }

  #use(model) {
    const file = this.#file;
    this.dialog.close();
    this.on.use(model, file);
  }

  #freePreviews() {
    this.#urls.splice(0).forEach((url) => URL.revokeObjectURL(url));
  }

  #free() {
    this.#running.abort();
    this.#freePreviews();
    URL.revokeObjectURL(this.#url);
    [this.#file, this.#image, this.#region, this.#from] = [null, null, null, null];
    byId("detail-whole").removeAttribute("src");
  }
}
