// The page in Chromium: canceling, failures, reloads, API keys and the keyboard.
import assert from "node:assert/strict";
import { test } from "node:test";

import { file, png } from "./images.mjs";
import { DESK, PATIENCE, accessible, action, browser, card, choose, keyed, inState, key, open, fake, screenshot, visit } from "./session.mjs";

const banner = (page) => page.locator("#connection");

test("a running image is canceled and removed", async (t) => {
  const page = await visit(browser, t);
  await choose(page, [file("slow.png", png(1600, 1200))]);
  const slow = card(page, "slow.png");
  await inState(slow, "running");
  await action(slow, "cancel").click();
  await inState(slow, "canceled");
  assert.equal(await slow.locator(".state").textContent(), "Canceled");
  await action(slow, "remove").click();
  await page.locator("#queue").waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.id), "choose");
  await page.reload();
  await page.locator("#models-installed .choice").first().waitFor();
  assert.equal(await page.locator(".card").count(), 0, "a removed image is back");
});

if (fake) {
  test("faces are shown before and after, and restored one by one", async (t) => {
    const page = await visit(browser, t);
    await page.evaluate(() => { document.querySelectorAll("details").forEach((each) => { each.open = true; }); });
    await page.locator("#faces").check();
    await choose(page, [file("pair.png", png(200, 100))]);
    const pair = card(page, "pair.png");
    await inState(pair, "succeeded");
    assert.match(await pair.locator(".state").textContent(), /2 of 2 faces/);
    await pair.locator(".faces > summary").click();
    const drawn = () => pair.locator(".faces canvas").evaluateAll((all) =>
      all.map((each) => each.getContext("2d").getImageData(72, 72, 1, 1).data[3]));
    await page.waitForFunction((id) => [...document.querySelectorAll(`[data-job="${id}"] .faces canvas`)]
      .every((each) => each.getContext("2d").getImageData(72, 72, 1, 1).data[3] === 255), await pair.getAttribute("data-job"));
    assert.equal((await drawn()).length, 4);
    const again = pair.locator(".faces > button");
    assert.equal(await again.isVisible(), false, "nothing was chosen yet");
    await pair.locator(".faces input").nth(1).uncheck();
    await screenshot(page, "faces");
    await accessible(page);
    await again.click();
    await page.waitForFunction(() => [...document.querySelectorAll(".card .state")].some((each) => /1 of 2 faces/.test(each.textContent)));
  });
}

test("a deleted result is gone, here and on the server", async (t) => {
  const page = await visit(browser, t);
  await choose(page, [file("kept.png", png(60, 40)), file("deleted.png", png(60, 40, 0.5))]);
  const deleted = card(page, "deleted.png");
  await inState(deleted, "succeeded");
  await inState(card(page, "kept.png"), "succeeded");
  const id = await deleted.getAttribute("data-job");
  const status = async (path) => {
    const answer = await fetch(new URL(`api/v1/jobs/${id}${path}`, open));
    await answer.arrayBuffer(); // a body that is not read keeps Node.js from exiting for up to a minute
    return answer.status;
  };
  await action(deleted, "remove").click();
  await page.locator("#confirm").waitFor();
  assert.match(await page.locator("#confirm-title").textContent(), /deleted\.png/);
  await accessible(page, "confirmation");
  await page.keyboard.press("Escape");
  assert.equal(await status("/result"), 200, "it is deleted without a confirmation");
  await action(deleted, "remove").click();
  await page.locator("#confirm-yes").click();
  await deleted.waitFor({ state: "detached" });
  assert.deepEqual([await status(""), await status("/result")], [404, 404]);
  await page.reload();
  await card(page, "kept.png").waitFor();
  assert.equal(await page.locator(".card").count(), 1);
  await page.locator("#clear").click();
  await page.locator("#confirm-yes").click();
  await page.locator("#queue").waitFor({ state: "hidden" });
});

