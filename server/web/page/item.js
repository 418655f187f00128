// One image or film in the queue, with the state of its upload and its job.

import { Eta } from "./eta.js";
import { FILMS, isFilm } from "./kind.js";
import { t } from "./messages.js";

/** States without a job on the server. The other states are the server's. */
export const WAITING = "waiting";
export const SENDING = "sending";
export const REJECTED = "rejected"; // no job was created

const seconds = () => performance.now() / 1000;

export class Item {
  state = WAITING;
  progress = 0; // of the upload while SENDING, of the work while "running"; 0..1
  id = ""; // of the job, once there is one
  job = null;
  input = null; // {width, height, frames}; frames only of a film
  error = null; // {kind, detail, server}
  before = null; // a small copy of the original, once it is looked for after a reload
  kept = false; // shown from this browser's small copies, since the server is away
  note = ""; // why it is waiting
  attempts = 0; // failed uploads
  key = ""; // the key used for the upload
  aborter = new AbortController();
  #eta = null;

  /** @param {{file?: File, url?: string, name: string, options?: object}} source */
  constructor({ file = null, url = "", name, options = null }) {
    Object.assign(this, { file, url, name, options });
  }

  /** Makes an item of a job from the server's list. */
  static fromJob(job) {
    const item = new Item({ name: job.name || t("queue.unnamed"), options: job.options });
    item.update(job);
    return item;
  }

  /** Sets the server's state of the job. */
  update(job) {
    if (this.final && this.id === job.id) {
      return;
    }
    this.id = job.id;
    this.job = job;
    this.state = job.state;
    this.progress = job.progress;
    this.note = "";
    this.error = job.error && { ...job.error, server: true };
    this.input = job.input?.width ? job.input : this.input;
    if (job.state === "running") {
      this.#eta ??= new Eta(job.estimate_seconds ?? null);
      this.#eta.observe(seconds(), job.progress);
    }
  }

  /** Records that the upload failed or was rejected. */
  fail(error) {
    this.state = error.kind === "aborted" ? "canceled" : REJECTED;
    this.error = { kind: error.kind, detail: error.detail ?? error.message, requestId: error.requestId, hopeless: error.hopeless, server: error.server };
  }

  /** Whether sending the image again, with other settings or later, may succeed. */
  get worthRetrying() {
    return this.final && !this.succeeded && this.repeatable && !this.error?.hopeless && !["unsupported", "invalid"].includes(this.error?.kind);
  }

  get final() {
    return ["succeeded", "failed", "canceled", REJECTED].includes(this.state);
  }

  get succeeded() {
    return this.state === "succeeded";
  }

  /** Whether it is a film, by its job or before there is one by its file. */
  get film() {
    return this.job ? this.job.input?.frames > 0 : isFilm(this.file ?? this);
  }

  /** Whether the result is played. */
  get playable() {
    return this.succeeded && FILMS.includes(this.result.format);
  }

  /** Whether the job is queued or running. */
  get active() {
    return this.state === "queued" || this.state === "running";
  }

  /** Whether the page can send it again. */
  get repeatable() {
    return Boolean(this.file || this.url);
  }

  /** Remaining seconds, or null if unknown. */
  get remaining() {
    return this.state === "running" && this.#eta ? this.#eta.remaining(seconds()) : null;
  }

  get result() {
    return this.job?.result ?? null;
  }
}
