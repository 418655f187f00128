// Server-sent events from a fetch response: EventSource cannot send the
// Authorization header, a fetch can.

/** Cuts text into events as it comes (WHATWG HTML, 9.2.6). */
export class EventParser {
  #rest = "";
  #type = "";
  #data = [];

  /** @returns {{type: string, data: string}[]} the events that are complete now */
  push(text) {
    const events = [];
    this.#rest += text;
    // A carriage return at the very end may be half of a CR LF.
    const whole = this.#rest.endsWith("\r") ? this.#rest.length - 1 : this.#rest.length;
    const lines = this.#rest.slice(0, whole).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() + this.#rest.slice(whole);
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
 * The events of a response's body, until it ends. Nothing at all, not even a
 * keep-alive comment, for `silence()` milliseconds is a broken connection.
 */
export async function* events(response, silence) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await within(silence(), reader.read());
      if (done) {
        return;
      }
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {}); // it may be broken already
  }
}

function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new TypeError("the stream went silent")), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
