// Puts the page together.

import * as api from "./api.js";
import { announce, announceIn } from "./announce.js";
import { Cards } from "./cards.js";
import { Compare } from "./compare.js";
import { Connection } from "./connection.js";
import { download, downloadAll } from "./download.js";
import { say, show } from "./element.js";
import { Follower } from "./follow.js";
import { describeLimits, startIntake } from "./intake.js";
import { Queue } from "./queue.js";
import { currentKey, onRefused } from "./session.js";
import { Settings } from "./settings.js";
import { SignIn, showAccount } from "./signin.js";
import { bytes } from "./sizes.js";

const PAGE = 30; // earlier jobs that are listed at once

const byId = (id) => document.getElementById(id);

const connection = new Connection();
const queue = new Queue(connection);
const settings = new Settings();
const follower = new Follower(queue, connection);
const signIn = new SignIn({ out: () => location.reload() });
const succeeded = () => queue.items.filter((item) => item.succeeded);
const compare = new Compare({ items: succeeded, download: save });
const cards = new Cards(queue, { act, scaleOf: settings.scaleOf });
let system = null;
let cursor = null; // of the next page of earlier jobs

announceIn(byId("announcements"));
connection.addEventListener("change", tellConnection);
byId("connection-retry").addEventListener("click", () => connection.tryNow());
byId("download-all").addEventListener("click", saveAll);
byId("clear").addEventListener("click", clear);
byId("earlier").addEventListener("click", () => listEarlier());
startIntake({ addFile, addAddress });
queue.addEventListener("changed", (event) => event.detail.final && refreshAccount());
onRefused(again);
follower.run();
begin();

/** Learns what the server has and lists the jobs there are. */
async function begin() {
  try {
    system = await api.system();
  } catch {
    connection.report();
    await connection.available();
    begin();
    return;
  }
  describeLimits(system);
  settings.setSystem(system);
  if (system.authentication && !currentKey()) {
    await signIn.ask();
  }
  cursor = null;
  const parts = [api.models().then((models) => settings.setModels(models)), tellDevice(), refreshAccount(), listEarlier()];
  await Promise.allSettled(parts); // each part can be missing; a refused key is heard of by onRefused
  follower.resume();
}

/** The server wants a key, or another one than we have. */
async function again() {
  if (!signIn.asking) {
    await signIn.ask(currentKey() ? "The key is not accepted any more." : "");
    begin();
  }
}

function addFile(file) {
  const most = system?.limits.max_bytes;
  const refusal = most && file.size > most
    ? { kind: "too_large", detail: `This file has ${bytes(file.size)}; the server takes at most ${bytes(most)}.` }
    : null;
  queue.add({ file, name: file.name || "pasted picture", options: settings.options() }, refusal);
}

function addAddress(url) {
  const name = nameOf(url);
  queue.add({ url, name, options: settings.options() });
  announce(`${name} added.`);
}

/** The last part of an address's path, as people read it. */
function nameOf(url) {
  try {
    const { pathname, host } = new URL(url);
    return decodeURIComponent(pathname.split("/").pop()) || host;
  } catch {
    return url; // the server says what is wrong with it
  }
}

function act(action, item) {
  const actions = {
    compare: () => compare.open(item),
    download: () => save(item),
    cancel: () => queue.cancel(item),
    remove: () => queue.remove(item),
    retry: () => focusOn(queue.repeat(item, settings.options())),
    repeat: () => focusOn(queue.repeat(item, settings.options())),
  };
  actions[action]();
}

function focusOn(item) {
  const card = cards.card(item);
  card.firstAction()?.focus();
  card.node.scrollIntoView({ block: "nearest" });
}

async function save(item) {
  try {
    await download(item);
  } catch (error) {
    tell(error.status === 404 ? `${item.name} has expired on the server.` : error.detail);
  }
}

async function saveAll() {
  const button = byId("download-all");
  const words = button.lastChild;
  button.disabled = true;
  try {
    await downloadAll(succeeded().reverse(), (share) => { words.textContent = `Packing ${Math.round(share * 100)} %`; });
    announce("All results were downloaded.");
  } catch (error) {
    if (error.name !== "AbortError") { // a closed file picker is no failure
      tell(error.detail ?? error.message);
    }
  }
  words.textContent = "Download all";
  button.disabled = false;
}

function clear() {
  queue.items.filter((item) => item.final).forEach((item) => queue.remove(item));
  (queue.items.length ? byId("queue-title") : byId("choose")).focus();
}

async function listEarlier() {
  const page = await api.jobs(PAGE, cursor ?? "");
  page.jobs.forEach((job) => queue.adopt(job));
  cursor = page.next;
  show(byId("earlier"), Boolean(cursor));
}

async function tellDevice() {
  const [device] = await api.devices();
  show(byId("device"), Boolean(device));
  say(byId("device"), device ? device.name || device.kind.toUpperCase() : "");
}

async function refreshAccount() {
  if (system?.authentication) {
    await api.account().then((account) => showAccount(account, true), () => {});
  }
}

function tellConnection() {
  const offline = navigator.onLine === false;
  show(byId("connection"), connection.lost);
  say(byId("connection-words"), offline
    ? "This device is offline. Everything goes on when it is back."
    : "The server cannot be reached. Trying again; nothing is lost.");
  if (!connection.lost) {
    announce("Connected again.");
  }
}

function tell(sentence) {
  announce(sentence);
  say(byId("queue-words"), sentence);
}
