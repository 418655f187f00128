// The comparison dialog with its buttons.

import { loadResult, sameOriginURL } from "./download.js";
import { element, setText, setVisible } from "./element.js";
import { t } from "./messages.js";
import { modelTitle } from "./models.js";
import { originalOf } from "./previews.js";
import { Stage } from "./stage.js";
import { canPreview } from "./thumbnail.js";
import { zoomText } from "./viewport.js";
import { UNSHOWN, detailsText, errorText, formatName } from "./text.js";
import { dimensions } from "./sizes.js";

const byId = (id) => document.getElementById(id);

export class Compare {
  #item = null;
  #others = []; // results of the same image
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
    byId("compare-with").addEventListener("change", () => this.#withChosen());
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
    (this.#hasBefore() || item.file ? this.stage.divider : this.stage.node).focus();
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
    this.#offerOthers();
    this.#showOriginal();
    setText(byId("stage-message"), t("compare.loading"));
    byId("after").hidden = true;
    try {
      const url = !canPreview(item.result) && sameOriginURL(item.result) || this.#objectURL(await loadResult(item));
      if (generation === this.#generation) {
        await load(byId("after"), url);
      }
    } catch (error) {
      if (generation === this.#generation) {
        setText(byId("stage-message"), error.kind ? errorText(error) : loadErrorText(item.result));
      }
      return;
    }
    if (generation === this.#generation) {
      byId("after").hidden = false;
      setText(byId("stage-message"), "");
    }
  }

  /** Offers the other results of the same image to compare with. */
  #offerOthers() {
    const { name, result } = this.#item;
    const same = (other) => other !== this.#item && other.name === name
      && Math.abs(other.result.width * result.height - result.width * other.result.height) <= Math.max(result.width, result.height, other.result.width);
    this.#others = this.on.items().filter(same);
    const label = (text, value) => element("option", { textContent: text, value });
    byId("compare-with").replaceChildren(label(t("file.original"), "-1"), ...this.#others.map((other, at) => label(titleOf(other), String(at))));
    setVisible(byId("compare-with-field"), this.#others.length > 0);
  }

  async #withChosen() {
    const other = this.#others[Number(byId("compare-with").value)];
    if (!other) {
      this.#showOriginal();
      return;
    }
    const blob = await loadResult(other).catch(() => null);
    this.#showBefore(blob, titleOf(other), t("compare.otherFailed"));
  }

  /** Shows the original: the file, its small copy that this browser kept, or a button to choose it. */
  async #showOriginal() {
    const item = this.#item;
    item.before ??= item.file || this.#originals.has(item) ? null : await originalOf(item.id);
    if (item === this.#item) {
      this.#showBefore(item.file ?? this.#originals.get(item) ?? item.before, "", t("compare.originalUnshown"));
    }
  }

  async #showBefore(blob, title, problem) { // no title: the original
    const generation = this.#generation;
    this.stage.setBefore(false);
    setText(byId("before-tag"), title || t("compare.before"));
    setText(byId("after-tag"), title ? titleOf(this.#item) : t("compare.after"));
    setVisible(byId("choose-original"), !blob);
    byId("before").removeAttribute("src");
    byId("before").alt = title || t("compare.before");
    byId("choose-original").title = t("compare.originalGone");
    if (!blob) {
      return;
    }
    this.stage.setBefore(true);
    try {
      await load(byId("before"), this.#objectURL(blob));
    } catch {
      if (generation === this.#generation) {
        this.stage.setBefore(false);
        setVisible(byId("choose-original"), true);
        byId("choose-original").title = problem;
      }
    }
  }

  #originalChosen(input) {
    const [file] = input.files;
    input.value = "";
    if (file && this.#item) {
      this.#originals.set(this.#item, file);
      this.#showOriginal();
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

/** A result among others of the same image. */
const titleOf = ({ result }) => `${result.model ? `${modelTitle(result.model)}, ` : ""}${dimensions(result.width, result.height)}`;

function load(image, url) {
  return new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = () => reject(new Error("loadErrorText"));
    image.src = url;
  });
}

function loadErrorText({ format, width, height }) {
  if (UNSHOWN.includes(format)) {
    return t("compare.formatUnshown", { format: formatName(format) });
  }
  return t(width * height > 1e8 ? "compare.tooLarge" : "compare.failed");
}
