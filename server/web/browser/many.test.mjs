// The page in Chromium: many images, and two results of one.
import assert from "node:assert/strict";
import { test } from "node:test";

import { file, png } from "./images.mjs";
import { DESK, accessible, action, browser, card, choose, fake, inFirefox, inState, open, screenshot, visit } from "./session.mjs";

const onlyFake = { skip: !fake && "small images are done too soon" };

test("what runs is listed first, with the time of all; all is canceled at once", onlyFake, async (t) => {
  const page = await visit(browser, t);
  await choose(page, [file("done.png", png(60, 40))]);
  await inState(card(page, "done.png"), "succeeded");
  await choose(page, [file("slow one.png", png(60, 40)), file("slow two.png", png(60, 40))]);
  await inState(card(page, "slow one.png"), "running");
  await inState(card(page, "slow two.png"), "running");
  await choose(page, [file("quick.png", png(60, 40))]);
  await inState(card(page, "quick.png"), "succeeded");
  const states = () => page.locator(".card").evaluateAll((all) => all.map((each) => each.dataset.state));
  assert.deepEqual(await states(), ["running", "running", "succeeded", "succeeded"]);
  assert.match(await page.locator("#queue-summary").textContent(), /^2 of 4 done/);
  assert.ok(await page.locator("#total").evaluate((bar) => bar.value > 0 && bar.value < 1));
  await accessible(page, "many");
  await screenshot(page, "desk-light-many");
  await page.locator("#cancel-all").click();
  await inState(card(page, "slow one.png"), "canceled");
  await inState(card(page, "slow two.png"), "canceled");
  await page.locator("#total").waitFor({ state: "hidden" });
});

test("thumbnails are there at once, and the time that all take is estimated", onlyFake, async (t) => {
  const page = await visit(browser, t);
  await choose(page, [1, 2, 3, 4].map((at) => file(`slow ${at}.png`, png(60 * at, 40))));
  await page.waitForFunction(() => [...document.querySelectorAll(".card .thumbnail img")].filter((each) => each.naturalWidth > 0).length === 4);
  assert.equal(await page.locator(".card[data-state=succeeded]").count(), 0);
  await page.waitForFunction(() => /^0 of 4 done · .* left$/.test(document.getElementById("queue-summary").textContent));
  await page.locator("#cancel-all").click();
  await page.waitForFunction(() => document.querySelectorAll(".card[data-state=canceled]").length === 4);
});

test("a dropped folder adds every format that the server reads, and nothing else", async (t) => {
  const page = await visit(browser, t);
  await page.locator("#models-installed .choice").first().waitFor();
  await page.evaluate(() => {
    const aFile = (name) => ({ isFile: true, name, file: (resolve) => resolve(new File(["no image"], name)) });
    const aFolder = (entries) => ({ isDirectory: true, createReader: () => ({ readEntries: (resolve) => resolve(entries.splice(0)) }) });
    const inside = ["a.bmp", "b.tif", "c.jxl", "d.HEIC", "e.avif", "f.jp2", "g.gif", "notes.txt", "film.mp4"].map(aFile);
    DataTransferItem.prototype.webkitGetAsEntry = () => aFolder([...inside, aFolder([aFile("deep.webp")])]);
    const data = new DataTransfer();
    data.items.add(new File(["x"], "folder"));
    document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
  });
  await page.waitForFunction(() => document.querySelectorAll(".card").length >= 8);
  const names = await page.locator(".card .name").allTextContents();
  assert.deepEqual(names.sort(), ["a.bmp", "b.tif", "c.jxl", "d.HEIC", "deep.webp", "e.avif", "f.jp2", "g.gif"]);
});

test("two results of one image are compared", { skip: !fake && "the other server has one model" }, async (t) => {
  const page = await visit(browser, t);
  await choose(page, [file("twice.png", png(120, 90))]);
  await inState(card(page, "twice.png"), "succeeded");
  await page.locator("#models-installed input").nth(1).check({ force: true });
  await action(card(page, "twice.png"), "repeat").click();
  await page.waitForFunction(() => document.querySelectorAll(".card[data-state=succeeded]").length === 2);
  const [second, first] = await page.locator(".card .details").allTextContents();
  assert.match(first, /Photo – fast/);
  assert.match(second, /Photo – detail/);
  await action(page.locator(".card").first(), "compare").click();
  await page.locator("#divider").waitFor();
  await page.locator("#compare-with").selectOption({ index: 1 });
  await page.waitForFunction(() => /fast/.test(document.getElementById("before-tag").textContent));
  await page.waitForFunction(() => document.getElementById("before").naturalWidth === 480);
  assert.match(await page.locator("#after-tag").textContent(), /detail/);
  await page.keyboard.press("1");
  const boxes = await page.evaluate(() => ["before", "after"].map((id) => { const { x, y, width } = document.getElementById(id).getBoundingClientRect(); return [x, y, width]; }));
  assert.deepEqual(boxes[0], boxes[1], "both have the same zoom and position");
  await accessible(page, "two results");
  await screenshot(page, "desk-light-two");
  await page.locator("#compare-with").selectOption({ index: 0 });
  await page.waitForFunction(() => document.getElementById("before-tag").textContent === "Before");
});

