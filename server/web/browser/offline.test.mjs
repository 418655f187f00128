// The page while the server is away, and after an upgrade.
import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { test } from "node:test";

import { file, png } from "./images.mjs";
import { DESK, accessible, action, browser, card, choose, inState, open, screenshot, until, visit } from "./session.mjs";

/** A server in front of the other one that can be stopped, and upgraded: then its title and its worker differ. */
async function front(t) {
  const state = { upgraded: false, away: false, calls: [] };
  const server = createServer((incoming, outgoing) => {
    state.calls.push(incoming.url);
    if (state.away) {
      incoming.socket.destroy();
      return;
    }
    const target = new URL(incoming.url, open);
    const { "if-none-match": _, ...headers } = incoming.headers;
    const sent = request(target, { method: incoming.method, headers: { ...headers, host: target.host } }, async (answer) => {
      const marked = ["/", "/service-worker.js"].includes(incoming.url);
      if (!state.upgraded || !marked) {
        outgoing.writeHead(answer.statusCode, answer.headers);
        answer.pipe(outgoing);
        return;
      }
      const text = Buffer.concat(await answer.toArray()).toString().replace("<title", '<meta name="upgraded"><title').replace(/VERSION = "./, 'VERSION = "x');
      const { "content-length": _length, etag: _etag, ...rest } = answer.headers;
      outgoing.writeHead(answer.statusCode, rest);
      outgoing.end(text);
    });
    sent.on("error", () => incoming.socket.destroy());
    outgoing.on("close", () => sent.destroy()); // ends streams, too
    incoming.pipe(sent);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const away = (is) => {
    state.away = is;
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, state, away };
}

const ready = (page) => page.evaluate(async () => { await navigator.serviceWorker.ready; });
const caches = (page) => page.evaluate(() => window.caches.keys());

test("while the server is away the page opens and shows what the browser kept", async (t) => {
  const { url, away } = await front(t);
  const page = await visit(browser, t, { ...DESK, url, serviceWorkers: "allow" });
  await ready(page);
  await choose(page, [file("kept.png", png(60, 40)), file("unseen.png", png(40, 60))]);
  await inState(card(page, "kept.png"), "succeeded");
  await inState(card(page, "unseen.png"), "succeeded");
  await action(card(page, "kept.png"), "compare").click();
  await page.locator("#after").waitFor();
  await until(page, () => new Promise((resolve) => {
    const opening = indexedDB.open("upscaled");
    opening.onsuccess = () => {
      const counting = opening.result.transaction("results").objectStore("results").count();
      counting.onsuccess = () => {
        opening.result.close();
        resolve(counting.result === 1);
      };
    };
  }));
  away(true);
  await page.reload();
  await page.locator("#connection").waitFor();
  await inState(card(page, "kept.png"), "succeeded");
  assert.equal(await page.locator(".card").count(), 1);
  assert.match(await card(page, "kept.png").locator(".state").textContent(), /kept by this browser/);
  assert.equal(await action(card(page, "kept.png"), "download").isVisible(), false);
  await accessible(page, "away");
  await screenshot(page, "desk-light-away");
  await action(card(page, "kept.png"), "compare").click();
  await page.waitForFunction(() => document.getElementById("after").naturalWidth === 240 && document.getElementById("before").naturalWidth === 60);
  await page.keyboard.press("Escape");
  await choose(page, [file("waiting.png", png(60, 40))]);
  assert.match(await card(page, "waiting.png").locator(".state").textContent(), /[Ss]en[dt]/);
  away(false);
  await page.locator("#connection").waitFor({ state: "hidden", timeout: 30000 });
  await inState(card(page, "waiting.png"), "succeeded");
  await action(card(page, "kept.png"), "download").waitFor();
  await card(page, "unseen.png").waitFor();
});

/** Reloads the page, which is new at once unless the server takes as long as if it were away. */
async function reloadFresh(page, isNew) {
  for (let fresh = false; !fresh;) {
    const begun = Date.now();
    await page.reload();
    fresh = Boolean(await isNew());
    assert.ok(fresh || Date.now() - begun > 900, "an old page was shown though the server responds");
  }
}

test("after an upgrade nothing old is shown, and calls of the API are never kept", async (t) => {
  const { url, state, away } = await front(t);
  const page = await visit(browser, t, { ...DESK, url, serviceWorkers: "allow" });
  await ready(page);
  const upgraded = () => page.locator('meta[name="upgraded"]').count();
  await page.reload();
  assert.equal(await upgraded(), 0);
  const [before] = await caches(page);
  state.upgraded = true;
  await reloadFresh(page, upgraded);
  await until(page, async (old) => { const now = await window.caches.keys(); return now.length === 1 && now[0] !== old; }, before);
  away(true);
  await page.reload();
  await page.locator("#connection").waitFor();
  assert.equal(await upgraded(), 1);
  const urls = await page.evaluate(async () => {
    const cache = await window.caches.open((await window.caches.keys())[0]);
    return (await cache.keys()).map((each) => each.url);
  });
  assert.ok(urls.length > 40 && !urls.some((each) => /\/api\/|\/v1\/|admin/.test(each)), urls.join(" "));
  away(false);
  state.upgraded = false;
  await reloadFresh(page, async () => !await upgraded());
});
