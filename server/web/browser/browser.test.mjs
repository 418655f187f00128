// The page in Chromium: upscaling, comparing and downloading images.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { file, png } from "./images.mjs";
import { DESK, PATIENCE, PHONE, TABLET, accessible, action, browser, card, choose, drop, inState, open, fake, screenshot, visit } from "./session.mjs";

const resultOf = async (id) => Buffer.from(await (await fetch(new URL(`api/v1/jobs/${id}/result`, open))).arrayBuffer());

/** Clicks a button and returns the download. */
async function downloaded(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

for (const [device, options] of Object.entries({ phone: PHONE, tablet: TABLET, desk: DESK })) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every state is accessible on a ${device}, ${colorScheme}`, async (t) => {
      const page = await visit(browser, t, { ...options, colorScheme });
      const look = async (state) => {
        await accessible(page, `${state}, ${device}, ${colorScheme}`);
        await screenshot(page, `${device}-${colorScheme}-${state}`);
      };
      await page.locator("#models-installed .choice").first().waitFor({ state: "attached" });
      await look("empty");
      await page.evaluate(() => { // many models must not push the way in off the screen
        const list = document.getElementById("models-installed");
        window.more = Array.from({ length: 12 }, () => list.firstChild.cloneNode(true));
        window.more.forEach((each) => each.querySelector("input").removeAttribute("name"));
        list.append(...window.more);
      });
      const way = await page.locator("#choose").boundingBox();
      assert.ok(way.y + way.height <= options.viewport.height, `the way in is at ${way.y}`);
      await page.evaluate(() => window.more.forEach((each) => each.remove()));
      const dragged = await page.evaluateHandle(() => {
        const data = new DataTransfer();
        data.items.add(new File(["x"], "x.png", { type: "image/png" }));
        return data;
      });
      await page.dispatchEvent("body", "dragenter", { dataTransfer: dragged });
      const { width, height } = await page.locator("#veil").boundingBox();
      assert.deepEqual([width, height], Object.values(options.viewport), "the overlay covers all");
      await look("drop");
      await page.dispatchEvent("body", "dragleave", { dataTransfer: dragged });
      const scrolling = await page.locator("#settings").evaluate((panel) => panel.scrollHeight > panel.clientHeight + 2);
      assert.equal(scrolling, false, "the settings scroll inside themselves");
      await choose(page, [file("lake.png", png(320, 240, 1)), file("hill.png", png(240, 320, 0.4))]);
      // It may be done already on a busy machine.
      await page.locator(":is([data-state=running],[data-state=succeeded])").first().waitFor();
      await look("running");
      await inState(card(page, "lake.png"), "succeeded");
      await inState(card(page, "hill.png"), "succeeded");
      await look("done");
      await action(card(page, "lake.png"), "compare").click();
      await page.locator("#after").waitFor();
      await look("compare");
      await page.keyboard.press("Escape");
      await choose(page, [file("notes.png", Buffer.from("not an image"))]);
      await inState(card(page, "notes.png"), "rejected");
      await look("error");
      await page.evaluate(() => { document.querySelectorAll("details").forEach((each) => { each.open = true; }); });
      if (await page.locator("#faces").isEnabled()) {
        await page.locator("#faces").check();
      }
      await look("settings");
    });
  }
}

test("two dropped images make progress and are downloaded", async (t) => {
  const page = await visit(browser, t);
  const [width, height] = fake ? [480, 360] : [1200, 900]; // several tiles, so that progress is reported
  await drop(page, [file("first.png", png(width, height, 0.2)), file("second.png", png(360, 480, 0.9))]);
  const first = card(page, "first.png");
  const seen = new Set();
  const deadline = Date.now() + PATIENCE;
  for (let state = ""; state !== "succeeded" && Date.now() < deadline;) {
    let progress;
    [state, progress] = await first.evaluate((node) => [node.dataset.state, node.querySelector(".bar").value]);
    if (state === "running") {
      seen.add(progress);
    }
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  await inState(first, "succeeded");
  assert.ok(seen.size >= 3, `progress did not move: ${[...seen]}`);
  assert.deepEqual([...seen], [...seen].sort((a, b) => a - b), "progress went back");
  await inState(card(page, "second.png"), "succeeded");
  await page.waitForFunction(() => document.title === "upscaled");

  for (const name of ["first.png", "second.png"]) {
    const saved = await downloaded(page, action(card(page, name), "download"));
    const made = await resultOf(await card(page, name).getAttribute("data-job"));
    assert.ok(saved.bytes.equals(made), `${name}: ${saved.bytes.length} bytes saved, ${made.length} made`);
    assert.equal(saved.name, name === "first.png" ? `first-realesr-general-x4v3-${4 * width}x${4 * height}.png` : "second-realesr-general-x4v3-1440x1920.png");
  }
  const all = await downloaded(page, page.locator("#download-all"));
  assert.equal(all.name, "upscaled-2-images.zip");
  for (const name of ["first.png", "second.png"]) {
    assert.ok(all.bytes.includes(await resultOf(await card(page, name).getAttribute("data-job"))), `${name} is not in the ZIP`);
  }
  await page.waitForFunction(() => /downloaded/.test(document.getElementById("announcements").textContent));
});

for (const deviceScaleFactor of [1, 1.5, 2]) {
  test(`true pixels are true at ${deviceScaleFactor} device pixels per CSS pixel`, async (t) => {
    const page = await visit(browser, t, { ...DESK, deviceScaleFactor });
    await choose(page, [file("true.png", png(500, 400))]);
    await inState(card(page, "true.png"), "succeeded");
    await action(card(page, "true.png"), "compare").click();
    await page.locator("#after").waitFor();
    await page.locator("#zoom-true").click();
    const facts = await page.evaluate(() => {
      const after = document.getElementById("after");
      const before = document.getElementById("before");
      const box = (each) => each.getBoundingClientRect().toJSON();
      return {
        ratio: devicePixelRatio, natural: [after.naturalWidth, after.naturalHeight], scale: new DOMMatrix(getComputedStyle(after).transform).a,
        after: box(after), before: box(before), stage: box(document.getElementById("stage")),
      };
    });
    assert.equal(facts.ratio, deviceScaleFactor);
    assert.deepEqual(facts.natural, [2000, 1600]);
    assert.ok(Math.abs(facts.scale * facts.ratio - 1) < 1e-4, `scale ${facts.scale}`);
    assert.ok(Math.abs(facts.after.width * facts.ratio - 2000) < 0.1 && Math.abs(facts.after.height * facts.ratio - 1600) < 0.1);
    for (const side of ["x", "y", "width", "height"]) {
      assert.ok(Math.abs(facts.after[side] - facts.before[side]) < 0.01, "both images have the same position");
    }
    const offset = (facts.after.x - facts.stage.x) * facts.ratio;
    assert.ok(Math.abs(offset - Math.round(offset)) < 0.02, `the result begins between two device pixels: ${offset}`);
    assert.equal(await page.locator("#zoom-value").textContent(), "100%");
  });
}

test("the divider follows keyboard and mouse; the image zooms and pans", async (t) => {
  const page = await visit(browser, t);
  await choose(page, [file("slide.png", png(400, 300))]);
  await inState(card(page, "slide.png"), "succeeded");
  await action(card(page, "slide.png"), "compare").click();
  await page.locator("#after").waitFor();
  const divider = page.locator("#divider");
  const now = () => divider.getAttribute("aria-valuenow");
  const cut = () => page.locator("#before-clip").evaluate((node) => getComputedStyle(node).clipPath);
  assert.equal(await now(), "50");
  await page.keyboard.press("ArrowLeft");
  assert.deepEqual([await now(), await cut()], ["48", "inset(0px 52% 0px 0px)"]);
  await page.keyboard.press("End");
  assert.equal(await now(), "100");
  const stage = await page.locator("#stage").boundingBox();
  await page.mouse.move(stage.x + stage.width - 3, stage.y + stage.height / 2);
  await page.mouse.down();
  await page.mouse.move(stage.x + stage.width * 0.25, stage.y + 40, { steps: 4 });
  await page.mouse.up();
  assert.equal(await now(), "25");
  const box = () => page.locator("#after").boundingBox();
  const fit = await box();
  await page.mouse.wheel(0, -400);
  await page.waitForFunction((width) => document.getElementById("after").getBoundingClientRect().width > width * 1.5, fit.width);
  await page.keyboard.press("1");
  const before = await box();
  assert.ok(Math.abs(before.width - 1600) < 0.1);
  await page.mouse.move(stage.x + 900, stage.y + 300);
  await page.mouse.down();
  await page.mouse.move(stage.x + 860, stage.y + 280, { steps: 3 });
  await page.mouse.up();
  const moved = await box();
  assert.deepEqual([moved.x - before.x, moved.y - before.y], [-40, -20]);
  await page.keyboard.press("0");
  assert.equal((await box()).width, fit.width);
  await page.locator("#pixels").check();
  assert.equal(await page.locator("#before").evaluate((node) => getComputedStyle(node).imageRendering), "pixelated");
});

test("two fingers zoom", async (t) => {
  const page = await visit(browser, t, PHONE);
  await choose(page, [file("pinch.png", png(400, 300))]);
  await inState(card(page, "pinch.png"), "succeeded");
  await action(card(page, "pinch.png"), "compare").click();
  await page.locator("#after").waitFor();
  const width = async () => (await page.locator("#after").boundingBox()).width;
  const fit = await width();
  const chrome = await page.context().newCDPSession(page);
  const touch = (type, ...xs) => chrome.send("Input.dispatchTouchEvent", { type, touchPoints: xs.map((x, id) => ({ x, y: 300, id })) });
  await touch("touchStart", 100, 140);
  await touch("touchMove", 80, 180);
  await touch("touchMove", 60, 220);
  await touch("touchEnd");
  assert.ok((await width()) > fit * 2, `${await width()} against ${fit}`);
});

test("a result of 108 megapixels is shown at true pixels", { skip: !fake && "takes long on a real server" }, async (t) => {
  const page = await visit(browser, t);
  await page.locator("label", { has: page.locator("input[value=longest]") }).click();
  await page.locator("#longest").fill("12000");
  await choose(page, [file("poster.png", png(400, 300))]);
  await inState(card(page, "poster.png"), "succeeded", 60000);
  await action(card(page, "poster.png"), "compare").click();
  await page.locator("#after").waitFor({ timeout: 60000 });
  await page.keyboard.press("1");
  const { natural, shown } = await page.locator("#after").evaluate((image) => ({ natural: image.naturalWidth, shown: image.getBoundingClientRect().width }));
  assert.deepEqual([natural, Math.round(shown)], [12000, 12000]);
  await screenshot(page, "desk-light-poster");
});
