// The page of operators: workers, jobs of all keys, and keys.

import "./language.js"; // first: what follows shows texts
import { request } from "./api.js";
import { element, setText, setVisible } from "./element.js";
import { jobCells, jobOrders, jobQuery, keyCells, workerCells, workerOrder } from "./operator.js";
import { has, onLanguage, t } from "./messages.js";
import { currentKey, onUnauthorized, signOut } from "./session.js";
import { SignIn } from "./signin.js";
import { errorText } from "./text.js";

const REFRESH = 2000; // milliseconds

const byId = (id) => document.getElementById(id);
const signIn = new SignIn({ out: () => location.reload() });
let pages = 1; // of jobs that are shown

onUnauthorized(() => signOut());
byId("filters").addEventListener("change", () => refresh((pages = 1)));
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("jobs-more").addEventListener("click", () => refresh((pages += 1)));
byId("new-key").addEventListener("submit", makeKey);
onLanguage(refresh);

async function run() {
  for (;;) {
    if (!document.hidden && !document.querySelector("td select:focus")) { // a menu that is open stays
      await refresh();
    }
    await new Promise((resolve) => setTimeout(resolve, REFRESH));
  }
}

const call = async (path, method = "GET", body) => {
  const response = await request(path, { method, body: body && JSON.stringify(body) });
  return response.status === 204 ? null : response.json();
};

/** Loads and shows everything. */
async function refresh() {
  try {
    const [{ workers }, jobs, { keys }] = await Promise.all([call("workers"), loadJobs(), call("keys")]);
    showWorkers(workers);
    showJobs(jobs);
    showKeys(keys);
    setVisible(byId("admin-error"), false);
    setVisible(byId("sign-out"), Boolean(currentKey()));
  } catch (error) {
    await explain(error);
  }
}

/** Shows an error, or asks for a key if that is what is missing. */
async function explain(error) {
  if (error.status === 401 || (error.status === 403 && !currentKey())) {
    await signIn.ask();
    return;
  }
  setVisible(byId("sign-out"), Boolean(currentKey()));
  setText(byId("admin-error"), error.kind ? errorText(error) : String(error));
  setVisible(byId("admin-error"), true);
}

async function loadJobs() {
  const filters = [...new FormData(byId("filters"))];
  const all = [];
  let next = "";
  for (let page = 0; page < pages; page += 1) {
    const part = await call(`queue/jobs?${jobQuery(filters, next)}`);
    all.push(...part.jobs);
    next = part.next;
    if (!next) {
      break;
    }
  }
  setVisible(byId("jobs-more"), Boolean(next));
  return all;
}

/** Titles of columns, with an empty one for controls. */
const titles = (...names) => [...names.map((name) => t(`admin.${name}`)), ""];

function fill(table, columns, rows, empty) {
  const head = element("thead", {}, element("tr", {}, ...columns.map((title) => element("th", { scope: "col" }, title))));
  const none = element("tr", {}, element("td", { colSpan: columns.length }, empty));
  byId(table).replaceChildren(head, element("tbody", {}, ...(rows.length ? rows : [none])));
}

/** A row of texts and, at its end, controls. `states` are columns that are colored. */
function row(cells, controls, { state, long = [] }) {
  const made = cells.map((text, at) => {
    const key = `admin.state.${text}`;
    const cell = element("td", {}, at === state && has(key) ? t(key) : String(text));
    if (at === state) {
      cell.className = `state-${text}`;
    }
    cell.classList.toggle("long", long.includes(at));
    return cell;
  });
  return element("tr", {}, ...made, element("td", {}, ...controls));
}

const button = (label, what, act) => element("button", { type: "button", "aria-label": t("card.of", { action: label, name: what }), onclick: () => then(act) }, label);

async function then(act) {
  try {
    await act();
  } catch (error) {
    await explain(error);
    return;
  }
  await refresh();
}

function showWorkers(workers) {
  const now = Date.now();
  fill("workers", titles("name", "state", "heartbeat", "version", "device", "running", "done", "failed", "models"), workers.map((worker) => {
    const order = workerOrder(worker);
    const label = t(order === "drain" ? "admin.drain" : "admin.undrain");
    const controls = order ? [button(label, worker.name, () => call(`workers/${encodeURIComponent(worker.name)}/${order}`, "POST"))] : [];
    return row(workerCells(worker, now), controls, { state: 1, long: [5, 8] });
  }), t("admin.noWorkers"));
}

function showJobs(jobs) {
  const now = Date.now();
  fill("jobs", titles("id", "api", "key", "state", "model", "worker", "accepted", "error"), jobs.map((job) => {
    const orders = jobOrders(job);
    const path = `queue/jobs/${encodeURIComponent(job.id)}`;
    const controls = [
      orders.priority && priorityMenu(job, path),
      orders.cancel && button(t("card.cancel"), job.id, () => call(`${path}/cancel`, "POST")),
      orders.retry && button(t("admin.runAgain"), job.id, () => call(`${path}/retry`, "POST")),
    ].filter(Boolean);
    return row(jobCells(job, now), controls, { state: 3, long: [7] });
  }), t("admin.noJobs"));
}

function priorityMenu(job, path) {
  const options = ["high", "normal", "low"].map((name) => element("option", { value: name, selected: name === job.priority }, t(`admin.priority.${name}`)));
  const menu = element("select", { "aria-label": t("admin.priorityOf", { id: job.id }) }, ...options);
  menu.addEventListener("change", () => then(() => {
    menu.blur();
    return call(path, "PATCH", { priority: menu.value });
  }));
  return menu;
}

function showKeys(keys) {
  const now = Date.now();
  const columns = titles("id", "name", "state", "credits", "perDay", "perSecond", "concurrent", "unfinished", "today", "expires");
  fill("keys", columns, keys.map((key) => {
    const path = `keys/${encodeURIComponent(key.id)}`;
    return row(keyCells(key, now), [
      button(t(key.disabled ? "admin.enable" : "admin.disable"), key.name, () => call(path, "PATCH", { disabled: !key.disabled })),
      button(t("admin.rotate"), key.name, async () => {
        if (confirm(t("admin.confirmRotate", { name: key.name }))) {
          showKey(await call(`${path}/rotate`, "POST", { overlap_seconds: 86400 }));
        }
      }),
      button(t("card.remove"), key.name, async () => confirm(t("admin.confirmDelete", { name: key.name })) && call(path, "DELETE")),
    ], { state: 2 });
  }), t("admin.noKeys"));
}

async function makeKey(event) {
  event.preventDefault();
  const form = new FormData(byId("new-key"));
  await then(async () => {
    showKey(await call("keys", "POST", { name: form.get("name"), credits: Number(form.get("credits")) }));
    byId("new-key").reset();
  });
}

/** Shows a new key, which no later call returns. */
function showKey(key) {
  setText(byId("made-key"), t("admin.newKey", { name: key.name, key: key.key }));
  setVisible(byId("made-key"), true);
}

run();
