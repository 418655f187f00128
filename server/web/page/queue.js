// The queue. Images are uploaded in order, two at a time. Events "added",
// "changed" and "removed" carry the item.

import * as api from "./api.js";
import { Item, SENDING, WAITING } from "./item.js";
import { t } from "./messages.js";
import { forget, keepOriginal } from "./previews.js";
import { smallCopy } from "./thumbnail.js";
import { currentKey, nextKey } from "./session.js";
import { errorText } from "./text.js";

const PARALLEL_UPLOADS = 2; // at once
const MAX_ATTEMPTS = 3; // uploads of an image that may break off
const MAX_WAIT = 30; // seconds, even if Retry-After is longer

export class Queue extends EventTarget {
  items = [];
  #sending = 0;
  #connection;

  /** @param {import("./connection.js").Connection} connection */
  constructor(connection) {
    super();
    this.#connection = connection;
  }

  /** Adds an image. An `error` means that it is not sent at all. */
  add(source, error = null) {
    const item = new Item(source);
    if (error) {
      item.fail(error);
    }
    this.items.unshift(item);
    this.#emit("added", item);
    this.#sendNext();
    return item;
  }

  /** Updates a job from the server's list, or inserts it by age; `kept` is one of this browser alone. */
  addJob(job, kept = false) {
    const known = this.items.find((item) => item.id === job.id);
    if (known) {
      this.update(job);
    } else {
      const item = Item.fromJob(job);
      item.kept = kept;
      const older = this.items.findIndex((each) => each.job && each.job.created_at < job.created_at);
      this.items.splice(older < 0 ? this.items.length : older, 0, item);
      this.#emit("added", item);
    }
  }

  /** Updates the item of a job, if there is one. */
  update(job) {
    const item = this.items.find((each) => each.id === job.id);
    if (item && !item.final) {
      item.update(job);
      this.#emit("changed", item);
    }
  }

  /** Fails a job that the server deleted before it was done. */
  markGone(id) {
    const item = this.items.find((each) => each.id === id);
    if (item?.active) {
      item.fail({ kind: "not_found", detail: t("queue.gone") });
      this.#emit("changed", item);
    }
  }

  /** Cancels an item in any state. */
  async cancel(item) {
    if (!item.id) {
      item.aborter.abort();
      item.fail(new api.ApiError("aborted", t("state.canceled")));
      this.#emit("changed", item);
      return;
    }
    try {
      this.update(await api.cancel(item.id));
    } catch (error) {
      item.note = error.unreachable ? t("queue.notCanceled") : errorText(error);
      this.#emit("changed", item);
    }
  }

  /** Cancels all that is not done, those that wait first, so that none begins meanwhile. */
  async cancelAll() {
    const active = this.items.filter((item) => !item.final);
    const rank = (item) => (item.id ? item.state === "running" : -1);
    await Promise.all(active.sort((a, b) => rank(a) - rank(b)).map((item) => this.cancel(item)));
  }

  /** Sends an item again, with new options if given. */
  repeat(item, options = item.options) {
    const next = new Item({ file: item.file, url: item.url, name: item.name, options });
    next.input = item.input;
    this.items.splice(this.items.indexOf(item), item.succeeded ? 0 : 1, next);
    if (!item.succeeded) {
      this.remove(item);
    }
    this.#emit("added", next);
    this.#sendNext();
    return next;
  }

  /** Deletes a finished item, on the server too. If that fails, it stays, with a note. */
  async remove(item) {
    try {
      if (item.id) {
        await api.remove(item.id);
        forget(item.id);
      }
    } catch (error) {
      if (error.status !== 404) { // else it has expired, or was deleted elsewhere
        item.note = error.unreachable ? t("queue.notDeleted") : errorText(error);
        this.#emit("changed", item);
        return;
      }
    }
    this.#drop(item);
  }

  #drop(item) {
    this.items = this.items.filter((each) => each !== item);
    this.#emit("removed", item);
  }

  /** Removes the jobs that were shown only because this browser kept them. */
  dropKept() {
    this.items.filter((item) => item.kept).forEach((item) => this.#drop(item));
  }

  /** Queued and running items, oldest first: the server starts with those. */
  activeJobs() {
    return this.items.filter((item) => item.active).reverse();
  }

  #emit(type, item) {
    this.dispatchEvent(new CustomEvent(type, { detail: item }));
  }

  #sendNext() {
    while (this.#sending < PARALLEL_UPLOADS) {
      const next = this.items.findLast((item) => item.state === WAITING && !item.note);
      if (!next) {
        return;
      }
      this.#sending++;
      this.#send(next).finally(() => {
        this.#sending--;
        this.#sendNext();
      });
    }
  }

  async #send(item) {
    item.state = SENDING;
    item.progress = 0;
    item.note = "";
    item.key = currentKey();
    this.#emit("changed", item);
    try {
      const job = await this.#submit(item);
      const listed = this.items.find((each) => each.id === job.id); // before this response arrived
      item.update(listed?.job ?? job);
      if (listed) {
        this.#drop(listed);
      }
      if (item.file) {
        smallCopy(item.file).then((copy) => copy && keepOriginal(job.id, copy));
      }
      if (item.aborter.signal.aborted) { // canceled before the response arrived
        this.cancel(item);
      }
    } catch (error) {
      if (!item.final) {
        await this.#handleFailure(item, error);
      }
    }
    this.#emit("changed", item);
  }

  #submit(item) {
    if (item.url) {
      return api.submitURL(item.url, item.options);
    }
    const progress = (share) => {
      item.progress = share;
      this.#emit("changed", item);
    };
    return api.submitFile(item.file, item.options, progress, item.aborter.signal);
  }

  /** Retries if that may help, otherwise shows the error. */
  async #handleFailure(item, error) {
    const busy = error.kind === "busy" || error.status === 503 || (error.kind === "rate_limited" && error.retryAfter > 0);
    if (error.unreachable && item.attempts++ < MAX_ATTEMPTS) {
      this.#connection.reportLost();
      this.#waitFor(item, t("queue.whenReached"), this.#connection.whenAvailable());
    } else if (busy && error.retryAfter <= MAX_WAIT) {
      const pause = new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfter || 3)));
      this.#waitFor(item, t("queue.whenFree"), pause);
    } else if (error.status === 401) { // the page asks for a key
      this.#waitFor(item, t("queue.whenSignedIn"), currentKey() === item.key ? nextKey() : Promise.resolve());
    } else if (error.unreachable) {
      item.fail(new api.ApiError("network", t("queue.uploadFailed")));
    } else {
      item.fail(error);
    }
  }

  #waitFor(item, note, until) {
    item.state = WAITING;
    item.note = note;
    until.then(() => {
      if (item.state === WAITING) {
        item.note = "";
        this.#sendNext();
      }
    });
  }
}
