// Whether the server can be reached. Callers report a lost connection here; the
// server is then polled at growing intervals until it responds.

import { system } from "./api.js";

const RETRY_DELAYS = [1000, 2000, 4000, 8000, 15000]; // milliseconds between attempts

export class Connection extends EventTarget {
  lost = false;
  #attempt = 0;
  #timer = 0;
  #waiters = [];

  constructor() {
    super();
    addEventListener("online", () => this.tryNow());
    addEventListener("offline", () => this.reportLost());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.tryNow());
  }

  /** Records that the server could not be reached. */
  reportLost() {
    if (!this.lost) {
      this.lost = true;
      this.#attempt = 0;
      this.dispatchEvent(new Event("change"));
      this.#scheduleRetry();
    }
  }

  /** Resolves once the server can be reached. */
  whenAvailable() {
    return this.lost ? new Promise((resolve) => this.#waiters.push(resolve)) : Promise.resolve();
  }

  async tryNow() {
    if (!this.lost) {
      return;
    }
    clearTimeout(this.#timer);
    try {
      await system();
    } catch (error) {
      if (error.unreachable) {
        this.#scheduleRetry();
        return;
      }
    }
    this.lost = false;
    this.#waiters.splice(0).forEach((resolve) => resolve());
    this.dispatchEvent(new Event("change"));
  }

  #scheduleRetry() {
    clearTimeout(this.#timer);
    const delay = RETRY_DELAYS[Math.min(this.#attempt++, RETRY_DELAYS.length - 1)];
    this.#timer = setTimeout(() => this.tryNow(), delay);
  }
}
