// Chooses the language of the page and fills in the texts of its HTML: data-t="KEY" is
// an element's text, data-t-NAME="KEY" its attribute NAME. Modules that import this one
// run once the first language is loaded.

import languages from "./languages/index.js";
import { onLanguage, parts, setMessages, t } from "./messages.js";

const STORAGE_KEY = "upscaled.language";

const menu = document.getElementById("language");
menu.replaceChildren(...Object.entries(languages).map(([code, name]) => Object.assign(document.createElement("option"), { value: code, lang: code, textContent: name })));
menu.addEventListener("change", () => {
  try {
    localStorage.setItem(STORAGE_KEY, menu.value);
  } catch {
    // it lasts until the page is closed
  }
  use(menu.value);
});
onLanguage(translate);
await use(remembered() ?? preferred(navigator.languages) ?? "en");

function remembered() {
  try {
    const code = localStorage.getItem(STORAGE_KEY);
    return Object.hasOwn(languages, code ?? "") ? code : null;
  } catch {
    return null; // storage is disabled
  }
}

/** Returns the first language that the user reads: in the same script, else at all. */
function preferred(wanted) {
  const locales = Object.keys(languages).map((code) => ({ code, locale: new Intl.Locale(code).maximize() }));
  for (const tag of wanted) {
    const { language, script } = new Intl.Locale(tag).maximize();
    const same = locales.filter(({ locale }) => locale.language === language);
    const found = same.find(({ locale }) => locale.script === script) ?? same[0];
    if (found) {
      return found.code;
    }
  }
  return null;
}

async function use(code) {
  const response = await fetch(new URL(`languages/${code}.json`, import.meta.url));
  const catalog = await response.json();
  document.documentElement.lang = menu.value = code;
  setMessages(code, catalog);
}

function translate() {
  for (const node of document.querySelectorAll("*")) {
    for (const { name, value } of [...node.attributes]) {
      if (name === "data-t") {
        setParts(node, parts(value));
      } else if (name.startsWith("data-t-")) {
        node.setAttribute(name.slice("data-t-".length), t(value));
      }
    }
  }
}

/** Sets an element's text; its children with data-value="NAME" stand for placeholders. */
function setParts(node, texts) {
  const values = Object.fromEntries([...node.children].map((child) => [child.dataset.value, child]));
  node.replaceChildren(...texts.map((part, at) => (at % 2 ? values[part] : part)));
}
