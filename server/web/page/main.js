// Connects the parts of the page.

import "./language.js"; // first: what follows shows texts
import * as api from "./api.js";
import { announce, announceIn } from "./announce.js";
import { Cards } from "./cards.js";
import { Compare } from "./compare.js";
import { confirm } from "./confirm.js";
import { Connection } from "./connection.js";
import { Detail } from "./detail.js";
import { download, downloadAll, saveAllTo } from "./download.js";
import { notifyWhenDone } from "./notify.js";
import { keepPage } from "./offline.js";
import { forgetAll, forgetExpired, keptJobs } from "./previews.js";
import { setText, setVisible } from "./element.js";
import { JobWatcher } from "./watcher.js";
import { Player } from "./films.js";
import { describeLimits, startIntake } from "./intake.js";
import { isFilm } from "./kind.js";
import { ModelsDialog } from "./modelsdialog.js";
import { startPresets } from "./presets.js";
import { Queue } from "./queue.js";
import { currentKey, onUnauthorized } from "./session.js";
import { Settings } from "./settings.js";
import { SignIn, showAccount } from "./signin.js";
import { onLanguage, percent, t } from "./messages.js";
import { bytes } from "./sizes.js";
import { errorText } from "./text.js";

const PAGE = 30; // earlier jobs loaded at once

const byId = (id) => document.getElementById(id);

const connection = new Connection();
const queue = new Queue(connection);
const settings = new Settings();
const watcher = new JobWatcher(queue, connection);
const signIn = new SignIn({ out: () => forgetAll().then(() => location.reload()) });
const succeeded = () => queue.items.filter((item) => item.succeeded);
const unsent = () => queue.items.some((item) => !item.final && !item.id);
const compare = new Compare({ items: () => succeeded().filter((item) => !item.playable), download: save });
const player = new Player({ download: save });
const models = new ModelsDialog({ changed: (all) => settings.setModels(all) });
new Detail({ models: () => settings.choices(), use: useModel });
const cards = new Cards(queue, { act, scaleOf: settings.scaleOf });
let system = null;
let cursor = null; // of the next page of earlier jobs

announceIn(byId("announcements"));
connection.addEventListener("change", showConnection);
byId("connection-retry").addEventListener("click", () => connection.tryNow());
byId("download-all").addEventListener("click", saveAll);
byId("clear").addEventListener("click", clear);
byId("cancel-all").addEventListener("click", () => queue.cancelAll());
byId("save-folder").addEventListener("click", saveToFolder);
byId("notify").addEventListener("click", () => Notification.requestPermission().then(() => cards.updateSummary()));
queue.addEventListener("changed", () => notifyWhenDone(queue.items));
onLanguage(() => {
  system && describeLimits(system);
  refreshAccount();
});
forgetExpired();
startPresets(settings);
byId("earlier").addEventListener("click", () => loadEarlier());
startIntake({ addFile, addURL, addModels: (files) => models.changeable && (models.add(files), true) });
queue.addEventListener("changed", (event) => event.detail.final && refreshAccount());
onUnauthorized(signInAgain);
addEventListener("beforeunload", (event) => unsent() && event.preventDefault()); // they exist in this page only
keepPage();
watcher.run();
start();

/** Loads the server's description and the list of jobs. */
async function start() {
  try {
    system = await api.system();
  } catch {
    connection.reportLost();
    (await keptJobs()).forEach((job) => queue.addJob(job, true));
    await connection.whenAvailable();
    queue.dropKept();
    start();
    return;
  }
  describeLimits(system);
  settings.setSystem(system);
  if (system.authentication && !currentKey()) {
    await signIn.ask();
  }
  cursor = null;
  const parts = [models.load(), showDevice(), refreshAccount(), loadEarlier()];
  await Promise.allSettled(parts); // each part is optional; onUnauthorized handles a rejected key
  watcher.resume();
}

/** Asks for a key when the server rejects the current one. */
async function signInAgain() {
  if (!signIn.asking) {
    await signIn.ask(currentKey() ? t("signIn.again") : "");
    start();
  }
}

function addFile(file) {
  const film = isFilm(file);
  queue.add({ file, name: file.name || t("intake.pasted"), options: settings.options(film) }, problem(file, film));
}

