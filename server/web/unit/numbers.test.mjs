// Sizes, remaining time, zoom and pan.
import assert from "node:assert/strict";
import { test } from "node:test";

import "./english.mjs";
import { Eta, remainingText } from "../page/eta.js";
import { bytes, duration, megapixels, resultSize } from "../page/sizes.js";
import { bounded, fitScale, fitted, panned, step, transform, zoomed } from "../page/viewport.js";

test("the result has the engine's size", () => {
  const cases = [
    [{}, 4, 1280, 720], [{ scale: 2 }, 4, 640, 360], [{ scale: 0.001 }, 4, 1, 1], [{ longest: 1000 }, 4, 1000, 563],
    [{ width: 500 }, 4, 500, 281], [{ height: 90 }, 4, 160, 90], [{ width: 10, height: 20 }, 4, 10, 20], [{ fit: "100x1000" }, 4, 100, 56],
  ];
  for (const [options, modelScale, width, height] of cases) {
    assert.deepEqual(resultSize(320, 180, options, modelScale), { width, height }, JSON.stringify(options));
  }
});

test("numbers as text", () => {
  assert.deepEqual([0, 999, 1000, 9949, 9950, 999499, 999500, 2.5e9].map(bytes).map((s) => s.replace("\u00a0", " ")),
    ["0 byte", "999 byte", "1.0 kB", "9.9 kB", "10 kB", "999 kB", "1.0 MB", "2.5 GB"]);
  assert.deepEqual([0.01, 3, 3.14, 12.4, 89, 150, 3600, 4800].map(duration).map((s) => s.replaceAll("\u00a0", " ")),
    ["0.1 sec", "3 sec", "3.1 sec", "12 sec", "89 sec", "3 min", "1 hr", "1 hr 20 min"]);
  assert.deepEqual([300000, 1e8, 1.25e6].map(megapixels), ["0.3 megapixels", "100 megapixels", "1.3 megapixels"]);
});

test("a steady rate gives the remaining time", () => {
  const eta = new Eta();
  assert.equal(eta.remaining(0), null);
  for (let second = 0; second <= 10; second++) {
    eta.observe(second, second / 40);
  }
  assert.ok(Math.abs(eta.remaining(10) - 30) < 0.01, `${eta.remaining(10)}`);
  assert.ok(Math.abs(eta.remaining(15) - 25) < 0.01, "time passes without updates");
});

test("recent rates have more weight", () => {
  const eta = new Eta();
  for (let second = 0; second <= 20; second++) {
    eta.observe(second, 0.01 * second);
  }
  for (let second = 21; second <= 60; second++) {
    eta.observe(second, 0.2 + 0.002 * (second - 20));
  }
  const slow = (1 - 0.28) / 0.002;
  assert.ok(Math.abs(eta.remaining(60) - slow) < slow / 5, `${eta.remaining(60)} against ${slow}`);
});

test("the estimate is used until there is a rate; a new worker starts over", () => {
  const eta = new Eta(50);
  eta.observe(100, 0.01);
  assert.equal(eta.remaining(110), 40);
  eta.observe(120, 0.5);
  assert.ok(eta.remaining(120) < 25);
  eta.observe(121, 0);
  assert.equal(eta.remaining(121), 50);
  assert.equal(new Eta(null).remaining(3), null);
});

test("remaining time as text", () => {
  assert.deepEqual([null, 0.3, 7.4, 31, 200, 7500].map(remainingText), ["", "1 sec left", "7 sec left", "35 sec left", "3 min left", "2 hr 5 min left"]);
});

const stage = { width: 1000, height: 600 };

test("the whole result fits, at most at 1:1", () => {
  assert.equal(fitScale(stage, { width: 4000, height: 600 }), 0.25);
  assert.equal(fitScale(stage, { width: 100, height: 100 }), 1);
  assert.deepEqual(fitted(stage, { width: 2000, height: 1000 }), { scale: 0.5, x: 0, y: 50 });
});

test("1:1 is one result pixel per device pixel, on whole pixels", () => {
  const result = { width: 12345, height: 8765 };
  for (const ratio of [1, 1.25, 1.5, 2, 3]) {
    const view = zoomed(fitted(stage, result), 1, { x: 321.7, y: 99.3 }, stage, result);
    assert.equal(view.scale, 1);
    assert.ok(Number.isInteger(view.x) && Number.isInteger(view.y));
    const [, x, y, scale] = /translate\((.+)px, (.+)px\) scale\((.+)\)/.exec(transform(view, ratio)).map(Number);
    assert.ok(Math.abs(scale * result.width * ratio - result.width) < 1e-6);
    assert.ok(Math.abs(x * ratio - view.x) < 1e-6 && Math.abs(y * ratio - view.y) < 1e-6);
  }
});

test("zooming keeps the point under the pointer", () => {
  const result = { width: 8000, height: 6000 };
  let view = zoomed(fitted(stage, result), 1, { x: 500, y: 300 }, stage, result);
  const at = { x: 400, y: 250 };
  const before = { x: (at.x - view.x) / view.scale, y: (at.y - view.y) / view.scale };
  view = zoomed(view, 2.7, at, stage, result);
  assert.ok(Math.abs((at.x - view.x) / view.scale - before.x) < 1 && Math.abs((at.y - view.y) / view.scale - before.y) < 1);
  assert.equal(zoomed(view, 1e9, at, stage, result).scale, 16);
  assert.equal(zoomed(view, 0, at, stage, result).scale, fitScale(stage, result));
});

test("the result stays on the stage", () => {
  const result = { width: 3000, height: 400 };
  const view = { scale: 1, x: -500, y: 100 };
  assert.deepEqual(panned(view, 9999, 9999, stage, result), { scale: 1, x: 0, y: 100 });
  assert.deepEqual(panned(view, -9999, 0, stage, result), { scale: 1, x: -2000, y: 100 });
  assert.deepEqual(bounded({ scale: 0.1, x: 5, y: 5 }, stage, result), { scale: 0.1, x: 350, y: 280 });
});

test("zoom steps include 1:1", () => {
  let scale = 0.13;
  const seen = [];
  while (scale < 3) {
    scale = step(scale, 1);
    seen.push(scale);
  }
  assert.ok(seen.includes(1));
  assert.equal(step(1, -1), 2 ** -0.5);
  assert.equal(step(step(1, 1), -1), 1);
});
