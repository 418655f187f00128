// The page in Chromium: models, and a detail that several of them upscale.
import assert from "node:assert/strict";
import { test } from "node:test";

import { file, png } from "./images.mjs";
import { DESK, PHONE, accessible, action, browser, card, drop, fake, inState, keyed, key, open, screenshot, visit } from "./session.mjs";

const onlyFake = { skip: !fake && "the other server downloads real models" };
const row = (page, name) => page.locator(".model", { hasText: name });
const weights = (name) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from("weights") });

async function openModels(page) {
  await page.locator("#models-installed .choice").first().waitFor();
  await page.locator("#models-open").click();
  await page.locator("#models-dialog").waitFor();
}

test("a model is installed with progress, chosen and removed", onlyFake, async (t) => {
  const page = await visit(browser, t);
  await openModels(page);
  const drawing = row(page, "realesrgan-x4plus-anime-6b");
  assert.match(await drawing.textContent(), /Drawing.*for drawings and anime.*4×.*18 MB.*BSD-3-Clause/);
  assert.equal(await row(page, "x2plus").count(), 0, "a variant is offered");
  await drawing.locator("[data-action=install]").click();
  await drawing.locator(".bar").waitFor();
  await page.waitForFunction(() => document.querySelector(".model .bar")?.value > 0.2);
  await accessible(page, "installing");
  await screenshot(page, "desk-light-models-installing");
  await page.reload(); // it goes on
  await openModels(page);
  await drawing.locator("[data-action=uninstall]").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#models-installed .choice", { hasText: "Drawing" }).click();
  await page.locator("#models-open").click();
  await drawing.locator("[data-action=uninstall]").click();
  await page.locator("#confirm-yes").click();
  await drawing.locator("[data-action=install]").waitFor();
  assert.equal(await page.locator("#models-installed .choice").count(), 2);
  await drawing.locator("[data-action=install]").click();
  await drawing.locator("[data-action=stop]").click();
  await drawing.locator("[data-action=install]").waitFor();
});

test("a download that fails says why", onlyFake, async (t) => {
  const page = await visit(browser, t);
  await openModels(page);
  const faces = row(page, "gfpgan-1.4");
  await faces.locator("[data-action=install]").click();
  await faces.locator(".wrong", { hasText: "cannot be downloaded now" }).waitFor();
  await accessible(page, "a failed download");
});

test("a model is added by dropping its file", onlyFake, async (t) => {
  const page = await visit(browser, t);
  await page.locator("#models-installed .choice").first().waitFor();
  await drop(page, [weights("mine.safetensors")]);
  await page.locator("#model-problem", { hasText: "Ready to use: mine" }).waitFor();
  assert.match(await row(page, "mine").textContent(), /added from a file/);
  const dropped = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(["weights"], "broken.pth"));
    return data;
  });
  await page.dispatchEvent("#models-dialog", "drop", { dataTransfer: dropped });
  await page.locator("#model-problem", { hasText: "broken.pth is not a supported weights file" }).waitFor();
  await accessible(page, "a refused model");
  assert.equal(await page.locator(".card").count(), 0, "a model was sent as an image");
  await page.keyboard.press("Escape");
  await page.locator("#models-installed .choice", { hasText: "mine" }).waitFor();
  await page.locator("#models-open").click();
  await row(page, "mine").locator("[data-action=uninstall]").click();
  await page.locator("#confirm-yes").click();
  await row(page, "mine").waitFor({ state: "detached" });
});

test("a model that the page knows shows a sample, installed or not", async (t) => {
  const page = await visit(browser, t);
  await openModels(page);
  for (const name of ["realesr-general-x4v3", "realesrgan-x4plus-anime-6b"]) {
    await row(page, name).first().locator(".model-sample").scrollIntoViewIfNeeded();
  }
  await page.waitForFunction(() => [...document.querySelectorAll(".model-sample")].every((each) => each.naturalWidth === 516));
  await accessible(page, "models");
  await screenshot(page, "desk-light-models");
});