test("each browser sees its own images only", async (t) => {
  const one = await visit(browser, t);
  await choose(one, [file("mine.png", png(60, 40))]);
  await inState(card(one, "mine.png"), "succeeded");
  const two = await visit(browser, t);
  await two.locator("#models-installed .choice").first().waitFor();
  assert.equal(await two.locator(".card").count(), 0);
  await one.reload();
  await card(one, "mine.png").waitFor();
});

test("failures are shown, counted and grouped; hopeless ones offer no retry", async (t) => {
  const page = await visit(browser, t);
  const { limits } = await (await fetch(new URL("api/v1/system", open))).json();
  await choose(page, [file("text.png", Buffer.from("not an image"))]);
  await page.evaluate((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes + 1)], "large.png", { type: "image/png" }));
    document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
  }, limits.max_bytes);
  await inState(card(page, "text.png"), "rejected");
  assert.match(await card(page, "text.png").locator(".wrong").textContent(), /JPEG, PNG, WebP/);
  await inState(card(page, "large.png"), "rejected");
  assert.match(await card(page, "large.png").locator(".wrong").textContent(), /accepts at most/);
  for (const name of ["text.png", "large.png"]) {
    assert.equal(await action(card(page, name), "retry").isVisible(), false, `${name} will never be one`);
  }
  await choose(page, [file("words.png", Buffer.from("not an image either"))]);
  await inState(card(page, "words.png"), "rejected");
  assert.equal(await page.locator("#failures-count").textContent(), "3 images failed");
  assert.match(await page.locator("#queue-summary").textContent(), /3 failed/);
  await page.locator("#failures-count").click();
  assert.equal(await page.locator("#failures-list li").count(), 2);
  assert.match(await page.locator("#failures-list li").first().textContent(), /^2 × .*words\.png, text\.png/);
  await accessible(page, "failures");
});

test("a failed job shows its error", { skip: !fake && "a real server has no reason to fail" }, async (t) => {
  const page = await visit(browser, t);
  await choose(page, [file("broken.png", png(40, 30))]);
  await inState(card(page, "broken.png"), "failed");
  assert.match(await card(page, "broken.png").locator(".wrong").textContent(), /memory.*Try a smaller size/);
  await action(card(page, "broken.png"), "retry").click();
  await page.waitForFunction(() => document.querySelectorAll(".card").length === 1);
  await inState(card(page, "broken.png"), "failed");
});

test("jobs are there after a reload, each with its original", async (t) => {
  const page = await visit(browser, t);
  const original = file("again.png", png(200, 150, 0.6));
  await choose(page, [original]);
  await inState(card(page, "again.png"), "succeeded");
  const kept = () => page.evaluate(() => new Promise((resolve) => {
    indexedDB.open("upscaled").onsuccess = ({ target: { result } }) => {
      result.transaction("originals").objectStore("originals").count().onsuccess = (event) => resolve(event.target.result);
    };
  }));
  await page.waitForFunction(async () => (await indexedDB.databases()).length > 0);
  while (await kept() === 0) {
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  await page.reload();
  await inState(card(page, "again.png"), "succeeded");
  await card(page, "again.png").locator(".thumbnail img").waitFor();
  assert.equal(await action(card(page, "again.png"), "repeat").isVisible(), false);
  await action(card(page, "again.png"), "compare").click();
  await page.locator("#after").waitFor();
  await page.locator("#divider").waitFor();
  assert.deepEqual(await page.locator("#before").evaluate((image) => [image.naturalWidth, image.naturalHeight]), [200, 150]);
  await page.keyboard.press("Escape");
  await page.evaluate(() => new Promise((resolve) => {
    indexedDB.open("upscaled").onsuccess = ({ target: { result } }) => {
      result.transaction("originals", "readwrite").objectStore("originals").clear().onsuccess = resolve;
    };
  }));
  await page.reload();
  await action(card(page, "again.png"), "compare").click();
  await page.locator("#after").waitFor();
  assert.equal(await page.locator("#divider").isVisible(), false);
  await accessible(page, "comparison without an original");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.locator("#choose-original").click()]);
  await chooser.setFiles(original);
  await page.locator("#divider").waitFor();
});

