// Updates of jobs by one stream of server-sent events for all unfinished jobs. If
// streams do not work, for instance because a proxy buffers them, jobs are polled.

import * as api from "./api.js";
import { events } from "./sse.js";
import { onUnauthorized } from "./session.js";

const MAX_JOBS = 100; // per stream
const DEBOUNCE = 60; // milliseconds in which new jobs are collected for one stream
const FIRST_EVENT_TIMEOUT = 6000; // milliseconds; the first event is sent at once
const IDLE_TIMEOUT = 45000; // milliseconds; keep-alives are sent every 15 s
const BACKOFF = [300, 1000, 2000, 4000, 8000, 15000];
const POLL_INTERVAL = 1500; // milliseconds
const POLL_DURATION = 60000; // milliseconds before streams are tried again
const MAX_FAILURES = 3; // of streams before polling

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class JobWatcher {
  #queue;
  #connection;
  #watched = new Set();
  #stream = new AbortController();
  #wake = () => {};
  #signedOut = false;

  constructor(queue, connection) {
    this.#queue = queue;
    this.#connection = connection;
    for (const type of ["added", "changed"]) {
      queue.addEventListener(type, (event) => this.#onItem(event.detail));
    }
    onUnauthorized(() => { this.#signedOut = true; });
  }

  /** Continues after a sign-in. */
  resume() {
    this.#signedOut = false;
    this.#wake();
  }

  /** Runs for the lifetime of the page. */
  async run() {
    let failures = 0;
    let pollUntil = 0;
    for (;;) {
      await this.#waitForJobs();
      await this.#connection.whenAvailable();
      const ids = this.#queue.activeJobs().slice(0, MAX_JOBS).map((item) => item.id);
      try {
        if (performance.now() < pollUntil) {
          await this.#poll(ids);
          await sleep(POLL_INTERVAL);
        } else if (await this.#readStream(ids)) {
          failures = 0;
        }
      } catch (error) {
        if (error.unreachable) {
          this.#connection.reportLost();
        } else if (++failures >= MAX_FAILURES || error.status === 404) {
          pollUntil = performance.now() + POLL_DURATION;
          failures = 0;
        }
        await sleep(BACKOFF[Math.min(failures, BACKOFF.length - 1)] * (0.8 + Math.random() * 0.4));
      }
    }
  }

  /** Resolves when there are unfinished jobs. */
  async #waitForJobs() {
    while (this.#signedOut || this.#queue.activeJobs().length === 0) {
      await new Promise((resolve) => { this.#wake = resolve; });
    }
    await sleep(DEBOUNCE);
  }

  #onItem(item) {
    if (item.active && !this.#watched.has(item.id)) {
      this.#wake();
      if (this.#watched.size < MAX_JOBS) {
        this.#stream.abort(); // start one that includes this job
      }
    }
  }

  /** Reads a stream to its end and returns whether it had any events. */
  async #readStream(ids) {
    this.#stream = new AbortController();
    this.#watched = new Set(ids);
    let received = false;
    try {
      const response = await api.jobEvents(ids, this.#stream.signal);
      for await (const event of events(response, () => (received ? IDLE_TIMEOUT : FIRST_EVENT_TIMEOUT))) {
        received = true;
        if (event.type === "job") {
          this.#queue.update(JSON.parse(event.data));
        } else if (event.type === "gone") {
          this.#queue.markGone(JSON.parse(event.data).id);
        }
      }
      if (ids.some((id) => this.#queue.activeJobs().some((item) => item.id === id))) {
        if (!received) {
          throw new TypeError("the stream ended without events");
        }
        await sleep(BACKOFF[1]); // a proxy's time limit: start another
      }
    } catch (error) {
      if (this.#stream.signal.aborted) {
        return true; // replaced by a larger one
      }
      throw error;
    } finally {
      this.#stream.abort();
      this.#watched = new Set();
    }
    return received;
  }

  async #poll(ids) {
    const { jobs } = await api.jobs(MAX_JOBS);
    jobs.forEach((job) => this.#queue.update(job));
    const listed = new Set(jobs.map((job) => job.id));
    for (const id of ids.filter((each) => !listed.has(each))) {
      try {
        this.#queue.update(await api.job(id));
      } catch (error) {
        if (error.status !== 404) {
          throw error;
        }
        this.#queue.markGone(id);
      }
    }
  }
}