/** The reason not to send a file, or null. */
function problem(file, film) {
  const max = film ? system?.limits.film_bytes : system?.limits.max_bytes;
  if (film && system && !max) {
    return { kind: "unsupported", detail: t("film.none") };
  }
  return max && file.size > max
    ? { kind: "too_large", hopeless: true, detail: t("intake.tooLarge", { size: bytes(file.size), limit: bytes(max) }) }
    : settings.problem();
}

/** Upscales an image with a model that was tried on its detail, which is chosen from now on. */
function useModel(model, file) {
  settings.use({ ...settings.values(), model: model.name });
  addFile(file);
}

function addURL(url) {
  const name = nameOf(url);
  queue.add({ url, name, options: settings.options(isFilm({ name })) }, settings.problem());
  announce(t("announce.addedName", { name }));
}

/** The last part of a URL's path, decoded. */
function nameOf(url) {
  try {
    const { pathname, host } = new URL(url);
    return decodeURIComponent(pathname.split("/").pop()) || host;
  } catch {
    return url; // the server reports what is wrong
  }
}

function act(action, item, options) {
  const actions = {
    compare: () => compare.open(item),
    play: () => player.open(item),
    download: () => save(item),
    cancel: () => queue.cancel(item),
    remove: () => remove(item),
    retry: () => focusOn(queue.repeat(item, settings.options(item.film))),
    faces: () => focusOn(queue.repeat(item, options)),
    repeat: () => focusOn(queue.repeat(item, settings.options(item.film))),
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
    notify(error.status === 404 ? t("queue.expired", { name: item.name }) : errorText(error));
  }
}

async function saveAll() {
  const button = byId("download-all");
  const words = byId("download-all-text");
  button.disabled = true;
  try {
    await downloadAll(succeeded().reverse(), (share) => { words.textContent = t("queue.packing", { share: percent(share) }); });
    announce(t("queue.downloaded"));
  } catch (error) {
    if (error.name !== "AbortError") { // the user closed the file picker
      notify(error.kind ? errorText(error) : error.message);
    }
  }
  words.textContent = t("queue.downloadAll");
  button.disabled = false;
}

async function saveToFolder() {
  try {
    const count = await saveAllTo(await window.showDirectoryPicker({ mode: "readwrite" }), succeeded().reverse());
    notify(t("queue.saved", { count }));
  } catch (error) {
    if (error.name !== "AbortError") { // the user closed the folder picker
      notify(error.kind ? errorText(error) : error.message);
    }
  }
}

async function remove(item) {
  const lost = { title: t("confirm.delete", { name: item.name }), detail: t("confirm.deleteDetail"), action: t("card.remove") };
  if (!item.succeeded || await confirm(lost)) {
    await queue.remove(item);
  }
}

async function clear() {
  const finished = queue.items.filter((item) => item.final);
  const results = finished.filter((item) => item.succeeded).length;
  const lost = { title: t("confirm.clear", { count: results }), detail: t("confirm.clearDetail"), action: t("card.remove") };
  if (results && !await confirm(lost)) {
    return;
  }
  await Promise.all(finished.map((item) => queue.remove(item)));
  (queue.items.length ? byId("queue-title") : byId("choose")).focus();
}

async function loadEarlier() {
  const page = await api.jobs(PAGE, cursor ?? "");
  page.jobs.forEach((job) => queue.addJob(job));
  cursor = page.next;
  setVisible(byId("earlier"), Boolean(cursor));
}

async function showDevice() {
  const [device] = await api.devices();
  setVisible(byId("device"), Boolean(device));
  setText(byId("device"), device ? device.name || device.kind.toUpperCase() : "");
}

async function refreshAccount() {
  if (system?.authentication) {
    await api.account().then((account) => showAccount(account, true), () => {});
  }
}

function showConnection() {
  const offline = navigator.onLine === false;
  setVisible(byId("connection"), connection.lost);
  setText(byId("connection-message"), t(offline ? "connection.offlineHint" : "connection.lostHint"));
  if (!connection.lost) {
    announce(t("connection.back"));
  }
}

function notify(sentence) {
  announce(sentence);
  setText(byId("queue-summary"), sentence);
}
