// The list of cards and the summary above it.

import * as api from "./api.js";
import { announce } from "./announce.js";
import { Card } from "./card.js";
import { setText, setVisible } from "./element.js";
import { canPreview, thumbnail } from "./thumbnail.js";
import { stateText } from "./text.js";

const REFRESH = 1000; // milliseconds between updates of the remaining time

export class Cards {
  #cards = new Map();
  #states = new Map();
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
    this.updateSummary();
  }

  card(item) {
    return this.#cards.get(item);
  }

  #added(item) {
    const card = new Card(item, this.act, this.scaleOf);
    this.#cards.set(item, card);
    this.#states.set(item, item.state);
    const next = this.queue.items[this.queue.items.indexOf(item) + 1];
    this.list.insertBefore(card.node, this.#cards.get(next)?.node ?? null);
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
      if (!item?.succeeded || card.hasThumbnail || !canPreview(item.result)) {
        continue;
      }
      this.#visible.unobserve(entry.target);
      const response = await api.result(item.id).catch(() => null);
      if (response) {
        this.#addThumbnail(item, card, await response.blob());
      }
    }
  }

  #changed(item) {
    const card = this.#cards.get(item);
    card?.update();
    if (card && this.#states.get(item) !== item.state) {
      this.#states.set(item, item.state);
      if (item.succeeded && !card.hasThumbnail) { // observe again: it may be visible already
        this.#visible.unobserve(card.node);
        this.#visible.observe(card.node);
      }
      if (item.final || item.state === "running") {
        announce(`${item.name}: ${item.state === "running" ? "being upscaled" : stateText(item)}.`);
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

  /** Updates the summary above the list and the window's title. */
  updateSummary() {
    const { items } = this.queue;
    const done = items.filter((item) => item.succeeded).length;
    const active = items.filter((item) => !item.final);
    document.body.dataset.empty = String(items.length === 0);
    setVisible(document.getElementById("queue"), items.length > 0);
    setVisible(document.getElementById("download-all"), done > 1);
    setVisible(document.getElementById("clear"), items.some((item) => item.final));
    setText(document.getElementById("queue-summary"), active.length ? `${done} of ${items.length} done` : `${done} done`);
    const share = active.reduce((sum, item) => sum + (item.state === "running" ? item.progress : 0), items.length - active.length);
    document.title = active.length ? `${Math.round((share / items.length) * 100)} % · upscaled` : "upscaled";
  }
}
