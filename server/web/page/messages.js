// Messages of the page in the language in use, with values filled in, and numbers as
// that language writes them. doc.go says how messages and languages are added.

let language = "en";
let messages = {};
let plural = new Intl.PluralRules(language);
const listeners = new Set();

/** Sets the language and its messages, then runs the callbacks of onLanguage. */
export function setMessages(code, catalog) {
  language = code;
  messages = catalog;
  plural = new Intl.PluralRules(code);
  listeners.forEach((callback) => callback());
}

/** Registers a callback that shows texts again when another language is chosen; earlier ones run first. */
export function onLanguage(callback) {
  listeners.add(callback);
}

export const languageInUse = () => language;

/** Whether there is such a message, for keys that end with a name the server sent. */
export const has = (key) => Object.hasOwn(messages, key);

/**
 * Returns a message. Its form follows from values.count, if it has several.
 * @param {Record<string, string | number>} values by the name of their placeholder
 */
export function t(key, values = {}) {
  return parts(key, values).map((part, at) => (at % 2 ? fill(values[part]) : part)).join("");
}

const fill = (value) => (typeof value === "number" ? number(value) : value ?? "");

/** Splits a message: texts at even indexes, names of placeholders at odd ones. */
export function parts(key, { count = 0 } = {}) {
  const found = messages[key] ?? key;
  const text = typeof found === "string" ? found : found[plural.select(count)] ?? found.other;
  return text.split(/\{(\w+)\}/);
}

export const number = (value, options) => new Intl.NumberFormat(language, options).format(value);

/** Formats a share, 0..1, as a percentage. */
export const percent = (share, digits = 0) => number(share, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Formats a number with a unit of ECMA-402, such as "second". */
export const unit = (value, name, digits = 0) =>
  number(value, { style: "unit", unit: name, unitDisplay: "short", minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Joins texts with commas, or with "and" as the type "conjunction". Lists of units have no commas in Chinese. */
export const list = (texts, type = "") => (type ? new Intl.ListFormat(language, { type }).format(texts) : texts.join(/^(ja|zh)/.test(language) ? "、" : ", "));
