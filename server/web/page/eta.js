// How long a job still takes, from the rate of its progress.

const HALF_LIFE = 8; // seconds after which an observation counts half
const SETTLED = 0.04; // share of the work that must be seen before a rate is trusted

/** Follows one job. Times are in seconds of any steady clock, progress is 0..1. */
export class Eta {
  #first = null;
  #last = null;
  #rate = 0; // of progress, per second
  #guess;

  /** @param {number|null} guess what the server thinks is left at the first observation, in seconds */
  constructor(guess = null) {
    this.#guess = guess;
  }

  /** Takes in an observation; one from before the last is left out. */
  observe(time, progress) {
    if (this.#last && progress < this.#last.progress) {
      this.#first = this.#last = null; // another worker began anew
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

  /** Seconds still to go at a time, or null while nobody can know. */
  remaining(time) {
    if (!this.#last) {
      return this.#guess;
    }
    const since = time - this.#last.time;
    if (this.#rate > 0 && this.#last.progress - this.#first.progress >= SETTLED) {
      return Math.max(0, (1 - this.#last.progress) / this.#rate - since);
    }
    return this.#guess === null ? null : Math.max(0, this.#guess - (time - this.#first.time));
  }
}

/** Whole words that do not jump with every observation. */
export function remainingWords(seconds) {
  if (seconds === null) {
    return "";
  }
  if (seconds < 20) {
    return `${Math.max(1, Math.round(seconds))} s left`;
  }
  if (seconds < 90) {
    return `${Math.ceil(seconds / 5) * 5} s left`;
  }
  if (seconds < 3600) {
    return `${Math.round(seconds / 60)} min left`;
  }
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min left`;
}
