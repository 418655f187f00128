// The rectangle of an image that is previewed.
import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_SIDE, around, dragged, moved } from "../page/region.js";

const image = { width: 1000, height: 800 };

test("a click takes the detail around it, inside the image", () => {
  assert.deepEqual(around({ x: 500, y: 400 }, image), { x: 436, y: 336, width: 128, height: 128 });
  assert.deepEqual(around({ x: 0, y: 799 }, image), { x: 0, y: 672, width: 128, height: 128 });
  assert.deepEqual(around({ x: 20, y: 5 }, { width: 40, height: 10 }), { x: 0, y: 0, width: 40, height: 10 });
  assert.deepEqual(dragged({ x: 500, y: 400 }, { x: 503, y: 398 }, image), around({ x: 500, y: 400 }, image));
});

test("a drag takes what it covers in any direction, within limits", () => {
  assert.deepEqual(dragged({ x: 100, y: 100 }, { x: 180, y: 160 }, image), { x: 100, y: 100, width: 80, height: 60 });
  assert.deepEqual(dragged({ x: 180, y: 160 }, { x: 100, y: 100 }, image), { x: 100, y: 100, width: 80, height: 60 });
  const large = dragged({ x: 900, y: 700 }, { x: 100, y: 100 }, image);
  assert.deepEqual(large, { x: 900 - MAX_SIDE, y: 700 - MAX_SIDE, width: MAX_SIDE, height: MAX_SIDE });
  assert.deepEqual(dragged({ x: 10, y: 10 }, { x: 50, y: 11 }, image), { x: 10, y: 10, width: 40, height: 16 });
});

test("the detail stays in the image when it is moved", () => {
  const start = { x: 16, y: 600, width: 128, height: 128 };
  assert.deepEqual(moved(start, -32, 16, image), { x: 0, y: 616, width: 128, height: 128 });
  assert.deepEqual(moved(start, 0, 500, image), { x: 16, y: 672, width: 128, height: 128 });
});
