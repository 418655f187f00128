// News of jobs: one stream of server-sent events for all that are not done. If
// streams do not work (some proxies hold them back), jobs are asked for instead.

import * as api from "./api.js";
import { events } from "./sse.js";
import { onRefused } from "./session.js";

const MOST = 100; // jobs of one stream
const GATHER = 60; // milliseconds in which several new jobs become one stream
const FIRST = 6000; // milliseconds until the first event: it comes at once
const SILENCE = 45000; // milliseconds without a byte; keep-alives come every 15 s
const BACKOFF = [300, 1000, 2000, 4000, 8000, 15000];
const POLL = 1500; // milliseconds between questions
const POLL_FOR = 60000; // milliseconds until a stream is tried again
const TRIES = 3; // failed streams before jobs are asked for

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Follower {
  #queue;
  #connection;
  #covered = new Set();
  #stream = new AbortController();
  #wake = () => {};
  #signedOut = false;

  constructor(queue, connection) {
    this.#queue = queue;
    this.#connection = connection;
    for (const type of ["added", "changed"]) {
      queue.addEventListener(type, (event) => this.#look(event.detail));
    }
    onRefused(() => { this.#signedOut = true; });
  }

  /** Goes on after a sign-in. */
  resume() {
    this.#signedOut = false;
    this.#wake();
  }

  /** Follows for as long as the page lives. */
  async run() {
    let failures = 0;
    let pollUntil = 0;
    for (;;) {
      await this.#work();
      await this.#connection.available();
      const ids = this.#queue.followed().slice(0, MOST).map((item) => item.id);
      try {
        if (performance.now() < pollUntil) {
          await this.#poll(ids);
          await sleep(POLL);
        } else if (await this.#listen(ids)) {
          failures = 0;
        }
      } catch (error) {
        if (error.unreachable) {
          this.#connection.report();
        } else if (++failures >= TRIES || error.status === 404) {
          pollUntil = performance.now() + POLL_FOR;
          failures = 0;
        }
        await sleep(BACKOFF[Math.min(failures, BACKOFF.length - 1)] * (0.8 + Math.random() * 0.4));
      }
    }
  }

  /** Resolves when there is something to follow. */
  async #work() {
    while (this.#signedOut || this.#queue.followed().length === 0) {
      await new Promise((resolve) => { this.#wake = resolve; });
    }
    await sleep(GATHER);
  }

  #look(item) {
    if (item.followed && !this.#covered.has(item.id)) {
      this.#wake();
      if (this.#covered.size < MOST) {
        this.#stream.abort(); // begin one that has this job too
      }
    }
  }

  /** Reads one stream to its end; tells whether it brought anything. */
  async #listen(ids) {
    this.#stream = new AbortController();
    this.#covered = new Set(ids);
    let heard = false;
    try {
      const response = await api.eventsOf(ids, this.#stream.signal);
      for await (const event of events(response, () => (heard ? SILENCE : FIRST))) {
        heard = true;
        if (event.type === "job") {
          this.#queue.update(JSON.parse(event.data));
        } else if (event.type === "gone") {
          this.#queue.lose(JSON.parse(event.data).id);
        }
      }
      if (ids.some((id) => this.#queue.followed().some((item) => item.id === id))) {
        if (!heard) {
          throw new TypeError("the stream ended with nothing said");
        }
        await sleep(BACKOFF[1]); // a proxy's time limit; go on with another
      }
    } catch (error) {
      if (this.#stream.signal.aborted) {
        return true; // by us, for a larger one
      }
      throw error;
    } finally {
      this.#stream.abort();
      this.#covered = new Set();
    }
    return heard;
  }

  async #poll(ids) {
    const { jobs } = await api.jobs(MOST);
    jobs.forEach((job) => this.#queue.update(job));
    const listed = new Set(jobs.map((job) => job.id));
    for (const id of ids.filter((each) => !listed.has(each))) {
      try {
        this.#queue.update(await api.job(id));
      } catch (error) {
        if (error.status !== 404) {
          throw error;
        }
        this.#queue.lose(id);
      }
    }
  }
}
