// The comparison's dialog: what is shown on the stage, and its buttons.

import * as api from "./api.js";
import { direct } from "./download.js";
import { say, show } from "./element.js";
import { Stage } from "./stage.js";
import { scaleWords } from "./viewport.js";
import { factWords } from "./words.js";

const byId = (id) => document.getElementById(id);

export class Compare {
  #item = null;
  #urls = []; // object URLs to free
  #turn = 0; // counts openings, so that a slow picture does not show up late
  #originals = new WeakMap(); // item -> File that was chosen again

  /**
   * @param {{items: () => object[], download: (item: object) => void}} on
   */
  constructor(on) {
    this.on = on;
    this.dialog = byId("compare");
    this.stage = new Stage();
    this.stage.addEventListener("view", () => this.#sayZoom());
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
    byId("original").addEventListener("change", (event) => this.#chosen(event.target));
    byId("pixels").addEventListener("change", () => this.#sayZoom());
    this.dialog.addEventListener("close", () => this.#closed());
    this.dialog.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Opens it; the focus goes back to where it was when it closes. */
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
    this.#free();
    this.#item = item;
    const turn = ++this.#turn;
    say(byId("compare-name"), item.name);
    say(byId("compare-facts"), factWords(item, () => 1));
    this.#arrangeNeighbours();
    this.stage.reset(item.result);
    this.#showBefore(item.file ?? this.#originals.get(item) ?? null);
    say(byId("stage-words"), "Loading the result…");
    byId("after").hidden = true;
    try {
      const address = direct(item.result) || this.#url(await (await api.result(item.id)).blob());
      if (turn === this.#turn) {
        await load(byId("after"), address);
      }
    } catch (error) {
      if (turn === this.#turn) {
        say(byId("stage-words"), error.detail ?? unreadable(item.result));
      }
      return;
    }
    if (turn === this.#turn) {
      byId("after").hidden = false;
      say(byId("stage-words"), "");
    }
  }

  /** Shows an original; where there is none, says why and offers to choose it. */
  async #showBefore(file) {
    const turn = this.#turn;
    this.stage.setBefore(false);
    show(byId("choose-original"), !file);
    byId("before").removeAttribute("src");
    byId("choose-original").title = "The original is not kept on the server and is gone from this page.";
    if (!file) {
      return;
    }
    this.stage.setBefore(true);
    try {
      await load(byId("before"), this.#url(file));
    } catch {
      if (turn === this.#turn) {
        this.stage.setBefore(false);
        show(byId("choose-original"), true);
        byId("choose-original").title = "This browser cannot show the original's format.";
      }
    }
  }

  #chosen(input) {
    const [file] = input.files;
    input.value = "";
    if (file && this.#item) {
      this.#originals.set(this.#item, file);
      this.#showBefore(file);
      this.stage.divider.focus();
    }
  }

  #sayZoom() {
    const { scale } = this.stage;
    say(byId("zoom-words"), scaleWords(scale));
    byId("zoom-true").setAttribute("aria-pressed", String(Math.abs(scale - 1) < 1e-9));
    byId("zoom-fit").setAttribute("aria-pressed", String(this.stage.fitting));
    this.stage.node.classList.toggle("pixelated", byId("pixels").checked);
    this.stage.node.classList.toggle("magnified", scale > 1);
  }

  #neighbours() {
    const items = this.on.items();
    const at = items.indexOf(this.#item);
    return [items[at - 1], items[at + 1]];
  }

  #arrangeNeighbours() {
    const [previous, next] = this.#neighbours();
    show(byId("compare-previous"), this.on.items().length > 1);
    show(byId("compare-next"), this.on.items().length > 1);
    byId("compare-previous").disabled = !previous;
    byId("compare-next").disabled = !next;
  }

  #go(direction) {
    const target = this.#neighbours()[direction < 0 ? 0 : 1];
    if (target) {
      const held = document.activeElement;
      this.#show(target);
      if (held?.disabled || held?.closest("[hidden]")) {
        this.stage.node.focus();
      }
    }
  }

  #key(event) {
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

  #url(blob) {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    return url;
  }

  #closed() {
    this.#turn++;
    this.#free();
    byId("after").removeAttribute("src");
    byId("before").removeAttribute("src");
  }

  #free() {
    this.#urls.splice(0).forEach((url) => URL.revokeObjectURL(url));
  }
}

function load(image, address) {
  return new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = () => reject(new Error("unreadable"));
    image.src = address;
  });
}

function unreadable({ format, width, height }) {
  if (format === "tiff") {
    return "This browser cannot show TIFF. The download is complete.";
  }
  return width * height > 1e8
    ? "The result is too large for this browser to show. The download is complete."
    : "The result could not be loaded: it may have expired, or the server cannot be reached.";
}
