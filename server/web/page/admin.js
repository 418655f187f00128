// The page of operators: workers, jobs of all keys, and keys.

import { request } from "./api.js";
import { element, setText, setVisible } from "./element.js";
import { jobCells, jobOrders, jobQuery, keyCells, workerCells, workerOrder } from "./operator.js";
import { currentKey, onUnauthorized, signOut } from "./session.js";
import { SignIn } from "./signin.js";

const REFRESH = 2000; // milliseconds

const byId = (id) => document.getElementById(id);
const signIn = new SignIn({ out: () => location.reload() });
let pages = 1; // of jobs that are shown

onUnauthorized(() => signOut());
byId("filters").addEventListener("change", () => refresh((pages = 1)));
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("jobs-more").addEventListener("click", () => refresh((pages += 1)));
byId("new-key").addEventListener("submit", makeKey);
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
  setText(byId("admin-error"), error.detail ?? String(error));
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

function fill(table, titles, rows, empty) {
  const head = element("thead", {}, element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title))));
  const none = element("tr", {}, element("td", { colSpan: titles.length }, empty));
  byId(table).replaceChildren(head, element("tbody", {}, ...(rows.length ? rows : [none])));
}

/** A row of texts and, at its end, controls. `states` are columns that are colored. */
function row(cells, controls, { state, long = [] }) {
  const made = cells.map((text, at) => {
    const cell = element("td", {}, String(text));
    if (at === state) {
      cell.className = `state-${text}`;
    }
    cell.classList.toggle("long", long.includes(at));
    return cell;
  });
  return element("tr", {}, ...made, element("td", {}, ...controls));
}

const button = (label, what, act) => element("button", { type: "button", "aria-label": `${label} ${what}`, onclick: () => then(act) }, label);

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
  fill("workers", ["Name", "State", "Heartbeat", "Version", "Device", "Running", "Done", "Failed", "Models", ""], workers.map((worker) => {
    const order = workerOrder(worker);
    const label = order === "drain" ? "Drain" : "Undrain";
    const controls = order ? [button(label, worker.name, () => call(`workers/${encodeURIComponent(worker.name)}/${order}`, "POST"))] : [];
    return row(workerCells(worker, now), controls, { state: 1, long: [5, 8] });
  }), "There are no workers.");
}

function showJobs(jobs) {
  const now = Date.now();
  fill("jobs", ["ID", "API", "Key", "State", "Model", "Worker", "Accepted", "Error", ""], jobs.map((job) => {
    const orders = jobOrders(job);
    const path = `queue/jobs/${encodeURIComponent(job.id)}`;
    const controls = [
      orders.priority && priorityMenu(job, path),
      orders.cancel && button("Cancel", job.id, () => call(`${path}/cancel`, "POST")),
      orders.retry && button("Run again", job.id, () => call(`${path}/retry`, "POST")),
    ].filter(Boolean);
    return row(jobCells(job, now), controls, { state: 3, long: [7] });
  }), "There are no such jobs.");
}

function priorityMenu(job, path) {
  const options = ["high", "normal", "low"].map((name) => element("option", { selected: name === job.priority }, name));
  const menu = element("select", { "aria-label": `Priority of ${job.id}` }, ...options);
  menu.addEventListener("change", () => then(() => {
    menu.blur();
    return call(path, "PATCH", { priority: menu.value });
  }));
  return menu;
}

function showKeys(keys) {
  const now = Date.now();
  const titles = ["ID", "Name", "State", "Credits", "Per day", "Per second", "Concurrent", "Unfinished", "Today", "Expires", ""];
  fill("keys", titles, keys.map((key) => {
    const path = `keys/${encodeURIComponent(key.id)}`;
    return row(keyCells(key, now), [
      button(key.disabled ? "Enable" : "Disable", key.name, () => call(path, "PATCH", { disabled: !key.disabled })),
      button("Rotate", key.name, async () => {
        if (confirm(`Replace the secret of ${key.name}? The old one works for one more day.`)) {
          showKey(await call(`${path}/rotate`, "POST", { overlap_seconds: 86400 }));
        }
      }),
      button("Delete", key.name, async () => confirm(`Delete ${key.name} for good?`) && call(path, "DELETE")),
    ], { state: 2 });
  }), "There are no keys: every call passes.");
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
  setText(byId("made-key"), `The key of ${key.name}, shown only now: ${key.key}`);
  setVisible(byId("made-key"), true);
}

run();
