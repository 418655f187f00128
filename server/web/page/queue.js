// The queue: pictures are sent two at a time, in order; the server works on
// them as it can. Events "added", "changed" and "removed" carry the item.

import * as api from "./api.js";
import { Item, SENDING, WAITING } from "./item.js";
import { dismiss, dismissed } from "./dismissed.js";
import { currentKey, nextKey } from "./session.js";

const LANES = 2; // uploads at once
const BREAKS = 3; // uploads of one picture that may break off while the server is there
const LONGEST_WAIT = 30; // seconds, whatever a busy server asks for

export class Queue extends EventTarget {
  items = [];
  #sending = 0;
  #connection;

  /** @param {import("./connection.js").Connection} connection */
  constructor(connection) {
    super();
    this.#connection = connection;
  }

  /** Adds a picture; a refusal is known before anything is sent. */
  add(source, refusal = null) {
    const item = new Item(source);
    if (refusal) {
      item.refuse(refusal);
    }
    this.items.unshift(item);
    this.#tell("added", item);
    this.#fill();
    return item;
  }

  /** Takes in a job of the server's list; an unknown one goes where its age belongs. */
  adopt(job) {
    const known = this.items.find((item) => item.id === job.id);
    if (known) {
      this.update(job);
    } else if (!dismissed(job.id)) {
      const item = Item.of(job);
      const older = this.items.findIndex((each) => each.job && each.job.created_at < job.created_at);
      this.items.splice(older < 0 ? this.items.length : older, 0, item);
      this.#tell("added", item);
    }
  }

  /** Takes in news of a job that may or may not be known here. */
  update(job) {
    const item = this.items.find((each) => each.id === job.id);
    if (item && !item.final) {
      item.follow(job);
      this.#tell("changed", item);
    }
  }

  /** The server forgot a job that was not done. */
  lose(id) {
    const item = this.items.find((each) => each.id === id);
    if (item?.followed) {
      item.refuse({ kind: "not_found", detail: "The server does not know this job any more. Send the picture again." });
      this.#tell("changed", item);
    }
  }

  /** Ends it wherever it is: waiting, being sent, queued or running. */
  async cancel(item) {
    if (!item.id) {
      item.stop.abort();
      item.refuse(new api.ApiError("aborted", "Canceled."));
      this.#tell("changed", item);
      return;
    }
    try {
      this.update(await api.cancel(item.id));
    } catch (error) {
      item.note = error.unreachable ? "It could not be canceled: the server cannot be reached." : error.detail;
      this.#tell("changed", item);
    }
  }

  /** Sends it again, with other options where they are given. */
  repeat(item, options = item.options) {
    const next = new Item({ file: item.file, url: item.url, name: item.name, options });
    next.input = item.input;
    this.items.splice(this.items.indexOf(item), item.succeeded ? 0 : 1, next);
    if (!item.succeeded) {
      this.#forget(item);
    }
    this.#tell("added", next);
    this.#fill();
    return next;
  }

  remove(item) {
    this.items = this.items.filter((each) => each !== item);
    this.#forget(item);
  }

  #forget(item) {
    if (item.id) {
      dismiss(item.id);
    }
    this.#tell("removed", item);
  }

  /** Jobs whose end is awaited, oldest first: the server begins with those. */
  followed() {
    return this.items.filter((item) => item.followed).reverse();
  }

  #tell(type, item) {
    this.dispatchEvent(new CustomEvent(type, { detail: item }));
  }

  #fill() {
    while (this.#sending < LANES) {
      const next = this.items.findLast((item) => item.state === WAITING && !item.note);
      if (!next) {
        return;
      }
      this.#sending++;
      this.#send(next).finally(() => {
        this.#sending--;
        this.#fill();
      });
    }
  }

  async #send(item) {
    item.state = SENDING;
    item.progress = 0;
    item.note = "";
    item.key = currentKey();
    this.#tell("changed", item);
    try {
      const job = await this.#submit(item);
      item.follow(job);
      if (item.stop.signal.aborted) { // canceled between being sent and being answered
        this.cancel(item);
      }
    } catch (error) {
      if (!item.final) {
        await this.#failed(item, error);
      }
    }
    this.#tell("changed", item);
  }

  #submit(item) {
    if (item.url) {
      return api.submitAddress(item.url, item.options);
    }
    const progress = (share) => {
      item.progress = share;
      this.#tell("changed", item);
    };
    return api.submitFile(item.file, item.options, progress, item.stop.signal);
  }

  /** Waits where waiting helps; else the failure is the user's to see. */
  async #failed(item, error) {
    const busy = error.kind === "busy" || error.status === 503 || (error.kind === "rate_limited" && error.retryAfter > 0);
    if (error.unreachable && item.attempts++ < BREAKS) {
      this.#connection.report();
      this.#later(item, "It is sent as soon as the server can be reached.", this.#connection.available());
    } else if (busy && error.retryAfter <= LONGEST_WAIT) {
      const pause = new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfter || 3)));
      this.#later(item, "The server is busy. It is sent in a moment.", pause);
    } else if (error.status === 401) { // the page asks for a key
      this.#later(item, "It is sent as soon as you have signed in.", currentKey() === item.key ? nextKey() : Promise.resolve());
    } else if (error.unreachable) {
      item.refuse(new api.ApiError("network", "The upload broke off again and again. A proxy may not allow files of this size."));
    } else {
      item.refuse(error);
    }
  }

  #later(item, note, until) {
    item.state = WAITING;
    item.note = note;
    until.then(() => {
      if (item.state === WAITING) {
        item.note = "";
        this.#fill();
      }
    });
  }
}
