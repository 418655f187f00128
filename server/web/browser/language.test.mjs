// The page in other languages: one with long words and one with ideographs.
import assert from "node:assert/strict";
import { test } from "node:test";

import { file, png } from "./images.mjs";
import { DESK, PHONE, TABLET, accessible, action, browser, card, choose, inState, screenshot, visit } from "./session.mjs";

const inLanguage = (page, code) => page.locator(`html[lang="${code}"]`).waitFor();

/** Controls and texts beyond the sides of the screen or of their part, and texts that are too long for their control. */
function outside() {
  return [...document.querySelectorAll("button, input, select, a, p, h1, h2, h3, .segments span")].filter((node) => {
    const { left, right, width, height } = node.getBoundingClientRect();
    const frame = node.closest(".card, .model, .sheet, .drop, .settings, body").getBoundingClientRect();
    const over = left < frame.left - 1 || right > frame.right + 1 || node.matches("button, span") && node.scrollWidth > node.clientWidth + 1;
    return width > 1 && height > 1 && node.checkVisibility() && !node.closest(".unseen, .skip") && over;
  }).map((node) => node.outerHTML);
}

for (const [locale, code, done] of [["de-AT", "de", /^Fertig in /], ["ja-JP", "ja", /^完了/]]) {
  test(`the page is in the browser's language: ${code}`, async (t) => {
    const page = await visit(browser, t, { ...DESK, locale, reducedMotion: "reduce" });
    await inLanguage(page, code);
    await choose(page, [file("wide.png", png(60, 40)), file("words.png", Buffer.from("not an image"))]);
    await inState(card(page, "wide.png"), "succeeded");
    await inState(card(page, "words.png"), "rejected");
    assert.match(await card(page, "wide.png").locator(".state").textContent(), done);
    await page.evaluate(() => { document.querySelectorAll("details").forEach((each) => { each.open = true; }); });
    for (const [device, { viewport }] of Object.entries({ phone: PHONE, tablet: TABLET, desk: DESK })) {
      await page.setViewportSize(viewport);
      for (const theme of ["dark", "light"]) {
        await page.locator("#theme").click();
        await page.locator(`html[data-theme=${theme}]`).waitFor();
        await accessible(page, `${code}, ${device}, ${theme}`);
        await screenshot(page, `${device}-${theme}-${code}`);
      }
      assert.deepEqual(await page.evaluate(outside), [], `${device}: parts are outside the screen`);
    }
    await action(card(page, "wide.png"), "compare").click();
    await page.locator("#after").waitFor();
    for (const [device, { viewport }] of Object.entries({ phone: PHONE, desk: DESK })) {
      await page.setViewportSize(viewport);
      await accessible(page, `${code}, ${device}, comparison`);
      await screenshot(page, `${device}-light-${code}-compare`);
    }
  });
}

test("texts have room in every translation", async (t) => {
  const page = await visit(browser, t, { ...DESK, reducedMotion: "reduce" });
  await choose(page, [file("wide.png", png(60, 40)), file("words.png", Buffer.from("not an image"))]);
  await inState(card(page, "wide.png"), "succeeded");
  await inState(card(page, "words.png"), "rejected");
  await page.evaluate(() => { document.querySelectorAll("details").forEach((each) => { each.open = true; }); });
  const codes = await page.locator("#language option").evaluateAll((all) => all.map((each) => each.value));
  assert.ok(codes.length >= 8);
  for (const [device, { viewport }] of Object.entries({ phone: PHONE, tablet: TABLET, desk: DESK })) {
    await page.setViewportSize(viewport);
    await page.evaluate(async () => { // after the page has folded or unfolded them by itself
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      document.getElementById("settings").open = true;
    });
    for (const code of codes) {
      await page.locator("#language").selectOption(code);
      await inLanguage(page, code);
      assert.deepEqual(await page.evaluate(outside), [], `${code}, ${device}`);
      await screenshot(page, `${device}-words-${code}`);
      await page.locator("#models-open").click();
      assert.deepEqual(await page.evaluate(outside), [], `${code}, ${device}, models`);
      await page.keyboard.press("Escape");
    }
  }
});

test("a chosen language is kept, and what is shown changes at once", async (t) => {
  const page = await visit(browser, t, { ...DESK, locale: "xx" });
  await inLanguage(page, "en");
  await choose(page, [file("small.png", png(60, 40))]);
  await inState(card(page, "small.png"), "succeeded");
  const texts = () => page.locator("#choose, #intake-limits, #queue-summary, #models-installed, .card .state, .card [data-action=compare]").allTextContents();
  await page.locator("#models-installed .choice").first().waitFor();
  const english = await texts();
  await page.locator("#language").selectOption("es");
  await inLanguage(page, "es");
  const spanish = await texts();
  spanish.forEach((text, at) => assert.notEqual(text, english[at]));
  await page.reload();
  await inLanguage(page, "es");
  await page.locator("#models-installed .choice").first().waitFor();
  await inState(card(page, "small.png"), "succeeded");
  assert.deepEqual(await texts(), spanish);
  await page.locator("#language").selectOption("en");
  await inLanguage(page, "en");
  assert.deepEqual(await texts(), english);
});

test("of several languages of the user the first that the page has is taken, Chinese in either script", async (t) => {
  for (const [locale, code] of [["pt-PT", "pt"], ["zh-CN", "zh-Hans"], ["zh-TW", "zh-Hans"], ["ko", "ko"]]) {
    const page = await visit(browser, t, { ...DESK, locale, reducedMotion: "reduce" });
    await inLanguage(page, code);
  }
});
