// The plain live page: sign-in, the own state, agents, calls, and what happened second by second.
import { ask, Problem, Stream } from "./server.js";
import { clock, duration, language, preferred, remember, speak, t } from "./text.js";
import { agentRow, callRow, el, empty, historyRow, pill, reason, running, timeline } from "./view.js";

const $ = (id) => document.getElementById(id);
const staleAfter = 5000;
let me = null;
let stream = null;
let wanted = null; // the state that was asked for and has not come yet
let historyTimer = 0;

async function start() {
  try {
    await speak(preferred());
  } catch {
    await speak("pt-BR");
  }
  wire();
  try {
    enter(await ask("GET", "/api/me"));
  } catch (err) {
    leave(err instanceof Problem && err.status === 401 ? null : err);
  }
  setInterval(everySecond, 1000);
}

// leave shows the sign-in page.
function leave(err) {
  stream?.close();
  stream = null;
  me = null;
  $("app").hidden = true;
  $("sign-in").hidden = false;
  document.title = `${t("signin.title")} · Ramal`;
  refuse(err);
  $("email").focus();
}

function refuse(err) {
  const box = $("sign-in-error");
  box.hidden = !err;
  box.textContent = err ? message(err) : "";
  $("password").setAttribute("aria-invalid", String(Boolean(err)));
}

// message is what to tell of an error; without an answer the network is to blame.
const message = (err) => (err instanceof Problem ? err.message : t("error.network"));

function enter(who) {
  me = who;
  $("sign-in").hidden = true;
  $("app").hidden = false;
  $("organisation").textContent = me.organisation.name;
  $("user").textContent = me.user.name;
  $("password").value = "";
  const over = () => leave(new Problem({ title: t("error.signed_out"), code: "unauthenticated", status: 401 }));
  stream = new Stream(changed, over);
  loadBreaks();
  loadHistory();
  render();
}

const may = (permission) => me.permissions.includes(permission);

function wire() {
  $("sign-in-form").addEventListener("submit", signIn);
  $("show-password").addEventListener("click", (e) => {
    const shown = $("password").type === "text";
    $("password").type = shown ? "password" : "text";
    e.target.setAttribute("aria-pressed", String(!shown));
    e.target.textContent = t(shown ? "signin.show" : "signin.hide");
  });
  $("sign-out").addEventListener("click", signOut);
  $("go-available").addEventListener("click", () => want("available"));
  $("go-offline").addEventListener("click", () => want("offline"));
  $("go-break").addEventListener("click", () => unfold($("breaks").hidden));
  $("more").addEventListener("click", () => loadHistory($("history").lastElementChild?.dataset.id));
  for (const b of document.querySelectorAll("[data-act=language]")) b.addEventListener("click", switchLanguage);
  for (const b of document.querySelectorAll("[data-act=theme]")) b.addEventListener("click", switchTheme);
}

async function signIn(e) {
  e.preventDefault();
  const button = $("sign-in-button");
  const email = $("email").value.trim();
  const password = $("password").value;
  if (!email || !password) {
    refuse(new Problem({ title: t("signin.missing"), code: "invalid", status: 400 }));
    (email ? $("password") : $("email")).focus();
    return;
  }
  button.disabled = true;
  button.textContent = t("signin.busy");
  try {
    const who = await ask("POST", "/api/session", { email, password });
    refuse(null);
    enter(who);
  } catch (err) {
    refuse(err);
    $("password").focus();
  } finally {
    button.disabled = false;
    button.textContent = t("signin.submit");
  }
}

async function signOut() {
  try {
    await ask("DELETE", "/api/session");
    leave(null);
  } catch (err) {
    if (err instanceof Problem && err.status === 401) return leave(null);
    fail(err);
  }
}

async function switchLanguage() {
  const next = language === "en" ? "pt-BR" : "en";
  try {
    await speak(next);
  } catch (err) {
    return fail(err);
  }
  remember(next);
  refuse(null);
  if (me) {
    render();
    loadBreaks();
    loadHistory();
  }
}

function switchTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("ramal.theme", next);
}

function fail(err) {
  $("failure").hidden = !err;
  $("failure").textContent = err ? message(err) : "";
}

// changed is called after every frame of the stream.
let painting = false;
function changed(kind, gone) {
  if (gone.length > 0 || kind === "snapshot") {
    clearTimeout(historyTimer);
    historyTimer = setTimeout(() => loadHistory(), 400); // records are written in groups, a moment later
  }
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    if (stream) render();
  });
}

function render() {
  const calls = [...stream.calls.values()].sort((a, b) => a.since.localeCompare(b.since));
  const agents = [...stream.agents.values()].sort((a, b) => a.name.localeCompare(b.name, language));
  const waiting = calls.filter((c) => c.phase !== "talking");
  const talking = calls.filter((c) => c.phase === "talking");
  const number = me.numbers[0] ?? "";
  if (stream.loaded) {
    fill("waiting", waiting.map(callRow), empty("waiting.empty", { number }));
    fill("talking", talking.map(callRow), empty("talking.empty"));
    fill("agents", agents.map((a) => agentRow(a, stream.calls)), empty("agents.empty"));
    tiles(waiting, talking, agents);
  }
  own(agents.find((a) => a.id === me.user.id));
  everySecond();
}

function fill(id, rows, none) {
  $(id).replaceChildren(...(rows.length > 0 ? rows : [none]));
}

