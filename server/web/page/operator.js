// Rows of the operators' tables, without the document, so that they are tested alone.

import { t, unit } from "./messages.js";

/** Returns a time span of seconds in its largest unit. */
export function span(seconds) {
  const units = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const whole = Math.max(0, Math.round(seconds));
  const [length, name] = units.find(([length]) => whole >= length) ?? units.at(-1);
  return unit(Math.floor(whole / length), name);
}

const since = (text, now) => span((now - Date.parse(text)) / 1000);
const ago = (text, now) => t("admin.ago", { time: since(text, now) });

export function workerCells(worker, now) {
  return [
    worker.name, worker.state, ago(worker.heartbeat, now), worker.version, worker.devices.join(", "),
    (worker.jobs ?? []).map((job) => `${job.id} (${since(job.since, now)})`).join(", "), worker.succeeded, worker.failed,
    (worker.models ?? []).filter((model) => model.installed).map((model) => model.name).join(", "),
  ];
}

/** Returns the order that a worker's button gives, or "" for none. */
export const workerOrder = (worker) => (worker.state === "lost" ? "" : worker.draining ? "undrain" : "drain");

export function jobCells(job, now) {
  return [
    job.id, job.api, job.account, job.state, job.model, job.worker, ago(job.created_at, now), job.error?.message ?? "",
  ];
}

/** Returns what can be done with a job. */
export function jobOrders(job) {
  return { cancel: ["queued", "running"].includes(job.state), retry: job.state === "failed", priority: job.state === "queued" };
}

export function keyCells(key, now) {
  const state = key.disabled ? "disabled" : key.expires && Date.parse(key.expires) <= now ? "expired" : key.operator ? "operator" : "enabled";
  const today = new Date(now).toISOString().slice(0, 10);
  const used = key.usage.find((usage) => usage.day === today) ?? { jobs: 0, credits: 0 };
  return [
    key.id, key.name, state, key.credits ?? t("admin.unlimited"), key.per_day || "", key.per_second || "", key.concurrent || "", key.unfinished,
    t("admin.used", { jobs: used.jobs, credits: used.credits }), key.expires ? key.expires.slice(0, 10) : "",
  ];
}

/** Returns the query of the job filters, without empty ones. */
export function jobQuery(filters, before = "") {
  const query = new URLSearchParams([["limit", "50"]]);
  for (const [name, value] of [...filters, ["before", before]]) {
    if (value) {
      query.set(name, value);
    }
  }
  return query.toString();
}
