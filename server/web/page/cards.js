// The list of cards, and the words above it.

import * as api from "./api.js";
import { announce } from "./announce.js";
import { Card } from "./card.js";
import { say, show } from "./element.js";
import { affordable, thumbnail } from "./thumbnail.js";
import { stateWords } from "./words.js";

const TICK = 1000; // milliseconds between looks at the time that is left

export class Cards {
  #cards = new Map();
  #states = new Map();
  #seen = new IntersectionObserver((entries) => this.#appeared(entries), { rootMargin: "300px" });

  constructor(queue, { act, scaleOf }) {
    this.queue = queue;
    this.act = act;
    this.scaleOf = scaleOf;
    this.list = document.getElementById("cards");
    queue.addEventListener("added", (event) => this.#added(event.detail));
    queue.addEventListener("changed", (event) => this.#changed(event.detail));
    queue.addEventListener("removed", (event) => this.#removed(event.detail));
    setInterval(() => queue.items.forEach((item) => item.state === "running" && this.#cards.get(item)?.update()), TICK);
    this.summary();
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
      this.#draw(item, card, item.file);
    } else {
      this.#seen.observe(card.node);
    }
    this.summary();
  }

  async #draw(item, card, blob) {
    const drawn = await thumbnail(blob);
    if (!drawn) {
      return;
    }
    if (!this.#cards.has(item)) {
      URL.revokeObjectURL(drawn.url);
      return;
    }
    card.setThumbnail(drawn.url);
    if (item.file) {
      item.input ??= { width: drawn.width, height: drawn.height };
    }
    card.update();
  }

  /** Results without an original here are fetched when they come into sight. */
  async #appeared(entries) {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      const item = this.queue.items.find((each) => this.#cards.get(each)?.node === entry.target);
      const card = this.#cards.get(item);
      if (!item?.succeeded || card.hasThumbnail || !affordable(item.result)) {
        continue;
      }
      this.#seen.unobserve(entry.target);
      const response = await api.result(item.id).catch(() => null);
      if (response) {
        this.#draw(item, card, await response.blob());
      }
    }
  }

  #changed(item) {
    const card = this.#cards.get(item);
    card?.update();
    if (card && this.#states.get(item) !== item.state) {
      this.#states.set(item, item.state);
      if (item.succeeded && !card.hasThumbnail) { // seen all the time, but only now there is something to fetch
        this.#seen.unobserve(card.node);
        this.#seen.observe(card.node);
      }
      if (item.final || item.state === "running") {
        announce(`${item.name}: ${item.state === "running" ? "being upscaled" : stateWords(item)}.`);
      }
    }
    this.summary();
  }

  #removed(item) {
    const card = this.#cards.get(item);
    if (!card) {
      return;
    }
    const had = card.node.contains(document.activeElement);
    const neighbour = card.node.nextElementSibling ?? card.node.previousElementSibling;
    this.#seen.unobserve(card.node);
    card.node.remove();
    card.free();
    this.#cards.delete(item);
    this.#states.delete(item);
    this.summary();
    if (had) {
      const next = [...this.#cards.values()].find((each) => each.node === neighbour);
      (next?.firstAction() ?? document.getElementById("choose")).focus();
    }
  }

  /** What stands above the list, and in the window's title. */
  summary() {
    const { items } = this.queue;
    const done = items.filter((item) => item.succeeded).length;
    const active = items.filter((item) => !item.final);
    document.body.dataset.empty = String(items.length === 0);
    show(document.getElementById("queue"), items.length > 0);
    show(document.getElementById("download-all"), done > 1);
    show(document.getElementById("clear"), items.some((item) => item.final));
    say(document.getElementById("queue-words"), active.length ? `${done} of ${items.length} done` : `${done} done`);
    const share = active.reduce((sum, item) => sum + (item.state === "running" ? item.progress : 0), items.length - active.length);
    document.title = active.length ? `${Math.round((share / items.length) * 100)} % · upscaled` : "upscaled";
  }
}
