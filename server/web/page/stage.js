// The stage of the comparison: two layered images, cut at a divider and moved and
// scaled with CSS transforms. Unlike a canvas, an <img> may have hundreds of
// megapixels, since browsers draw only its visible part.

import { percent, t } from "./messages.js";
import { bounded, fitted, panned, step, transform, zoomed } from "./viewport.js";
import { startGestures } from "./gestures.js";

const DIVIDER_STEP = 2; // percent, of an arrow key on the divider
const PAN_STEP = 80; // CSS pixels, of an arrow key on the stage

export class Stage extends EventTarget {
  #view = { scale: 1, x: 0, y: 0 };
  #result = { width: 1, height: 1 };
  #fit = true; // keep fitting when the window is resized
  #position = 50; // of the divider, in percent of the stage
  #hasBefore = false;
  #remainder = { x: 0, y: 0 }; // fractions of device pixels not yet moved

  constructor() {
    super();
    const byId = (id) => document.getElementById(id);
    Object.assign(this, { node: byId("stage"), after: byId("after"), before: byId("before"), clip: byId("before-clip"), divider: byId("divider") });
    new ResizeObserver(() => this.#resized()).observe(this.node);
    startGestures(this);
    this.divider.addEventListener("keydown", (event) => this.#dividerKey(event));
    this.node.addEventListener("keydown", (event) => event.target === this.node && this.#stageKey(event));
  }

  /** Resets the stage for a result of a size in pixels, fitted. */
  reset({ width, height }) {
    this.#result = { width, height };
    for (const layer of [this.after, this.before]) {
      layer.style.width = `${width}px`;
      layer.style.height = `${height}px`;
    }
    this.divide(50);
    this.fit();
  }

  setBefore(shown) {
    this.#hasBefore = shown;
    for (const id of ["before-clip", "divider", "before-tag", "after-tag", "pixels-field"]) {
      document.getElementById(id).hidden = !shown;
    }
  }

  fit() {
    this.#fit = true;
    this.#show(fitted(this.#size(), this.#result));
  }

  /** Shows one result pixel per device pixel, around a point or the center. */
  truePixels(at) {
    this.zoomTo(1, at);
  }

  zoomTo(scale, at = this.#center()) {
    this.#fit = false;
    this.#show(zoomed(this.#view, scale, at, this.#size(), this.#result));
  }

  zoomBy(factor, at) {
    this.zoomTo(this.#view.scale * factor, at);
  }

  zoomStep(direction) {
    this.zoomTo(step(this.#view.scale, direction));
  }

  /** Moves the image by CSS pixels. */
  pan(dx, dy) {
    this.#fit = false;
    const [x, y] = [dx * devicePixelRatio + this.#remainder.x, dy * devicePixelRatio + this.#remainder.y];
    this.#remainder = { x: x - Math.round(x), y: y - Math.round(y) };
    this.#show(panned(this.#view, Math.round(x), Math.round(y), this.#size(), this.#result));
  }

  /** Moves the divider to a percentage of the stage's width. */
  divide(position) {
    this.#position = Math.min(100, Math.max(0, position));
    this.divider.style.left = `${this.#position}%`;
    this.clip.style.clipPath = `inset(0 ${100 - this.#position}% 0 0)`;
    const rounded = String(Math.round(this.#position));
    this.divider.setAttribute("aria-valuenow", rounded);
    this.divider.setAttribute("aria-valuetext", t("compare.divided", { before: percent(rounded / 100), after: percent(1 - rounded / 100) }));
  }

  /** Converts a pointer position to device pixels on the stage. */
  pointOf({ clientX, clientY }) {
    const box = this.node.getBoundingClientRect();
    return { x: (clientX - box.left) * devicePixelRatio, y: (clientY - box.top) * devicePixelRatio };
  }

  get scale() {
    return this.#view.scale;
  }

  get fitting() {
    return this.#fit;
  }

  #size() {
    return { width: this.node.clientWidth * devicePixelRatio, height: this.node.clientHeight * devicePixelRatio };
  }

  #center() {
    const { width, height } = this.#size();
    return { x: width / 2, y: height / 2 };
  }

  #resized() {
    if (this.node.clientWidth === 0) {
      return; // closed
    }
    this.#show(this.#fit ? fitted(this.#size(), this.#result) : bounded(this.#view, this.#size(), this.#result));
  }

  #show(view) {
    this.#view = view;
    this.after.style.transform = this.before.style.transform = transform(view, devicePixelRatio);
    this.dispatchEvent(new Event("view"));
  }

  #dividerKey(event) {
    const by = { ArrowLeft: -DIVIDER_STEP, ArrowDown: -DIVIDER_STEP, ArrowRight: DIVIDER_STEP, ArrowUp: DIVIDER_STEP, PageDown: -5 * DIVIDER_STEP, PageUp: 5 * DIVIDER_STEP, Home: -100, End: 100 }[event.key];
    if (by !== undefined && this.#hasBefore) {
      event.preventDefault();
      this.divide(this.#position + by);
    }
  }

  #stageKey(event) {
    const [dx, dy] = { ArrowLeft: [PAN_STEP, 0], ArrowRight: [-PAN_STEP, 0], ArrowUp: [0, PAN_STEP], ArrowDown: [0, -PAN_STEP] }[event.key] ?? [];
    if (dx !== undefined) {
      event.preventDefault();
      this.pan(dx, dy);
    }
  }
}
