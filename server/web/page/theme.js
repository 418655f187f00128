// Dark or light theme: the system's, until the user chooses one. A plain script, not a
// module, so that it runs before anything is drawn. The guide uses it too.
"use strict";

(() => {
  const STORAGE_KEY = "upscaled.theme";
  const SYSTEM = "(prefers-color-scheme: dark)";
  const sheet = document.getElementById("dark");
  const dark = matchMedia(SYSTEM);
  let chosen = "";
  try {
    chosen = localStorage.getItem(STORAGE_KEY) ?? "";
  } catch {
    // storage is disabled: use the system theme
  }

  function apply() {
    const isDark = chosen ? chosen === "dark" : dark.matches;
    sheet.media = isDark ? "all" : "not all";
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    const button = document.getElementById("theme");
    if (button) {
      button.setAttribute("aria-pressed", String(isDark));
    }
  }

  function toggle() {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    chosen = (next === "dark") === dark.matches ? "" : next; // follow the system again if both agree
    try {
      chosen ? localStorage.setItem(STORAGE_KEY, chosen) : localStorage.removeItem(STORAGE_KEY);
    } catch {
      // it lasts until the page is closed
    }
    apply();
  }

  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", toggle);
    apply();
  });
})();
