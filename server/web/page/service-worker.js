// Keeps the files of the page, so that it opens while the server is away. The server
// puts VERSION and FILES, the paths that are kept, in front of this script. Files come
// from the server whenever it responds, so that none is older than the server; all
// other requests, those of the API among them, are left alone.

const PREFIX = "upscaled-";
const CACHE = PREFIX + VERSION;
const PATIENCE = 5000; // milliseconds until the server counts as away
const IMPATIENCE = 1000; // the same, within PAUSE after it was
const PAUSE = 30000; // milliseconds
const AWAY = [502, 503, 504]; // statuses of a proxy

const kept = new Set(FILES.map((path) => new URL(path, registration.scope).href));
let awayUntil = 0;

addEventListener("install", (event) => event.waitUntil((async () => {
  const cache = await caches.open(CACHE);
  await cache.addAll([...kept].map((url) => new Request(url, { cache: "reload" })));
  await skipWaiting();
})()));

addEventListener("activate", (event) => event.waitUntil((async () => {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await clients.claim();
})()));

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(clients.matchAll({ type: "window" }).then(([page]) => page?.focus()));
});

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && kept.has(url.split(/[?#]/)[0])) {
    event.respondWith(answer(event.request));
  }
});

/** Returns the server's response, or the kept one if the server is away, or its proxy says so. */
async function answer(request) {
  const old = await (await caches.open(CACHE)).match(request, { ignoreSearch: true });
  if (!old) {
    return fetch(request);
  }
  const patience = Date.now() < awayUntil ? IMPATIENCE : PATIENCE;
  try {
    const response = await Promise.race([fetch(request), new Promise((resolve) => setTimeout(resolve, patience))]);
    if (!response) {
      awayUntil = Date.now() + PAUSE;
    }
    return response && !AWAY.includes(response.status) ? response : old;
  } catch {
    return old;
  }
}
