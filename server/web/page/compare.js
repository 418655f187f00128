// The comparison dialog with its buttons.

import * as api from "./api.js";
import { sameOriginURL } from "./download.js";
import { setText, setVisible } from "./element.js";
import { Stage } from "./stage.js";
import { zoomText } from "./viewport.js";
import { UNSHOWN, detailsText, formatName } from "./text.js";

const byId = (id) => document.getElementById(id);

export class Compare {
  #item = null;
  #urls = []; // object URLs to free
  #generation = 0; // of #show, so that an image that loads late is not shown
  #originals = new WeakMap(); // item -> File chosen after a reload

  /**
   * @param {{items: () => object[], download: (item: object) => void}} on
   */
  constructor(on) {
    this.on = on;
    this.dialog = byId("compare");
    this.stage = new Stage();
    this.stage.addEventListener("view", () => this.#showZoom());
    const click = (id, action) => byId(id).addEventListener("click", action);
    click("compare-close", () => this.dialog.close());
    click("compare-previous", () => this.#go(-1));
    click("compare-next", () => this.#go(1));
    click("compare-download", () => on.download(this.#item));
    click("zoom-in", () => this.stage.zoomStep(1));
    click("zoom-out", () => this.stage.zoomStep(-1));
    click("zoom-fit", () => this.stage.fit());
    click("zoom-true", () => this.stage.truePixels());
    click("choose-original", () => byId("original").click());
    byId("original").addEventListener("change", (event) => this.#originalChosen(event.target));
    byId("pixels").addEventListener("change", () => this.#showZoom());
    this.dialog.addEventListener("close", () => this.#onClosed());
    this.dialog.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Opens the dialog, which restores the focus when it closes. */
  open(item) {
    if (!this.dialog.open) {
      this.dialog.showModal();
    }
    this.#show(item);
    (this.#hasBefore() ? this.stage.divider : this.stage.node).focus();
  }

  #hasBefore() {
    return !byId("before-clip").hidden;
  }

  async #show(item) {
    this.#revokeURLs();
    this.#item = item;
    const generation = ++this.#generation;
    setText(byId("compare-name"), item.name);
    setText(byId("compare-details"), detailsText(item, () => 1));
    this.#updateNavigation();
    this.stage.reset(item.result);
    this.#showBefore(item.file ?? this.#originals.get(item) ?? null);
    setText(byId("stage-message"), "Loading the result…");
    byId("after").hidden = true;
    try {
      const url = sameOriginURL(item.result) || this.#objectURL(await (await api.result(item.id)).blob());
      if (generation === this.#generation) {
        await load(byId("after"), url);
      }
    } catch (error) {
      if (generation === this.#generation) {
        setText(byId("stage-message"), error.detail ?? loadErrorText(item.result));
      }
      return;
    }
    if (generation === this.#generation) {
      byId("after").hidden = false;
      setText(byId("stage-message"), "");
    }
  }

  /** Shows the original, or a button to choose it if the page does not have it. */
  async #showBefore(file) {
    const generation = this.#generation;
    this.stage.setBefore(false);
    setVisible(byId("choose-original"), !file);
    byId("before").removeAttribute("src");
    byId("choose-original").title = "This page no longer has the original, and the server does not return it.";
    if (!file) {
      return;
    }
    this.stage.setBefore(true);
    try {
      await load(byId("before"), this.#objectURL(file));
    } catch {
      if (generation === this.#generation) {
        this.stage.setBefore(false);
        setVisible(byId("choose-original"), true);
        byId("choose-original").title = "This browser cannot show the original's format.";
      }
    }
  }

  #originalChosen(input) {
    const [file] = input.files;
    input.value = "";
    if (file && this.#item) {
      this.#originals.set(this.#item, file);
      this.#showBefore(file);
      this.stage.divider.focus();
    }
  }

  #showZoom() {
    const { scale } = this.stage;
    setText(byId("zoom-value"), zoomText(scale));
    byId("zoom-true").setAttribute("aria-pressed", String(Math.abs(scale - 1) < 1e-9));
    byId("zoom-fit").setAttribute("aria-pressed", String(this.stage.fitting));
    this.stage.node.classList.toggle("pixelated", byId("pixels").checked);
    this.stage.node.classList.toggle("magnified", scale > 1);
  }

  #neighbors() {
    const items = this.on.items();
    const at = items.indexOf(this.#item);
    return [items[at - 1], items[at + 1]];
  }

  #updateNavigation() {
    const [previous, next] = this.#neighbors();
    setVisible(byId("compare-previous"), this.on.items().length > 1);
    setVisible(byId("compare-next"), this.on.items().length > 1);
    byId("compare-previous").disabled = !previous;
    byId("compare-next").disabled = !next;
  }

  #go(direction) {
    const target = this.#neighbors()[direction < 0 ? 0 : 1];
    if (target) {
      const focused = document.activeElement;
      this.#show(target);
      if (focused?.disabled || focused?.closest("[hidden]")) {
        this.stage.node.focus();
      }
    }
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input[type=file]")) {
      return;
    }
    const action = {
      "+": () => this.stage.zoomStep(1), "=": () => this.stage.zoomStep(1), "-": () => this.stage.zoomStep(-1),
      0: () => this.stage.fit(), 1: () => this.stage.truePixels(), "[": () => this.#go(-1), "]": () => this.#go(1),
    }[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  }

  #objectURL(blob) {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    return url;
  }

  #onClosed() {
    this.#generation++;
    this.#revokeURLs();
    byId("after").removeAttribute("src");
    byId("before").removeAttribute("src");
  }

  #revokeURLs() {
    this.#urls.splice(0).forEach((url) => URL.revokeObjectURL(url));
  }
}

function load(image, url) {
  return new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = () => reject(new Error("loadErrorText"));
    image.src = url;
  });
}

function loadErrorText({ format, width, height }) {
  if (UNSHOWN.includes(format)) {
    return `This browser cannot show ${formatName(format)}. The download is complete.`;
  }
  return width * height > 1e8
    ? "The result is too large for this browser to show. The download is complete."
    : "The result could not be loaded: it may have expired, or the server cannot be reached.";
}
