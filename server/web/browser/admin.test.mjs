// The page of operators in Chromium, on a real server.
import assert from "node:assert/strict";
import { test } from "node:test";

import { file, png } from "./images.mjs";
import { DESK, accessible, browser, card, choose, fake, inState, key, keyed, open, visit } from "./session.mjs";

const admin = async (t, url) => {
  const context = await browser.newContext(DESK);
  t.after(() => context.close());
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  t.after(() => assert.deepEqual(errors, []));
  await page.goto(new URL("admin", url).href);
  return page;
};

test("operators see and steer workers, jobs and keys", { skip: fake && "the fake server has no workers" }, async (t) => {
  const client = await visit(browser, t);
  await choose(client, [file("seen.png", png(60, 40))]);
  await inState(card(client, "seen.png"), "succeeded");
  const page = await admin(t, open);
  const worker = page.locator("#workers tbody tr").first();
  await worker.locator(".state-ready").waitFor();
  await page.locator("#jobs .state-succeeded").first().waitFor();
  await accessible(page, "the page of operators");
  await worker.getByRole("button").click();
  await worker.locator(".state-drained").waitFor();
  await choose(client, [file("waits.png", png(60, 40))]);
  await page.locator("select[name=state]").selectOption("queued");
  const job = page.locator("#jobs tbody tr", { has: page.locator(".state-queued") });
  await job.locator("select").selectOption("high");
  await job.locator("option:checked", { hasText: "high" }).waitFor({ state: "attached" });
  await worker.getByRole("button").click();
  await worker.locator(".state-ready").waitFor();
  await inState(card(client, "waits.png"), "succeeded");
});

test("a client's key is refused", { skip: fake && "the fake server has no workers" }, async (t) => {
  const page = await admin(t, keyed);
  await page.locator("#key").fill(key);
  await page.locator("#sign-in-send").click();
  await page.locator("#admin-error", { hasText: "operator" }).waitFor();
  assert.equal(await page.locator("#workers tr").count(), 0);
});
