// Server-sent events from a fetch response: EventSource cannot send the
// Authorization header, a fetch can.

/** Incremental parser of server-sent events (WHATWG HTML, 9.2.6). */
export class EventParser {
  #buffer = "";
  #type = "";
  #data = [];

  /** @returns {{type: string, data: string}[]} the events completed by this text */
  push(text) {
    const events = [];
    this.#buffer += text;
    // A CR at the end may be the first half of a CR LF.
    const end = this.#buffer.endsWith("\r") ? this.#buffer.length - 1 : this.#buffer.length;
    const lines = this.#buffer.slice(0, end).split(/\r\n|\n|\r/);
    this.#buffer = lines.pop() + this.#buffer.slice(end);
    for (const line of lines) {
      const event = this.#line(line);
      if (event) {
        events.push(event);
      }
    }
    return events;
  }

  #line(line) {
    if (line === "") {
      const event = this.#data.length ? { type: this.#type || "message", data: this.#data.join("\n") } : null;
      this.#type = "";
      this.#data = [];
      return event;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") {
      this.#type = value;
    } else if (field === "data") {
      this.#data.push(value);
    }
    return null;
  }
}

/**
 * Yields the events of a response's body. Throws if nothing arrives, not even a
 * keep-alive comment, for `timeout()` milliseconds.
 */
export async function* events(response, timeout) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await withTimeout(timeout(), reader.read());
      if (done) {
        return;
      }
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {}); // it may be broken already
  }
}

function withTimeout(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new TypeError("the stream timed out")), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
