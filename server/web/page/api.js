// Calls of the native API. Every failure is an ApiError whose `detail` can be shown
// to the user.

import { browserName } from "./browser.js";
import { has, t } from "./messages.js";
import { currentKey, reportUnauthorized } from "./session.js";

/** Relative to the page, so that a proxy may serve the page below a path. */
const BASE = new URL("api/v1/", document.baseURI);

export class ApiError extends Error {
  /**
   * @param {string} kind the server's kind of error, "network" or "aborted"
   * @param {string} detail one sentence for the user, in English if `server`
   */
  constructor(kind, detail, { status = 0, retryAfter = 0, requestId = "", server = false } = {}) {
    super(detail);
    Object.assign(this, { kind, detail, status, retryAfter, requestId, server });
  }

  /** Whether the server could not be reached at all. */
  get unreachable() {
    return this.kind === "network" || [502, 504].includes(this.status);
  }
}

export const networkError = () =>
  new ApiError("network", t(navigator.onLine === false ? "connection.offline" : "connection.lost"));

export const apiURL = (path) => new URL(path, BASE).href;

export function headers(more = {}) {
  const key = currentKey();
  return { ...more, ...(key ? { Authorization: `Bearer ${key}` } : { "X-Upscaled-Browser": browserName() }) };
}

/** Sends a request. Throws an ApiError unless the response is a success. */
export async function request(path, { method = "GET", body, signal, accept = "application/json", key } = {}) {
  let response;
  try {
    const requestHeaders = key === undefined ? headers({ Accept: accept }) : { Accept: accept, Authorization: `Bearer ${key}` };
    if (typeof body === "string") {
      requestHeaders["Content-Type"] = "application/json";
    }
    response = await fetch(apiURL(path), { method, body, signal, headers: requestHeaders, cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    throw error.name === "AbortError" ? new ApiError("aborted", t("connection.stopped")) : networkError();
  }
  if (!response.ok) {
    throw toApiError(response.status, (name) => response.headers.get(name), await response.text().catch(() => ""), key === undefined);
  }
  return response;
}

async function json(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch {
    throw new ApiError("internal", t("connection.invalid"));
  }
}

/** Makes an ApiError of a response: RFC 9457, or the status if it is from a proxy. */
function toApiError(status, header, text, usesCurrentKey) {
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    // not the server's own response: use the status
  }
  if (status === 401 && usesCurrentKey) {
    reportUnauthorized();
  }
  const sentence = body.detail || body.title;
  const detail = sentence || (has(`status.${status}`) ? t(`status.${status}`) : t("status.other", { status: String(status) }));
  return new ApiError(body.kind || "internal", detail, {
    status, server: Boolean(sentence), retryAfter: Number(header("Retry-After")) || 0, requestId: body.request_id || header("X-Request-Id") || "",
  });
}

export const system = () => json("system");
export const account = (key) => json("account", { key });
export const models = () => json("models");
export const installModel = (name) => request(`models/${encodeURIComponent(name)}`, { method: "POST" });
export const removeModel = (name) => request(`models/${encodeURIComponent(name)}`, { method: "DELETE" });
export const modelSample = async (name) => (await request(`models/${encodeURIComponent(name)}/sample`, { accept: "image/*" })).blob();
export const preview = async (image, options, signal) =>
  (await request("preview", { method: "POST", body: formOf(options, image, "detail"), signal, accept: "image/*" })).blob();
export const devices = async () => (await json("devices")).devices;
export const job = (id) => json(`jobs/${encodeURIComponent(id)}`);
export const jobs = (limit, before = "") =>
  json(`jobs?limit=${limit}${before ? `&before=${encodeURIComponent(before)}` : ""}`);
export const cancel = (id) => json(`jobs/${encodeURIComponent(id)}/cancel`, { method: "POST" });
export const remove = (id) => request(`jobs/${encodeURIComponent(id)}`, { method: "DELETE" });
export const resultURL = (id) => apiURL(`jobs/${encodeURIComponent(id)}/result`);
export const result = (id, signal) => request(`jobs/${encodeURIComponent(id)}/result`, { signal, accept: "image/*" });
export const jobEvents = (ids, signal) =>
  request(`events?ids=${ids.map(encodeURIComponent).join(",")}`, { signal, accept: "text/event-stream" });
export const submitURL = (url, options) => json("jobs", { method: "POST", body: JSON.stringify({ url, ...options }) });

/** A form with options and a file. */
function formOf(options, file, name = file.name) {
  const form = new FormData();
  for (const [option, value] of Object.entries(options)) {
    form.append(option, String(value));
  }
  form.append("file", file, name);
  return form;
}

/** Uploads one image. */
export const submitFile = (file, options, onProgress, signal) => upload("jobs", formOf(options, file, file.name || "pasted.png"), onProgress, signal);

/** Uploads a model, which may have two files. */
export function addModel(files, onProgress) {
  const form = new FormData();
  files.forEach((file) => form.append("file", file, file.name));
  return upload("models", form, onProgress, new AbortController().signal);
}

/**
 * Uploads a form, by XMLHttpRequest, since fetch does not report the progress of an
 * upload.
 * @param {(share: number) => void} onProgress of the upload, 0..1
 */
function upload(path, form, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const upload = new XMLHttpRequest();
    const stop = () => upload.abort();
    upload.open("POST", apiURL(path));
    for (const [name, value] of Object.entries(headers({ Accept: "application/json" }))) {
      upload.setRequestHeader(name, value);
    }
    upload.upload.onprogress = (e) => e.lengthComputable && onProgress(e.loaded / e.total);
    upload.onerror = () => reject(networkError());
    upload.onabort = () => reject(new ApiError("aborted", t("connection.stopped")));
    upload.onloadend = () => signal.removeEventListener("abort", stop);
    upload.onload = () => {
      if (upload.status < 200 || upload.status > 299) {
        reject(toApiError(upload.status, (name) => upload.getResponseHeader(name), upload.responseText, true));
        return;
      }
      try {
        resolve(JSON.parse(upload.responseText));
      } catch {
        reject(new ApiError("internal", t("connection.invalid")));
      }
    };
    signal.addEventListener("abort", stop);
    upload.send(form);
  });
}
