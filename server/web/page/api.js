// Calls of the native API. Every failure is an ApiError whose `detail` can be
// shown as it is.

import { currentKey, refused } from "./session.js";

/** Below the page's own address, so that a proxy may serve all under a path. */
const BASE = new URL("api/v1/", document.baseURI);

export class ApiError extends Error {
  /**
   * @param {string} kind the server's kind of fault, "network" or "aborted"
   * @param {string} detail one sentence for the user
   */
  constructor(kind, detail, { status = 0, retryAfter = 0, requestId = "" } = {}) {
    super(detail);
    Object.assign(this, { kind, detail, status, retryAfter, requestId });
  }

  /** Whether the server could not be reached at all. */
  get unreachable() {
    return this.kind === "network" || [502, 504].includes(this.status);
  }
}

export const networkError = () =>
  new ApiError("network", navigator.onLine === false ? "This device is offline." : "The server cannot be reached.");

export const address = (path) => new URL(path, BASE).href;

export function headers(more = {}) {
  const key = currentKey();
  return key ? { ...more, Authorization: `Bearer ${key}` } : more;
}

/** A request whose answer is a success, or an ApiError. */
export async function request(path, { method = "GET", body, signal, accept = "application/json", key } = {}) {
  let response;
  try {
    const sent = key === undefined ? headers({ Accept: accept }) : { Accept: accept, Authorization: `Bearer ${key}` };
    if (typeof body === "string") {
      sent["Content-Type"] = "application/json";
    }
    response = await fetch(address(path), { method, body, signal, headers: sent, cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    throw error.name === "AbortError" ? new ApiError("aborted", "Stopped.") : networkError();
  }
  if (!response.ok) {
    throw problem(response.status, (name) => response.headers.get(name), await response.text().catch(() => ""), key === undefined);
  }
  return response;
}

async function json(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch {
    throw new ApiError("internal", "The server's answer makes no sense: is something between this page and the server?");
  }
}

/** Makes an error of an answer: RFC 9457, or whatever a proxy said. */
function problem(status, header, text, current) {
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    // not ours; the status has to do
  }
  if (status === 401 && current) {
    refused();
  }
  const detail = body.detail || body.title || STATUS_WORDS[status] || `The server answered with status ${status}.`;
  return new ApiError(body.kind || "internal", detail, {
    status, retryAfter: Number(header("Retry-After")) || 0, requestId: body.request_id || header("X-Request-Id") || "",
  });
}

const STATUS_WORDS = {
  401: "The key was not accepted.",
  413: "The file is larger than the server takes.",
  429: "Too many requests: wait a moment.",
  502: "The server cannot be reached behind its proxy.",
  503: "The server is busy or starting.",
  504: "The server did not answer its proxy in time.",
};

export const system = () => json("system");
export const account = (key) => json("account", { key });
export const models = async () => (await json("models")).models;
export const devices = async () => (await json("devices")).devices;
export const job = (id) => json(`jobs/${encodeURIComponent(id)}`);
export const jobs = (limit, before = "") =>
  json(`jobs?limit=${limit}${before ? `&before=${encodeURIComponent(before)}` : ""}`);
export const cancel = (id) => json(`jobs/${encodeURIComponent(id)}/cancel`, { method: "POST" });
export const resultAddress = (id) => address(`jobs/${encodeURIComponent(id)}/result`);
export const result = (id, signal) => request(`jobs/${encodeURIComponent(id)}/result`, { signal, accept: "image/*" });
export const eventsOf = (ids, signal) =>
  request(`events?ids=${ids.map(encodeURIComponent).join(",")}`, { signal, accept: "text/event-stream" });
export const submitAddress = (url, options) => json("jobs", { method: "POST", body: JSON.stringify({ url, ...options }) });

/**
 * Sends one picture. XMLHttpRequest, because fetch does not tell how much of a
 * body was sent.
 * @param {(share: number) => void} onProgress 0..1 of the upload
 */
export function submitFile(file, options, onProgress, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) {
    form.append(name, String(value));
  }
  form.append("file", file, file.name || "pasted.png");
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    const stop = () => sending.abort();
    sending.open("POST", address("jobs"));
    for (const [name, value] of Object.entries(headers({ Accept: "application/json" }))) {
      sending.setRequestHeader(name, value);
    }
    sending.upload.onprogress = (e) => e.lengthComputable && onProgress(e.loaded / e.total);
    sending.onerror = () => reject(networkError());
    sending.onabort = () => reject(new ApiError("aborted", "Stopped."));
    sending.onloadend = () => signal.removeEventListener("abort", stop);
    sending.onload = () => {
      if (sending.status < 200 || sending.status > 299) {
        reject(problem(sending.status, (name) => sending.getResponseHeader(name), sending.responseText, true));
        return;
      }
      try {
        resolve(JSON.parse(sending.responseText));
      } catch {
        reject(new ApiError("internal", "The server's answer makes no sense: is something between this page and the server?"));
      }
    };
    signal.addEventListener("abort", stop);
    sending.send(form);
  });
}
