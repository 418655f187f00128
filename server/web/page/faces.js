// The faces of a result, on its card: each before and after, with a choice of those to
// restore.

import * as api from "./api.js";
import { element, setText, setVisible } from "./element.js";
import { t } from "./messages.js";
import { withFaces } from "./options.js";
import { originalOf } from "./previews.js";
import { canPreview } from "./thumbnail.js";

const SIDE = 144; // pixels of a shown face
const AROUND = 1.5; // part of the image that is shown, by the face's box

export class Faces {
  #rows = []; // per face: its checkbox, its figures and their canvases
  #drawn = false;

  /** @param {(action: string, item: object, options?: object) => void} act */
  constructor(item, act) {
    this.item = item;
    this.title = element("summary");
    this.list = element("ul");
    this.apply = element("button", { type: "button", onclick: () => act("faces", item, withFaces(item.options, this.#chosen())) });
    this.node = element("details.faces", { hidden: true, ontoggle: () => this.node.open && this.#draw() }, this.title, this.list, this.apply);
  }

  get #found() {
    return this.item.result?.faces?.list ?? [];
  }

  #chosen() {
    return this.#found.filter((_, at) => this.#rows[at].box.checked);
  }

  /** Shows the item's faces, in the language in use. */
  update() {
    const { item } = this;
    setVisible(this.node, this.#found.length > 0 && canPreview(item.result));
    if (this.node.hidden) {
      return;
    }
    if (this.#rows.length === 0) {
      this.#rows = this.#found.map((face) => this.#row(face));
      this.list.replaceChildren(...this.#rows.map(({ node }) => node));
    }
    setText(this.title, t("faces.title", { count: this.#rows.length }));
    setText(this.apply, t("faces.apply"));
    this.#rows.forEach((row, at) => {
      setText(row.label, t("faces.restore", { at: at + 1 }));
      row.before.setAttribute("aria-label", t("compare.before"));
      row.after.setAttribute("aria-label", t("compare.after"));
    });
    this.#showApply();
  }

  #row(face) {
    const canvas = () => element("canvas", { width: SIDE, height: SIDE, role: "img" });
    const [before, after] = [canvas(), canvas()];
    const box = element("input", { type: "checkbox", checked: face.enhanced, disabled: !this.item.repeatable, onchange: () => this.#showApply() });
    const label = element("span");
    return { box, label, before, after, node: element("li", {}, before, after, element("label.check", {}, box, label)) };
  }

  #showApply() {
    const changed = this.#found.some((face, at) => face.enhanced !== this.#rows[at].box.checked);
    setVisible(this.apply, this.item.repeatable && changed);
  }

  /** Draws all faces once. An image that the browser cannot read stays empty. */
  async #draw() {
    if (this.#drawn) {
      return;
    }
    this.#drawn = true;
    const { item } = this;
    const result = async () => (await api.result(item.id)).blob();
    await Promise.all([[item.file ?? originalOf(item.id), "before"], [result(), "after"]].map(async ([blob, which]) => {
      try {
        this.#cut(await createImageBitmap(await blob), which);
      } catch {
        this.#rows.forEach((row) => setVisible(row[which], false));
      }
    }));
  }

  #cut(bitmap, which) {
    const [across, down] = [bitmap.width / this.item.input.width, bitmap.height / this.item.input.height];
    this.#found.forEach((face, at) => {
      const side = AROUND * Math.max(face.width, face.height);
      const [x, y] = [face.left + (face.width - side) / 2, face.top + (face.height - side) / 2];
      const context = this.#rows[at][which].getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, x * across, y * down, side * across, side * down, 0, 0, SIDE, SIDE);
    });
    bitmap.close();
  }
}
