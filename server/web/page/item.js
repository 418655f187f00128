// One picture in the queue: what was added here and what the server says of it.

import { Eta } from "./eta.js";

/** States before the server has the job; the others are the server's. */
export const WAITING = "waiting";
export const SENDING = "sending";
export const REFUSED = "refused"; // never became a job

const seconds = () => performance.now() / 1000;

export class Item {
  state = WAITING;
  progress = 0; // of the upload while SENDING, of the work while "running"; 0..1
  id = ""; // the job's, once there is one
  job = null;
  input = null; // {width, height}
  error = null; // {kind, detail}
  note = ""; // why it waits
  attempts = 0; // uploads that broke off
  key = ""; // that it was sent with
  stop = new AbortController();
  #eta = null;

  /** @param {{file?: File, url?: string, name: string, options?: object}} source */
  constructor({ file = null, url = "", name, options = null }) {
    Object.assign(this, { file, url, name, options });
  }

  /** An item of a job that this page did not begin. */
  static of(job) {
    const item = new Item({ name: job.name || "picture", options: job.options });
    item.follow(job);
    return item;
  }

  /** Takes in the server's view of the job. */
  follow(job) {
    if (this.final && this.id === job.id) {
      return;
    }
    this.id = job.id;
    this.job = job;
    this.state = job.state;
    this.progress = job.progress;
    this.note = "";
    this.error = job.error;
    this.input = job.input?.width ? job.input : this.input;
    if (job.state === "running") {
      this.#eta ??= new Eta(job.estimate_seconds ?? null);
      this.#eta.observe(seconds(), job.progress);
    }
  }

  /** The upload failed or the server said no. */
  refuse(error) {
    this.state = error.kind === "aborted" ? "canceled" : REFUSED;
    this.error = { kind: error.kind, detail: error.detail ?? error.message, requestId: error.requestId };
  }

  get final() {
    return ["succeeded", "failed", "canceled", REFUSED].includes(this.state);
  }

  get succeeded() {
    return this.state === "succeeded";
  }

  /** Whether the server works on it or will. */
  get followed() {
    return this.state === "queued" || this.state === "running";
  }

  /** Whether it can be sent once more from here. */
  get repeatable() {
    return Boolean(this.file || this.url);
  }

  /** Seconds still to go, or null. */
  get remaining() {
    return this.state === "running" && this.#eta ? this.#eta.remaining(seconds()) : null;
  }

  get result() {
    return this.job?.result ?? null;
  }
}
