// Drives the page in a browser: opens it, runs axe, takes screenshots, waits for states.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { after } from "node:test";

const modules = createRequire(resolve(process.env.UPSCALED_BROWSER_MODULES ?? ".", "from.js"));
const { chromium, firefox } = modules("playwright-core");
const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

export const open = process.env.UPSCALED_URL ?? "";
export const keyed = process.env.UPSCALED_KEYED_URL ?? "";
export const key = process.env.UPSCALED_KEY ?? "";
/** The server is the fake one of server/web/webtest, with its "slow" and "broken" images. */
export const fake = process.env.UPSCALED_FAKE === "1";
export const PATIENCE = fake ? 20000 : 120000; // milliseconds until a small image is done

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];

export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
export const TABLET = { viewport: { width: 820, height: 1180 }, deviceScaleFactor: 1, hasTouch: true };
export const DESK = { viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1 };

/** The tests run in Firefox, by WebDriver BiDi, which lacks some of what Chromium offers. */
export const inFirefox = process.env.UPSCALED_BROWSER_NAME === "firefox";

const start = () => inFirefox
  ? firefox.launch({ executablePath: process.env.UPSCALED_FIREFOX ?? "/usr/bin/firefox-esr", channel: "moz-firefox" })
  : chromium.launch({ executablePath: process.env.UPSCALED_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** Starts for the first test of a file that runs. */
let running;
export const browser = { newContext: async (options) => (await (running ??= start())).newContext(options) };
after(async () => (await running)?.close());

/**
 * Opens the page in a new profile. Errors on its console, such as violations of the
 * Content-Security-Policy, fail the test. Responses with an error status do not.
 */
export async function visit(browser, t, { url = open, ...options } = DESK) {
  const context = await browser.newContext({ acceptDownloads: true, serviceWorkers: "block", ...options });
  const page = await context.newPage();
  page.on("filechooser", () => {}); // registered early, since the first registration takes a while
  const errors = [];
  const byDriver = (text) => inFirefox && text.includes("style-src-elem"); // axe, or its driver, adds a style
  page.on("pageerror", (error) => byDriver(error.message) || errors.push(error.stack));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource") && !byDriver(message.text())) {
      errors.push(message.text());
    }
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, []);
  });
  await page.goto(url);
  return page;
}

/** Drops files onto the page, like a user. */
export async function drop(page, files) {
  const carried = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, text: buffer.toString("base64") }));
  const transfer = await page.evaluateHandle((list) => {
    const data = new DataTransfer();
    for (const { name, mimeType, text } of list) {
      data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name, { type: mimeType }));
    }
    return data;
  }, carried);
  for (const type of ["dragenter", "dragover", "drop"]) {
    await page.dispatchEvent("#drop", type, { dataTransfer: transfer });
  }
}

export const choose = (page, files) => page.locator("#files").setInputFiles(files);
export const card = (page, name) => page.locator(".card", { has: page.locator(".name", { hasText: new RegExp(`^${name}$`) }) }).first();
export const action = (where, name) => where.locator(`[data-action=${name}]`);
export const inState = (where, state, timeout = PATIENCE) => where.and(where.page().locator(`[data-state=${state}]`)).waitFor({ timeout });

/** Waits until an asynchronous function in the page returns true: waitForFunction does not await. */
export async function until(page, condition, argument) {
  for (const end = Date.now() + PATIENCE; !await page.evaluate(condition, argument);) {
    assert.ok(Date.now() < end, `this did not become true: ${condition}`);
    await page.waitForTimeout(100);
  }
}

/** Fails on serious or critical axe violations. */
export async function accessible(page, what) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document)).violations);
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(bad.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`), [], what);
}

export async function screenshot(page, name) {
  const folder = process.env.UPSCALED_SCREENSHOTS;
  if (folder) {
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}.png`), caret: "initial" }); // hiding it takes an inline style
  }
}