function tiles(waiting, talking, agents) {
  const queued = waiting.filter((c) => c.phase === "waiting" || c.phase === "ringing");
  const free = agents.filter((a) => a.state === "available");
  const tile = (kind, key, n) => el("p", { class: `tile ${kind}` }, el("span", {}, t(key)), el("b", {}, String(n)));
  $("tiles").replaceChildren(tile("waiting", "tile.waiting", queued.length),
    tile("talking", "tile.talking", talking.length), tile("available", "tile.available", free.length));
  document.title = queued.length > 0 ? `(${queued.length}) ${t("live.title")} · Ramal` : `${t("live.title")} · Ramal`;
}

// own shows the signed-in agent's state. It is never ahead of the switch: what was asked for stays "…" until it comes.
function own(a) {
  $("own").hidden = !may("agent.work") || (!a && me.user.role !== "agent");
  if (!a) {
    $("own-hint").textContent = stream.loaded ? t("own.no_extension") : "";
    for (const id of ["go-available", "go-break", "go-offline"]) $(id).disabled = true;
    return;
  }
  if (wanted && (a.state === wanted || a.break_next)) {
    wanted = null;
    $("own-result").textContent = "";
  }
  const word = a.state === "on_break" && a.break ? reason(a.break) : t(`state.${a.state}`);
  $("own-pill").replaceChildren(pill(a.state, word));
  $("own-clock").replaceChildren(running(a.since));
  const hints = [t("agent.extension", { extension: a.extension })];
  if (a.phone === "down") hints.push(t("own.phone_down", { extension: a.extension }));
  if (a.phone === "unknown") hints.push(t("own.phone_unknown"));
  if (a.break_next) hints.push(t("agent.break_next", { reason: reason(a.break_next) }));
  $("own-hint").textContent = hints.join(" · ");
  const at = { "go-available": "available", "go-break": "on_break", "go-offline": "offline" };
  for (const [id, state] of Object.entries(at)) {
    $(id).disabled = Boolean(wanted);
    $(id).setAttribute("aria-pressed", String(a.state === state));
  }
  $("go-available").classList.toggle("primary", a.state === "offline" || a.state === "on_break");
}

async function want(state, why) {
  wanted = state;
  unfold(false);
  $("own-result").textContent = t("own.busy");
  render();
  try {
    await ask("POST", "/api/agents/me/state", why ? { state, reason: why } : { state });
  } catch (err) {
    $("own-result").textContent = message(err);
    wanted = null;
    render();
    return;
  }
  setTimeout(() => { // taken, but nothing changed (it was so already)
    if (wanted !== state) return;
    wanted = null;
    $("own-result").textContent = "";
    if (stream) render();
  }, 3000);
}

function unfold(open) {
  $("breaks").hidden = !open;
  $("go-break").setAttribute("aria-expanded", String(open));
  if (open) $("breaks").querySelector("button")?.focus();
}

async function loadBreaks() {
  if (!may("agent.work")) return;
  try {
    const reasons = await ask("GET", "/api/break-reasons");
    const buttons = reasons.map((r) =>
      el("button", { type: "button", class: "button", onclick: () => want("on_break", r.name) }, r.name));
    $("breaks").replaceChildren(...(buttons.length > 0 ? buttons : [el("p", { class: "hint" }, t("own.no_breaks"))]));
  } catch (err) {
    fail(err);
  }
}

const page = 20;

// loadHistory reads the newest page anew, or the one after an interaction. Rows that are open stay open.
async function loadHistory(before) {
  if (!may("interaction.view") && !may("interaction.view.own")) return;
  let list;
  try {
    list = await ask("GET", `/api/interactions?limit=${page}${before ? `&before=${encodeURIComponent(before)}` : ""}`);
    fail(null);
  } catch (err) {
    if (err instanceof Problem) fail(err); // without a network the stream says so, once
    return;
  }
  if (!me) return;
  const box = $("history");
  const opened = new Set([...box.querySelectorAll("li:has([aria-expanded=true])")].map((li) => li.dataset.id));
  const rows = list.map((i) => historyRow(i, openDetail));
  if (before) box.append(...rows);
  else fill("history", rows, empty("history.empty", { number: me.numbers[0] ?? "" }));
  for (const li of rows) if (opened.has(li.dataset.id)) li.querySelector("button").click();
  $("more").hidden = list.length < page;
}

async function openDetail(id, box) {
  try {
    const detail = await ask("GET", `/api/interactions/${encodeURIComponent(id)}`);
    box.replaceChildren(...timeline(detail, may("recording.hear")));
  } catch (err) {
    box.replaceChildren(el("p", { class: "notice critical" }, message(err)));
  }
}

// everySecond moves the clocks, and says when the figures are old.
function everySecond() {
  if (!stream) return;
  const old = stream.heard === 0 ? false : Date.now() - stream.heard > staleAfter;
  const now = old ? stream.at : stream.now(); // a frozen number does not look alive
  for (const e of document.querySelectorAll("[data-since]")) {
    e.textContent = duration(now - Date.parse(e.dataset.since));
  }
  document.body.classList.toggle("stale", old);
  $("stale").hidden = !old;
  const since = stream.at === null ? "" : clock(stream.at);
  const mark = old ? t("live.old", { at: since }) : t(stream.loaded ? "live.now" : "live.loading");
  if ($("live-mark").textContent !== mark) $("live-mark").textContent = mark;
  $("live-mark").classList.toggle("old", old || !stream.loaded);
  if (old) $("stale").textContent = t("live.stale", { at: since });
}

start();
