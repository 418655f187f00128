// Estimates the remaining time of a job from its progress.

import { t } from "./messages.js";
import { duration } from "./sizes.js";

const HALF_LIFE = 8; // seconds after which an observation has half its weight
const MIN_SHARE = 0.04; // of the work, observed before the rate is used

/** Estimate for one job. Times are seconds of a monotonic clock, progress is 0..1. */
export class Eta {
  #first = null;
  #last = null;
  #rate = 0; // of progress, per second
  #estimate;

  /** @param {number|null} estimate the server's estimate at the first observation, in seconds */
  constructor(estimate = null) {
    this.#estimate = estimate;
  }

  /** Adds an observation. */
  observe(time, progress) {
    if (this.#last && progress < this.#last.progress) {
      this.#first = this.#last = null; // another worker started over
      this.#rate = 0;
    }
    if (!this.#last) {
      this.#first = this.#last = { time, progress };
      return;
    }
    const span = time - this.#last.time;
    const done = progress - this.#last.progress;
    if (span <= 0 || done <= 0) {
      return;
    }
    const seen = done / span;
    const keep = this.#rate ? 0.5 ** (span / HALF_LIFE) : 0;
    this.#rate = this.#rate * keep + seen * (1 - keep);
    this.#last = { time, progress };
  }

  /** Returns the remaining seconds at a time, or null if unknown. */
  remaining(time) {
    if (!this.#last) {
      return this.#estimate;
    }
    const since = time - this.#last.time;
    if (this.#rate > 0 && this.#last.progress - this.#first.progress >= MIN_SHARE) {
      return Math.max(0, (1 - this.#last.progress) / this.#rate - since);
    }
    return this.#estimate === null ? null : Math.max(0, this.#estimate - (time - this.#first.time));
  }
}

/** "35 sec left", rounded so that it does not jump with every observation. */
export function remainingText(seconds) {
  if (seconds === null) {
    return "";
  }
  const whole = Math.max(1, Math.round(seconds));
  return t("time.left", { time: duration(whole < 20 || seconds >= 90 ? whole : Math.ceil(seconds / 5) * 5) });
}
