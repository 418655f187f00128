// Named copies of the settings, kept in this browser.

import { announce } from "./announce.js";
import { element, setVisible } from "./element.js";
import { onLanguage, t } from "./messages.js";

const STORAGE_KEY = "upscaled.presets";

const byId = (id) => document.getElementById(id);

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "{}");
    return kept && typeof kept === "object" && !Array.isArray(kept) ? kept : {};
  } catch {
    return {};
  }
}

/** @param {import("./settings.js").Settings} settings */
export function startPresets(settings) {
  let presets = load();
  const show = (chosen = "") => {
    const option = (value, textContent) => element("option", { value, textContent });
    byId("preset").replaceChildren(option("", t("preset.choose")), ...Object.keys(presets).sort().map((name) => option(name, name)));
    byId("preset").value = chosen;
    setVisible(byId("preset-use"), Object.keys(presets).length > 0);
    byId("preset-delete").disabled = !chosen;
  };
  const keep = (changed, chosen) => {
    presets = changed;
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(presets));
    } catch {
      // they last until the page is closed
    }
    show(chosen);
  };
  byId("preset").addEventListener("change", () => {
    const name = byId("preset").value;
    byId("preset-delete").disabled = !name;
    if (name) {
      settings.use(presets[name]);
      announce(t("preset.set", { name }));
    }
  });
  byId("preset-delete").addEventListener("click", () => {
    const { [byId("preset").value]: _, ...rest } = presets;
    keep(rest, "");
    byId("preset-name").focus();
  });
  byId("presets").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = byId("preset-name").value.trim();
    if (name) {
      keep({ ...presets, [name]: settings.values() }, name);
      byId("preset-name").value = "";
      announce(t("preset.saved", { name }));
    }
  });
  onLanguage(() => show(byId("preset").value));
  show();
}