test("another model makes its sample here, once it is installed", onlyFake, async (t) => {
  const page = await visit(browser, t);
  await page.locator("#models-installed .choice").first().waitFor();
  await drop(page, [weights("sampled.safetensors")]);
  const mine = row(page, "sampled");
  await mine.locator("[data-action=sample]").click();
  await mine.locator(".model-sample").waitFor();
  assert.equal(await mine.locator(".model-sample").evaluate(async (image) => { await image.decode(); return image.naturalWidth; }), 256);
  await accessible(page, "a sample");
  await mine.locator("[data-action=uninstall]").click();
  await page.locator("#confirm-yes").click();
  await mine.waitFor({ state: "detached" });
  assert.match(await row(page, "real-cugan-4x").textContent(), /sample once it is installed/);
  assert.equal(await row(page, "real-cugan-4x").locator("[data-action=sample]").count(), 0);
});

test("a client sees models but changes none", { skip: !keyed || !fake }, async (t) => {
  const page = await visit(browser, t, { ...DESK, url: keyed });
  await page.locator("#key").fill(key);
  await page.keyboard.press("Enter");
  await openModels(page);
  assert.equal(await page.locator("#model-operator").isVisible(), true);
  assert.equal(await page.locator("#model-add").isVisible(), false);
  assert.equal(await page.locator("[data-action=install], [data-action=uninstall]").count(), 0);
});

for (const [device, options] of Object.entries({ desk: DESK, phone: PHONE })) {
  test(`a detail is tried with several models before the whole, on a ${device}`, onlyFake, async (t) => {
    const page = await visit(browser, t, options);
    await page.locator("#models-installed .choice").first().waitFor({ state: "attached" });
    let submitted = 0;
    await page.route("**/api/v1/jobs", (route) => { submitted += route.request().method() === "POST" ? 1 : 0; return route.continue(); });
    await page.locator("#detail-file").setInputFiles([file("meadow.png", png(800, 600))]);
    await page.locator("#detail-results img").nth(2).waitFor();
    await page.evaluate(() => document.getElementById("detail-image").scrollIntoView({ block: "start" }));
    const image = await page.locator("#detail-whole").boundingBox();
    const at = (x, y) => [image.x + image.width * x / 800, image.y + image.height * y / 600];
    const sent = page.waitForRequest("**/api/v1/preview");
    await page.mouse.move(...at(100, 100));
    await page.mouse.down();
    await page.mouse.move(...at(200, 160), { steps: 3 });
    await page.mouse.up();
    await sent;
    const sizes = () => page.locator("#detail-results img").evaluateAll((all) => all.map((each) => each.naturalWidth));
    await page.waitForFunction(() => [...document.querySelectorAll("#detail-results img")].filter((each) => each.naturalWidth > 300).length === 2);
    const [before, ...made] = await sizes();
    assert.ok(Math.abs(before - 100) <= 3, `${before} pixels of the original`);
    assert.deepEqual(made, [4 * before, 4 * before]);
    assert.equal(submitted, 0, "the whole was sent");
    await page.locator("#detail-zoom").fill("3");
    const views = await page.locator("#detail-results img").evaluateAll((all) => all.map((each) => getComputedStyle(each).transform));
    assert.equal(new Set(views).size, 1, "the tiles are zoomed differently");
    assert.match(views[0], /^matrix\(3, 0, 0, 3/);
    await accessible(page, "a detail");
    await screenshot(page, `${device}-light-detail`);
    await page.locator("#detail-region").focus();
    const again = page.waitForRequest("**/api/v1/preview");
    await page.keyboard.press("ArrowRight");
    await again;
    await page.locator("#detail-results button").nth(1).click();
    await inState(card(page, "meadow.png"), "succeeded");
    assert.match(await card(page, "meadow.png").locator(".details").textContent(), /Photo – detail/);
    assert.equal(submitted, 1);
    const { jobs } = await (await fetch(new URL("api/v1/jobs", open))).json();
    assert.ok(jobs.every((job) => job.name !== "detail"), "a preview stays");
    await action(card(page, "meadow.png"), "compare").click();
    await page.locator("#after").waitFor();
  });
}

test("an image that the browser cannot show has no detail", async (t) => {
  const page = await visit(browser, t);
  await page.locator("#models-installed .choice").first().waitFor();
  await page.locator("#detail-file").setInputFiles([file("text.png", Buffer.from("not an image"))]);
  await page.locator("#detail-problem", { hasText: "cannot show" }).waitFor();
  assert.equal(await page.locator("#detail-region").isVisible(), false);
  await accessible(page, "no detail");
  await page.keyboard.press("Escape");
});
