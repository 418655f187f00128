// Films on the page in Chromium.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { DESK, accessible, action, browser, card, choose, drop, fake, inState, key, keyed, open, screenshot, until, visit } from "./session.mjs";

const made = spawnSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=32x24:r=10", "-t", "3", "-c:v", "libvpx", "-f", "webm", "-"]);
const film = (name) => ({ name, mimeType: "video/webm", buffer: made.stdout });
const skip = made.error ? "there is no ffmpeg" : false;
const frames = fake ? "1,000" : "30"; // of which the fake server reports more

/** Waits until the player shows a frame of a width. */
const plays = (page, width) => until(page, (wanted) => {
  const shown = document.querySelector("#player video");
  return shown.readyState >= 2 && shown.videoWidth === wanted;
}, width);

test("a film is dropped, counted in frames, played beside its original, and deleted", { skip }, async (t) => {
  const page = await visit(browser, t);
  await page.locator("#films").waitFor({ state: "attached" });
  await drop(page, [film("clip.webm")]);
  const clip = card(page, "clip.webm");
  await inState(clip, "running");
  if (fake) {
    await clip.locator(".state", { hasText: /^\d+ of 1,000 frames · \d+%/ }).waitFor();
  }
  await clip.locator(".thumbnail img:not([hidden])").waitFor();
  await inState(clip, "succeeded");
  assert.match(await clip.locator(".details").textContent(), new RegExp(`32\u2009×\u200924 → 128\u2009×\u200996 · .*WebM · ${frames} frames`));
  assert.equal(await action(clip, "compare").isVisible(), false);
  await action(clip, "play").click();
  await plays(page, fake ? 32 : 128); // the fake server returns the film as it is
  await accessible(page, "player");
  await screenshot(page, "desk-light-player");
  await page.locator("#player .answers button").first().click();
  await plays(page, 32);
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#player .primary").click()]);
  assert.match(download.suggestedFilename(), /^clip-.*128x96\.webm$/);
  await page.keyboard.press("Escape");
  await page.reload(); // the thumbnail is kept by the browser
  await clip.locator(".thumbnail img:not([hidden])").waitFor();
  await action(clip, "remove").click();
  await page.locator("#confirm-yes").click();
  await clip.waitFor({ state: "detached" });
});

test("with a key, a film is played by its signed address", { skip: skip || fake && "the fake server with keys takes no films" }, async (t) => {
  const page = await visit(browser, t, { ...DESK, url: keyed });
  await page.locator("#key").fill(key);
  await page.keyboard.press("Enter");
  await page.locator("#sign-out").waitFor();
  await choose(page, [film("mine.webm")]);
  const mine = card(page, "mine.webm");
  await inState(mine, "succeeded");
  await action(mine, "play").click();
  await plays(page, 128);
});

test("a film has options of its own", { skip: skip || !fake && "the fake server suffices" }, async (t) => {
  const page = await visit(browser, t);
  await page.locator("#models-installed .choice", { hasText: "Photo – detail" }).click();
  await page.locator("#format").selectOption("png");
  const optionsOf = async (name) => {
    await choose(page, [film(name)]);
    await inState(card(page, name), "succeeded");
    const id = await card(page, name).getAttribute("data-job");
    return (await (await fetch(new URL(`api/v1/jobs/${id}`, open))).json()).options;
  };
  assert.deepEqual(await optionsOf("a.webm"), { scale: 4, format: "webm", model: "realesr-general-x4v3" }); // which the server chose
  await page.locator("#container").selectOption("mp4");
  await page.locator("#filmModel").uncheck();
  assert.deepEqual(await optionsOf("b.webm"), { scale: 4, format: "mp4", model: "realesrgan-x4plus" });
});

test("a running film is canceled", { skip: skip || !fake && "the fake server has slow films" }, async (t) => {
  const page = await visit(browser, t);
  await choose(page, [film("slow.webm")]);
  const slow = card(page, "slow.webm");
  await inState(slow, "running");
  await action(slow, "cancel").click();
  await inState(slow, "canceled");
});

test("a server without ffmpeg says so before anything is sent", { skip: !fake && "the other servers have it" }, async (t) => {
  const page = await visit(browser, t, { ...DESK, url: keyed });
  await page.locator("#key").fill(key);
  await page.keyboard.press("Enter");
  await page.locator("#sign-out").waitFor();
  assert.match(await page.locator("#intake-limits").textContent(), /takes no films: it lacks ffmpeg/);
  assert.equal(await page.locator("#films").isVisible(), false);
  await choose(page, [{ name: "clip.mkv", mimeType: "", buffer: Buffer.from("a film") }]);
  const clip = card(page, "clip.mkv");
  await inState(clip, "rejected");
  assert.match(await clip.locator(".wrong").textContent(), /takes no films: it lacks ffmpeg/);
  assert.equal(await action(clip, "retry").isVisible(), false);
});
