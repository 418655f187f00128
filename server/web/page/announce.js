// What screen readers are told. Progress is not: it is there to be read. Changes
// of state are gathered for a moment, so that ten pictures are one sentence.

const GATHER = 900; // milliseconds

let region = null;
let pending = [];
let timer = 0;

export function announceIn(node) {
  region = node;
}

/** A sentence, told soon; many at once are cut to the latest three. */
export function announce(sentence) {
  if (pending.at(-1) === sentence) {
    return;
  }
  pending.push(sentence);
  if (!timer) {
    timer = setTimeout(flush, GATHER);
  }
}

function flush() {
  timer = 0;
  const more = pending.length - 3;
  region.textContent = (more > 0 ? `${more} more changes. ` : "") + pending.slice(-3).join(" ");
  pending = [];
}
