// Messages in all languages: their forms, and the numbers in them.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, test } from "node:test";

import { list, onLanguage, percent, setMessages, t, unit } from "../page/messages.js";
import { errorText } from "../page/text.js";

const folder = new URL("../page/languages/", import.meta.url);
const catalogs = Object.fromEntries(readdirSync(folder).map((name) => [name.replace(".json", ""), JSON.parse(readFileSync(new URL(name, folder), "utf8"))]));
const use = (code) => setMessages(code, catalogs[code]);

after(() => use("en"));

test("a message with several forms has each that whole numbers need", () => {
  for (const [code, catalog] of Object.entries(catalogs)) {
    const rules = new Intl.PluralRules(code);
    const needed = new Set(["other", ...Array.from({ length: 201 }, (_, count) => rules.select(count))]);
    for (const [key, message] of Object.entries(catalog)) {
      if (typeof message !== "string") {
        assert.deepEqual(Object.keys(message).sort(), [...needed].sort(), `${code}: ${key}`);
      }
    }
  }
});

test("forms, numbers and units follow the language", () => {
  const seen = {};
  for (const code of ["en", "de", "fr", "ja"]) {
    use(code);
    seen[code] = [t("announce.added", { count: 1 }), t("announce.added", { count: 12345 }), percent(0.5), unit(3.4, "megabyte", 1), list(["a", "b"], "conjunction")]
      .map((text) => text.replaceAll(/[\u00a0\u202f]/g, " "));
  }
  assert.deepEqual(seen, {
    en: ["1 image added.", "12,345 images added.", "50%", "3.4 MB", "a and b"],
    de: ["1 Bild hinzugefügt.", "12.345 Bilder hinzugefügt.", "50 %", "3,4 MB", "a und b"],
    fr: ["1 image ajoutée.", "12 345 images ajoutées.", "50 %", "3,4 Mo", "a et b"],
    ja: ["1 枚の画像を追加しました。", "12,345 枚の画像を追加しました。", "50%", "3.4 MB", "a、b"],
  });
});

test("a list has commas in every language", () => {
  for (const [code, expected] of [["en", "PNG, JPEG"], ["fr", "PNG, JPEG"], ["ko", "PNG, JPEG"], ["ja", "PNG、JPEG"], ["zh-Hans", "PNG、JPEG"]]) {
    use(code);
    assert.equal(list(["PNG", "JPEG"]), expected, code);
  }
});

test("the server's sentences follow that of their kind, except in English", () => {
  const error = { kind: "too_large", detail: "It has 9 pixels.", server: true };
  use("en");
  assert.equal(errorText(error), "It has 9 pixels.");
  assert.equal(errorText({ kind: "new_kind", detail: "" }), "Something went wrong on the server.");
  use("de");
  assert.equal(errorText(error), "Das Bild ist größer, als der Server erlaubt. (It has 9 pixels.)");
  assert.equal(errorText({ ...error, server: false, detail: "Zu groß." }), "Zu groß.");
});

test("values of a message are not messages themselves", () => {
  use("en");
  assert.equal(t("announce.state", { name: "{state}", state: "$&" }), "{state}: $&.");
  assert.equal(t("no.such"), "no.such");
});

test("callbacks run in their order when a language is set", () => {
  const runs = [];
  onLanguage(() => runs.push(1));
  onLanguage(() => runs.push(2));
  use("es");
  assert.deepEqual(runs, [1, 2]);
});
