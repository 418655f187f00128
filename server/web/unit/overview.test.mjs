// The line above the list, names of models, and wrong sizes.
import assert from "node:assert/strict";
import { test } from "node:test";

import "./english.mjs";
import { isChoice, modelTitle } from "../page/models.js";
import { DEFAULTS, sizeProblem } from "../page/options.js";
import { countsText, groupFailures, ordered } from "../page/overview.js";

const item = (name, state, detail = "") => ({
  name, state, final: !["waiting", "queued", "running"].includes(state), succeeded: state === "succeeded", error: detail ? { kind: "invalid", detail } : null,
});
const all = [item("a", "queued"), item("b", "running"), item("c", "succeeded"), item("d", "failed", "Broken."), item("e", "rejected", "Too large."), item("f", "failed", "Broken.")];

test("what runs is first, then what waits, and both in their order", () => {
  assert.deepEqual(ordered(all).map(({ name }) => name), ["b", "a", "c", "d", "e", "f"]);
});

test("failures are counted and grouped by their reason", () => {
  assert.deepEqual(groupFailures(all).map(({ text, members }) => [text, members.map(({ name }) => name)]), [["Broken.", ["d", "f"]], ["Too large.", ["e"]]]);
  assert.equal(countsText(all, "2 min left"), "1 of 6 done · 3 failed · 2 min left");
  assert.equal(countsText([all[2]], "2 min left"), "1 done");
});

test("sizes that are none", () => {
  const fieldOf = (values) => sizeProblem({ ...DEFAULTS, ...values })?.field;
  const cases = [
    [{}, undefined], [{ size: "longest", longest: "0" }, "longest"], [{ size: "longest", longest: "1" }, undefined],
    [{ size: "exact" }, "width"], [{ size: "exact", width: "0" }, "width"], [{ size: "exact", width: "5", height: "-1" }, "height"],
    [{ size: "exact", height: "5" }, undefined], [{ width: "0" }, undefined],
  ];
  for (const [values, field] of cases) {
    assert.equal(fieldOf(values), field, JSON.stringify(values));
  }
});

test("models have names for people; parts of others are no choice", () => {
  assert.equal(modelTitle("realesrgan-x4plus"), "Photo – detail");
  assert.equal(modelTitle("my-own"), "my-own");
  assert.equal(isChoice({ name: "my-own" }), true);
  assert.equal(isChoice({ name: "realesrgan-x2plus", variant_of: "realesrgan-x4plus" }), false);
  assert.equal(isChoice({ name: "gfpgan-1.4", faces: true }), false);
});
