// Whether the server can be reached. Whoever finds that it cannot reports it
// here; from then on it is asked again, ever more seldom, until it answers.

import { system } from "./api.js";

const DELAYS = [1000, 2000, 4000, 8000, 15000]; // milliseconds between attempts

export class Connection extends EventTarget {
  lost = false;
  #attempt = 0;
  #timer = 0;
  #recovered = [];

  constructor() {
    super();
    addEventListener("online", () => this.tryNow());
    addEventListener("offline", () => this.report());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.tryNow());
  }

  /** Says that the server could not be reached. */
  report() {
    if (!this.lost) {
      this.lost = true;
      this.#attempt = 0;
      this.dispatchEvent(new Event("change"));
      this.#later();
    }
  }

  /** Resolves at once while the server is there, else when it is again. */
  available() {
    return this.lost ? new Promise((resolve) => this.#recovered.push(resolve)) : Promise.resolve();
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
        this.#later();
        return;
      }
    }
    this.lost = false;
    this.#recovered.splice(0).forEach((resolve) => resolve());
    this.dispatchEvent(new Event("change"));
  }

  #later() {
    clearTimeout(this.#timer);
    const delay = DELAYS[Math.min(this.#attempt++, DELAYS.length - 1)];
    this.#timer = setTimeout(() => this.tryNow(), delay);
  }
}