test("a size of 0 is an error, and nothing is sent", async (t) => {
  const page = await visit(browser, t);
  await page.locator("label", { has: page.locator("input[value=exact]") }).click();
  await page.locator("#width").fill("0");
  assert.equal(await page.locator("#width").getAttribute("aria-invalid"), "true");
  assert.match(await page.locator("#size-problem").textContent(), /at least 1 pixel/);
  await accessible(page, "wrong size");
  await choose(page, [file("sized.png", png(60, 40))]);
  await inState(card(page, "sized.png"), "rejected");
  await page.locator("#width").fill("90");
  await action(card(page, "sized.png"), "retry").click();
  await inState(card(page, "sized.png"), "succeeded");
});

test("settings are kept as presets", async (t) => {
  const page = await visit(browser, t);
  await page.locator("#models-installed .choice").first().waitFor();
  const size = (value) => page.locator("label", { has: page.locator(`input[value="${value}"]`) }).click();
  const chosen = () => page.evaluate(() => document.getElementById("options").elements.size.value);
  await page.locator(".presets summary").click();
  await size("2");
  const widths = await page.locator("#preset-name, #presets [type=submit]").evaluateAll((all) => all.map((each) => each.clientWidth));
  assert.ok(widths[0] > 1.5 * widths[1], `the name has ${widths[0]} pixels, the button ${widths[1]}`);
  await page.locator("#preset-name").fill("Small");
  await page.keyboard.press("Enter");
  await size("8");
  await page.reload();
  await page.locator("#models-installed .choice").first().waitFor();
  assert.equal(await chosen(), "8");
  await page.locator(".presets summary").click();
  await accessible(page, "presets");
  await page.locator("#preset").selectOption("Small");
  assert.equal(await chosen(), "2");
  await page.locator("#preset-delete").click();
  assert.equal(await page.locator("#preset").isVisible(), false);
});

test("results are saved to a folder", async (t) => {
  const page = await visit(browser, t);
  await page.evaluate(() => { window.showDirectoryPicker = () => navigator.storage.getDirectory(); });
  await choose(page, [file("one.png", png(60, 40)), file("two.png", png(60, 40, 0.5))]);
  await inState(card(page, "one.png"), "succeeded");
  await inState(card(page, "two.png"), "succeeded");
  await page.locator("#save-folder").click();
  await page.waitForFunction(() => /2 images were saved/.test(document.getElementById("queue-summary").textContent));
  const saved = await page.evaluate(async () => {
    const found = [];
    for await (const [name, handle] of await navigator.storage.getDirectory()) {
      found.push([name, (await handle.getFile()).size]);
    }
    return found.sort();
  });
  assert.deepEqual(saved.map(([name]) => name.replace(/-.*-/, "-…-")), ["one-…-240x160.png", "two-…-240x160.png"]);
  const size = (await (await fetch(new URL(`api/v1/jobs/${await card(page, "one.png").getAttribute("data-job")}/result`, open))).arrayBuffer()).byteLength;
  assert.equal(saved[0][1], size);
});

test("a notification says that all is done", onlyFake, async (t) => {
  const page = await visit(browser, t);
  await page.evaluate(() => {
    window.shown = [];
    window.Notification = class { static permission = "granted"; constructor(title, { body }) { window.shown.push(body); } };
    Object.defineProperty(document, "hidden", { get: () => true });
  });
  await choose(page, [file("away.png", png(60, 40))]);
  await inState(card(page, "away.png"), "succeeded");
  await choose(page, [file("broken away.png", png(60, 40)), file("second away.png", png(60, 40))]);
  await page.waitForFunction(() => window.shown.length === 2);
  assert.deepEqual(await page.evaluate(() => window.shown), ["1 image is done.", "1 image is done. 1 image failed"]);
});

test("phones say through the service worker that all is done", onlyFake, async (t) => {
  const page = await visit(browser, t, { ...DESK, serviceWorkers: "allow" });
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    window.shown = [];
    window.Notification = class { static permission = "granted"; constructor() { throw new TypeError("Illegal constructor"); } };
    ServiceWorkerRegistration.prototype.showNotification = async (title, { body }) => { window.shown.push(body); };
    Object.defineProperty(document, "hidden", { get: () => true });
  });
  await choose(page, [file("phone.png", png(60, 40))]);
  await page.waitForFunction(() => window.shown[0] === "1 image is done.");
});

test("the page can be installed", { skip: inFirefox && "only Chromium reports it" }, async (t) => {
  const page = await visit(browser, t);
  const chrome = await page.context().newCDPSession(page);
  const { data, errors } = await chrome.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  assert.equal(JSON.parse(data).display, "standalone");
});
