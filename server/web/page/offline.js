// Lets the browser keep the page, so that it opens while the server is away. Browsers
// allow that over HTTPS and on the server's own computer.

const SCRIPT = "service-worker.js";

export function keepPage() {
  const policy = window.trustedTypes?.createPolicy("upscaled", { createScriptURL: () => SCRIPT });
  navigator.serviceWorker?.register(policy?.createScriptURL("") ?? SCRIPT).catch(() => {}); // it works without, too
}
