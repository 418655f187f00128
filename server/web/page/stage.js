// The stage of the comparison: two pictures over each other, cut at a divider,
// moved and scaled with CSS transforms. Browsers decode and draw only what is
// seen of an <img>, so results may have hundreds of megapixels; a canvas may not.

import { bounded, fitted, panned, step, transform, zoomed } from "./viewport.js";
import { startGestures } from "./gestures.js";

const NUDGE = 2; // percent of an arrow key on the divider
const PAN = 80; // CSS pixels of an arrow key on the stage

export class Stage extends EventTarget {
  #view = { scale: 1, x: 0, y: 0 };
  #result = { width: 1, height: 1 };
  #fit = true; // stays fitted when the window changes
  #at = 50; // the divider, in percent of the stage
  #hasBefore = false;
  #rest = { x: 0, y: 0 }; // parts of device pixels that moves still owe

  constructor() {
    super();
    const byId = (id) => document.getElementById(id);
    Object.assign(this, { node: byId("stage"), after: byId("after"), before: byId("before"), clip: byId("before-clip"), divider: byId("divider") });
    new ResizeObserver(() => this.#resized()).observe(this.node);
    startGestures(this);
    this.divider.addEventListener("keydown", (event) => this.#dividerKey(event));
    this.node.addEventListener("keydown", (event) => event.target === this.node && this.#stageKey(event));
  }

  /** Begins with a result of a size in pixels, seen whole. */
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

  /** One result pixel on one device pixel, around the middle or a point. */
  truePixels(at) {
    this.zoomTo(1, at);
  }

  zoomTo(scale, at = this.#middle()) {
    this.#fit = false;
    this.#show(zoomed(this.#view, scale, at, this.#size(), this.#result));
  }

  zoomBy(factor, at) {
    this.zoomTo(this.#view.scale * factor, at);
  }

  zoomStep(direction) {
    this.zoomTo(step(this.#view.scale, direction));
  }

  /** Moves the picture by CSS pixels. */
  pan(dx, dy) {
    this.#fit = false;
    const [x, y] = [dx * devicePixelRatio + this.#rest.x, dy * devicePixelRatio + this.#rest.y];
    this.#rest = { x: x - Math.round(x), y: y - Math.round(y) };
    this.#show(panned(this.#view, Math.round(x), Math.round(y), this.#size(), this.#result));
  }

  /** Puts the divider at a percentage of the stage's width. */
  divide(percent) {
    this.#at = Math.min(100, Math.max(0, percent));
    this.divider.style.left = `${this.#at}%`;
    this.clip.style.clipPath = `inset(0 ${100 - this.#at}% 0 0)`;
    const rounded = String(Math.round(this.#at));
    this.divider.setAttribute("aria-valuenow", rounded);
    this.divider.setAttribute("aria-valuetext", `${rounded} % before, ${100 - rounded} % after`);
  }

  /** A point of the window on the stage, in device pixels. */
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

  #middle() {
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
    const by = { ArrowLeft: -NUDGE, ArrowDown: -NUDGE, ArrowRight: NUDGE, ArrowUp: NUDGE, PageDown: -5 * NUDGE, PageUp: 5 * NUDGE, Home: -100, End: 100 }[event.key];
    if (by !== undefined && this.#hasBefore) {
      event.preventDefault();
      this.divide(this.#at + by);
    }
  }

  #stageKey(event) {
    const [dx, dy] = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN] }[event.key] ?? [];
    if (dx !== undefined) {
      event.preventDefault();
      this.pan(dx, dy);
    }
  }
}
