// Rows and orders of the operators' page.
import assert from "node:assert/strict";
import { test } from "node:test";

import "./english.mjs";
import { jobCells, jobOrders, jobQuery, keyCells, span, workerCells, workerOrder } from "../page/operator.js";

const now = Date.parse("2026-11-29T12:00:00Z");

test("spans", () => {
  assert.deepEqual([-3, 0, 59, 60, 3599, 7200, 200000].map(span), ["0 sec", "0 sec", "59 sec", "1 min", "59 min", "2 hr", "2 days"]);
});

test("workers", () => {
  const worker = {
    name: "gpu1", state: "draining", draining: true, heartbeat: "2026-11-29T11:59:58Z", version: "v1", devices: ["cuda:0 H200"],
    jobs: [{ id: "j", since: "2026-11-29T11:58:00Z" }], succeeded: 3, failed: 0, models: [{ name: "a", installed: true }, { name: "b", installed: false }],
  };
  assert.deepEqual(workerCells(worker, now), ["gpu1", "draining", "2 sec ago", "v1", "cuda:0 H200", "j (2 min)", 3, 0, "a"]);
  assert.equal(workerOrder(worker), "undrain");
  assert.equal(workerOrder({ state: "ready" }), "drain");
  assert.equal(workerOrder({ state: "lost", draining: true }), "");
  assert.equal(workerCells({ ...worker, jobs: null, models: null }, now)[5], "");
});

test("jobs", () => {
  const job = { id: "j", api: "mnml", account: "k", state: "failed", model: "m", worker: "w", created_at: "2026-11-29T11:00:00Z", error: { message: "It broke." } };
  assert.deepEqual(jobCells(job, now), ["j", "mnml", "k", "failed", "m", "w", "1 hr ago", "It broke."]);
  assert.deepEqual(jobOrders(job), { cancel: false, retry: true, priority: false });
  assert.deepEqual(jobOrders({ state: "queued" }), { cancel: true, retry: false, priority: true });
  assert.equal(jobQuery([["state", "failed"], ["key", ""]], "c"), "limit=50&state=failed&before=c");
});

test("keys", () => {
  const key = {
    id: "k", name: "shop", operator: false, disabled: false, credits: null, per_day: 0, per_second: 2.5, concurrent: 0, unfinished: 1,
    expires: "2026-11-29T11:00:00Z", usage: [{ day: "2026-11-28", jobs: 9, credits: 9 }, { day: "2026-11-29", jobs: 2, credits: 4 }],
  };
  assert.deepEqual(keyCells(key, now), ["k", "shop", "expired", "unlimited", "", 2.5, "", 1, "jobs: 2, credits: 4", "2026-11-29"]);
  assert.equal(keyCells({ ...key, expires: null, operator: true }, now)[2], "operator");
  assert.equal(keyCells({ ...key, disabled: true }, now)[2], "disabled");
});
