// Shows results below the search field while someone types. Without this
// script the form loads a page of results instead.
"use strict";

(() => {
  const PAUSE = 120; // ms after a key before the server is asked
  const field = document.getElementById("search");
  const panel = document.getElementById("found");
  let timer = 0;
  let request = new AbortController();

  const hide = () => { panel.hidden = true; };

  async function search() {
    request.abort();
    request = new AbortController();
    const query = field.value.trim();
    if (!query) return hide();
    try {
      const response = await fetch(`${field.form.action}?q=${encodeURIComponent(query)}`, { signal: request.signal });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const results = page.querySelector(".results");
      if (panel.contains(document.activeElement)) return; // the user is choosing a result
      for (const link of results?.querySelectorAll("a") ?? []) link.href = new URL(link.getAttribute("href"), field.form.action).href;
      panel.replaceChildren(...(results ? [document.adoptNode(results)] : []));
      panel.hidden = !results;
    } catch {
      // replaced by a newer request, or the server is away: Enter still works
    }
  }

  // Arrow keys move between the field and the results.
  function move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      hide();
      field.focus();
    } else if (step && !panel.hidden) {
      const stops = [field, ...panel.querySelectorAll("a")];
      const next = stops.indexOf(document.activeElement) + step;
      stops[Math.min(Math.max(next, 0), stops.length - 1)].focus();
      event.preventDefault();
    }
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE);
  });
  field.form.addEventListener("keydown", move);
  panel.addEventListener("click", (event) => { if (event.target.closest("a")) hide(); });
  document.addEventListener("click", (event) => { if (!field.form.contains(event.target)) hide(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(?:INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
      field.focus();
      event.preventDefault();
    }
  });
})();
