// The list of cards and the summary above it.

import { announce } from "./announce.js";
import { Card } from "./card.js";
import { onLanguage, t } from "./messages.js";
import { Overview, ordered } from "./overview.js";
import { loadResult } from "./download.js";
import { originalOf } from "./previews.js";
import { canPreview, thumbnail } from "./thumbnail.js";
import { stateText } from "./text.js";

const REFRESH = 1000; // milliseconds between updates of the remaining time

export class Cards {
  #cards = new Map();
  #states = new Map();
  overview = new Overview();
  #visible = new IntersectionObserver((entries) => this.#onVisible(entries), { rootMargin: "300px" });

  constructor(queue, { act, scaleOf }) {
    this.queue = queue;
    this.act = act;
    this.scaleOf = scaleOf;
    this.list = document.getElementById("cards");
    queue.addEventListener("added", (event) => this.#added(event.detail));
    queue.addEventListener("changed", (event) => this.#changed(event.detail));
    queue.addEventListener("removed", (event) => this.#removed(event.detail));
    setInterval(() => queue.items.forEach((item) => item.state === "running" && this.#cards.get(item)?.update()), REFRESH);
    onLanguage(() => {
      this.#cards.forEach((card) => card.update());
      this.updateSummary();
    });
    this.updateSummary();
  }

  card(item) {
    return this.#cards.get(item);
  }

  #added(item) {
    const card = new Card(item, this.act, this.scaleOf);
    this.#cards.set(item, card);
    this.#states.set(item, item.state);
    this.#place(item);
    if (item.file) {
      this.#addThumbnail(item, card, item.file);
    } else {
      this.#visible.observe(card.node);
    }
    this.updateSummary();
  }

  async #addThumbnail(item, card, blob) {
    const thumb = await thumbnail(blob);
    if (!thumb) {
      return;
    }
    if (!this.#cards.has(item)) {
      URL.revokeObjectURL(thumb.url);
      return;
    }
    card.setThumbnail(thumb.url);
    if (item.file) {
      item.input ??= { width: thumb.width, height: thumb.height };
    }
    card.update();
  }

  /** Fetches results without a local original when their card becomes visible. */
  async #onVisible(entries) {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      const item = this.queue.items.find((each) => this.#cards.get(each)?.node === entry.target);
      const card = this.#cards.get(item);
      if (!item?.succeeded || card.hasThumbnail || !item.playable && !canPreview(item.result)) {
        continue;
      }
      this.#visible.unobserve(entry.target);
      const blob = await (item.playable ? originalOf(item.id) : loadResult(item).catch(() => null));
      if (blob) {
        this.#addThumbnail(item, card, blob);
      }
    }
  }

  #changed(item) {
    const card = this.#cards.get(item);
    card?.update();
    if (card && this.#states.get(item) !== item.state) {
      this.#states.set(item, item.state);
      this.#place(item);
      if (item.succeeded && !card.hasThumbnail) { // observe again: it may be visible already
        this.#visible.unobserve(card.node);
        this.#visible.observe(card.node);
      }
      if (item.final || item.state === "running") {
        announce(t("announce.state", { name: item.name, state: item.state === "running" ? t("state.started") : stateText(item) }));
      }
    }
    this.updateSummary();
  }

  #removed(item) {
    const card = this.#cards.get(item);
    if (!card) {
      return;
    }
    const hadFocus = card.node.contains(document.activeElement);
    const neighbor = card.node.nextElementSibling ?? card.node.previousElementSibling;
    this.#visible.unobserve(card.node);
    card.node.remove();
    card.free();
    this.#cards.delete(item);
    this.#states.delete(item);
    this.updateSummary();
    if (hadFocus) {
      const next = [...this.#cards.values()].find((each) => each.node === neighbor);
      (next?.firstAction() ?? document.getElementById("choose")).focus();
    }
  }

  /** Puts the card of a running item first, and that of an ended one behind those. */
  #place(item) {
    const { node } = this.#cards.get(item);
    const focused = node.contains(document.activeElement) ? document.activeElement : null;
    const items = ordered(this.queue.items);
    const next = this.#cards.get(items[items.indexOf(item) + 1])?.node ?? null;
    if (!node.parentNode || node.nextElementSibling !== next) {
      this.list.insertBefore(node, next);
      focused?.focus();
    }
  }

  updateSummary() {
    this.overview.update(this.queue.items);
  }
}