test("a running job continues after a reload", { skip: !fake && "small images are done too soon" }, async (t) => {
  const page = await visit(browser, t);
  await choose(page, [file("slow going.png", png(60, 40))]);
  await inState(card(page, "slow going.png"), "running");
  await page.reload();
  await inState(card(page, "slow going.png"), "running");
  const value = () => card(page, "slow going.png").locator(".bar").evaluate((bar) => bar.value);
  const then = await value();
  await page.waitForFunction((earlier) => document.querySelector(".card .bar").value > earlier, then);
  await action(card(page, "slow going.png"), "cancel").click();
  await inState(card(page, "slow going.png"), "canceled");
});

test("without streams, jobs are polled", async (t) => {
  const page = await visit(browser, t);
  await page.route("**/api/v1/events*", (route) => route.fulfill({ status: 500, body: "no streams here" }));
  await choose(page, [file("asked.png", png(120, 90))]);
  await inState(card(page, "asked.png"), "succeeded");
});

test("a lost connection is shown, and work continues after it", async (t) => {
  const page = await visit(browser, t);
  await page.context().setOffline(true);
  await choose(page, [file("later.png", png(120, 90))]);
  await banner(page).waitFor();
  await accessible(page, "without a network");
  await screenshot(page, "desk-light-offline");
  assert.match(await card(page, "later.png").locator(".state").textContent(), /when the server can be reached/);
  const undrawn = () => page.locator(".icon use").evaluateAll((all) => all.filter((use) => use.getBBox().width === 0 && use.checkVisibility()).map((use) => use.href.baseVal));
  assert.deepEqual(await undrawn(), []);
  await page.context().setOffline(false);
  await inState(card(page, "later.png"), "succeeded");
  await banner(page).waitFor({ state: "hidden" });
});

test("URLs are sent to the server", async (t) => {
  const page = await visit(browser, t);
  await page.locator("#url").fill("https://example.invalid/images/cat%20one.png");
  await page.keyboard.press("Enter");
  await inState(card(page, "cat one.png"), "rejected");
  assert.ok((await card(page, "cat one.png").locator(".wrong").textContent()).length > 20);
});

test("a job that is listed before its upload is answered is shown once", async (t) => {
  const page = await visit(browser, t);
  const cats = page.locator(".card", { has: page.locator(".name", { hasText: /^twin.png$/ }) });
  const job = { id: "twin", name: "twin.png", options: {}, created_at: new Date().toISOString(), progress: 0 };
  const respond = (route, body) => route.fulfill({ contentType: "application/json", body: JSON.stringify(body) });
  let sent = false;
  await page.route(/\/api\/v1\/jobs(\?|$)/, async (route) => {
    if (route.request().method() === "POST") {
      sent = true;
      await cats.nth(1).waitFor();
      return respond(route, { ...job, state: "queued" });
    }
    const failed = { ...job, state: "failed", error: { kind: "invalid", detail: "This is no image." } };
    return respond(route, { jobs: sent ? [failed] : [], next: null });
  });
  await page.locator("#url").fill("https://example.invalid/twin.png");
  await page.keyboard.press("Enter");
  await cats.first().waitFor();
  const answered = page.waitForResponse((response) => response.request().method() === "POST");
  await page.evaluate(() => document.getElementById("earlier").click());
  await answered;
  await cats.nth(1).waitFor({ state: "detached" });
  await inState(card(page, "twin.png"), "failed");
});

