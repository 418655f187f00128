// The line above the list: what is done, how long the rest takes, and what failed.

import { element, setText, setVisible } from "./element.js";
import { Eta, remainingText } from "./eta.js";
import { list, percent, t } from "./messages.js";
import { errorText } from "./text.js";

const byId = (id) => document.getElementById(id);
const now = () => performance.now() / 1000;

/** Share of an item's work that is done, 0..1. */
const shareOf = (item) => (item.final ? 1 : item.state === "running" ? item.progress : 0);

export const hasFailed = (item) => item.state === "failed" || item.state === "rejected";

/** Items in the order of the list: what runs first, then what waits, then the rest, each the newest first. */
export function ordered(items) {
  const rank = (item) => (item.state === "running" ? 0 : item.final ? 2 : 1);
  return [...items].sort((a, b) => rank(a) - rank(b)); // stable
}

/** The failed items by what the user reads of their error, most frequent first. */
export function groupFailures(items) {
  const groups = new Map();
  for (const item of items.filter(hasFailed)) {
    const text = item.error ? errorText(item.error) : "";
    groups.set(text, [...(groups.get(text) ?? []), item]);
  }
  return [...groups].map(([text, members]) => ({ text, members })).sort((a, b) => b.members.length - a.members.length);
}

/** Counts of items as one line. */
export function countsText(items, left) {
  const done = items.filter((item) => item.succeeded).length;
  const failed = items.filter(hasFailed).length;
  const active = items.some((item) => !item.final);
  return [active ? t("queue.doneOf", { count: done, all: items.length }) : t("queue.done", { count: done }), failed ? t("queue.failed", { count: failed }) : "", active ? left : ""].filter(Boolean).join(" · ");
}

export class Overview {
  #eta = null;
  #batch = new Set(); // what is being worked on since the queue was last idle

  /** Shows the state of all items. */
  update(items) {
    const active = items.filter((item) => !item.final);
    active.forEach((item) => this.#batch.add(item));
    const batch = items.filter((item) => this.#batch.has(item));
    if (active.length === 0) {
      this.#batch.clear();
      this.#eta = null;
    }
    const share = batch.length ? batch.reduce((sum, item) => sum + shareOf(item), 0) / batch.length : 0;
    if (active.length > 1) {
      this.#eta ??= new Eta();
      this.#eta.observe(now(), share);
    }
    const left = active.length > 1 && this.#eta ? remainingText(this.#eta.remaining(now())) : "";
    document.body.dataset.empty = String(items.length === 0);
    setVisible(byId("queue"), items.length > 0);
    const done = items.filter((item) => item.succeeded && !item.kept).length;
    setVisible(byId("download-all"), done > 1);
    setVisible(byId("save-folder"), done > 1 && Boolean(window.showDirectoryPicker));
    setVisible(byId("cancel-all"), active.length > 1);
    setVisible(byId("notify"), active.length > 0 && "Notification" in window && Notification.permission === "default");
    setVisible(byId("clear"), items.some((item) => item.final));
    setVisible(byId("total"), active.length > 1);
    byId("total").value = share;
    setText(byId("queue-summary"), countsText(items, left));
    document.title = active.length ? `${percent(share)} · upscaled` : "upscaled";
    this.#showFailures(groupFailures(items));
  }

  #showFailures(groups) {
    const count = groups.reduce((sum, { members }) => sum + members.length, 0);
    setVisible(byId("failures"), count > 1);
    const text = JSON.stringify(groups.map(({ text: reason, members }) => [reason, members.map((item) => item.name)]));
    if (this.shown === text) {
      return; // keeps what is selected and open
    }
    this.shown = text;
    setText(byId("failures-count"), t("queue.failures", { count }));
    byId("failures-list").replaceChildren(...groups.map(({ text: reason, members }) => element("li", {},
      element("strong", { textContent: `${members.length} × ` }), `${reason} `,
      element("span.quiet", { textContent: list(members.map((item) => item.name)) }))));
  }
}
