// Dark or light: as the system says, until somebody chooses. This is a plain
// script, not a module, so that it runs before anything is drawn.
"use strict";

(() => {
  const NAME = "upscaled.theme";
  const SYSTEM = "(prefers-color-scheme: dark)";
  const sheet = document.getElementById("dark");
  const dark = matchMedia(SYSTEM);
  let chosen = "";
  try {
    chosen = localStorage.getItem(NAME) ?? "";
  } catch {
    // storage is switched off: the system decides
  }

  function apply() {
    const night = chosen ? chosen === "dark" : dark.matches;
    sheet.media = night ? "all" : "not all";
    document.documentElement.dataset.theme = night ? "dark" : "light";
    const button = document.getElementById("theme");
    if (button) {
      button.setAttribute("aria-label", night ? "Use light colours" : "Use dark colours");
      button.title = button.getAttribute("aria-label");
    }
  }

  function toggle() {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    chosen = (next === "dark") === dark.matches ? "" : next; // back to the system's where both agree
    try {
      chosen ? localStorage.setItem(NAME, chosen) : localStorage.removeItem(NAME);
    } catch {
      // it lasts until the page is left
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