test("everything works with the keyboard alone", async (t) => {
  const page = await visit(browser, t);
  await page.locator("#models-installed .choice").first().waitFor();
  const focused = () => page.evaluate(() => document.activeElement.dataset.action ?? document.activeElement.id);
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 60; presses++) {
      if ((await focused()) === wanted) {
        return;
      }
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab does not reach ${wanted}`);
  };
  await tabTo("choose");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
  await chooser.setFiles(file("keys.png", png(160, 120)));
  await inState(card(page, "keys.png"), "succeeded");
  await page.waitForFunction(() => /keys\.png: Done/.test(document.getElementById("announcements").textContent));
  await tabTo("compare");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "divider");
  await page.locator("#after").waitFor();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator("#divider").getAttribute("aria-valuetext"), "52% before, 48% after");
  await page.keyboard.press("1");
  assert.equal(await page.locator("#zoom-true").getAttribute("aria-pressed"), "true");
  await page.keyboard.press("+");
  assert.equal(await page.locator("#zoom-value").textContent(), "141%");
  await page.keyboard.press("-");
  await page.keyboard.press("0");
  assert.equal(await page.locator("#zoom-fit").getAttribute("aria-pressed"), "true");
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("#compare")), "the focus left the dialog");
  }
  await page.keyboard.press("Escape");
  assert.equal(await focused(), "compare", "the focus is back where it was");
  await tabTo("remove");
  await page.keyboard.press("Enter");
  await tabTo("confirm-yes");
  await page.keyboard.press("Enter");
  await page.locator("#queue").waitFor({ state: "hidden" });
  assert.equal(await focused(), "choose");
});

test("the theme can be chosen and is kept", async (t) => {
  const page = await visit(browser, t, { ...DESK, colorScheme: "light" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.locator("#theme").click();
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  await page.locator("#models-installed .choice").first().waitFor();
  assert.equal(await background(), dark);
  await page.locator("#theme").click();
  assert.equal(await background(), light);
});

test("a server with keys asks for one", { skip: !keyed && "there is no server with keys" }, async (t) => {
  const page = await visit(browser, t, { ...DESK, url: keyed });
  await page.locator("#sign-in").waitFor();
  await accessible(page, "sign in");
  await page.locator("#key").fill("not the key");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /not accept/.test(document.getElementById("sign-in-error").textContent));
  await accessible(page, "wrong key");
  await screenshot(page, "desk-light-key");
  assert.equal(await page.evaluate(() => document.activeElement.id), "key");
  await page.locator("#key").fill(key);
  await page.keyboard.press("Enter");
  await page.locator("#sign-in").waitFor({ state: "hidden" });
  await page.locator("#sign-out").waitFor();
  await choose(page, [file("mine.png", png(80, 60))]);
  await inState(card(page, "mine.png"), "succeeded");
  const kept = () => page.evaluate(() => [sessionStorage.getItem("upscaled.key"), localStorage.getItem("upscaled.key")]);
  assert.deepEqual(await kept(), [key, null]);
  await page.reload();
  await inState(card(page, "mine.png"), "succeeded", PATIENCE);
  await page.locator("#sign-out").click();
  await page.locator("#sign-in").waitFor();
  assert.equal(await page.locator(".card").count(), 0);
  await page.locator("#key").fill(key);
  await page.locator("#remember").check();
  await page.locator("#sign-in-send").click();
  await page.locator("#sign-in").waitFor({ state: "hidden" });
  assert.deepEqual(await kept(), [null, key]);
});

test("an image waits for the sign-in", { skip: !keyed && "there is no server with keys" }, async (t) => {
  const page = await visit(browser, t, { ...DESK, url: keyed });
  await page.locator("#key").fill(key);
  await page.keyboard.press("Enter");
  await page.locator("#sign-out").waitFor();
  const refusal = { status: 401, contentType: "application/problem+json", body: JSON.stringify({ kind: "unauthorized", detail: "A valid API key is needed." }) };
  await page.route("**/api/v1/jobs", (route) => route.request().method() === "POST" ? route.fulfill(refusal) : route.continue());
  await choose(page, [file("patient.png", png(80, 60))]);
  await page.locator("#sign-in").waitFor();
  assert.match(await card(page, "patient.png").locator(".state").textContent(), /signed in/);
  await page.unroute("**/api/v1/jobs");
  await page.locator("#key").fill(key);
  await page.keyboard.press("Enter");
  await inState(card(page, "patient.png"), "succeeded");
});
