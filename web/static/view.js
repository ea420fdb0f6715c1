// Pieces of the page. Text from outside is only ever set as text.
import { t, has, clock, day, duration, phone, stamp } from "./text.js";

export function el(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (v === undefined || v === null) continue;
    if (k === "class") e.className = v;
    else if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else e.setAttribute(k, v);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return e;
}

// A shape for each state, beside its colour and its word.
const shapes = {
  available: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M5 8.2l2.2 2.2L11 6",
  ringing:
    "M3 2.5h3l1 3-1.6 1.2a9 9 0 0 0 4 4L10.5 9l3 1v3c0 .8-11.5 1.5-11.5-9.5 0-.6.4-1 1-1M10 2v4h4M14 2l-4 4",
  busy: "M2.5 10V8a5.5 5.5 0 0 1 11 0v2M2.5 9.5h2v4h-2zM11.5 9.5h2v4h-2z",
  wrap_up: "M4 3h8v11H4zM6 1.5h4v3H6zM6 8h4M6 11h4",
  on_break: "M3 5h8v5a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3zM11 6h2v3h-2M5 1.5v1.5M8 1.5v1.5",
  offline: "M8 1.5v6M4.5 4a5.5 5.5 0 1 0 7 0",
  waiting: "M4 1.5h8M4 14.5h8M5 1.5v3l3 3.5 3-3.5v-3M5 14.5v-3l3-3.5 3 3.5v3",
  flow: "M3 3h4v4H3zM9 9h4v4H9zM5 7v4h4",
};
shapes.talking = shapes.busy;
shapes.arriving = shapes.ringing;
shapes.good = shapes.available;
shapes.bad = "M8 2l6.5 12h-13zM8 6.5V10M8 12v.2";

export function pill(kind, word) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", shapes[kind] ?? shapes.offline);
  path.setAttribute("stroke-width", "1.6");
  path.setAttribute("stroke-linecap", "round");
  path.setAttribute("stroke-linejoin", "round");
  svg.append(path);
  return el("span", { class: `pill ${kind}` }, svg, word);
}

// running is a clock that counts from since.
export function running(since) {
  return el("span", { class: "clock", role: "timer", "data-since": since });
}

export function empty(key, values) {
  return el("li", { class: "empty" }, t(key, values));
}

export function agentRow(a, calls) {
  const call = a.interaction ? calls.get(a.interaction) : null;
  const about = [t("agent.extension", { extension: a.extension })];
  if (a.phone === "down") about.push(t("agent.phone_down"));
  if (call?.queue_name) about.push(call.queue_name);
  if (a.break_next) about.push(t("agent.break_next", { reason: reason(a.break_next) }));
  return el("li", {},
    el("span", { class: "who" }, a.name, el("small", {}, about.join(" · "))),
    el("span", { class: "end" },
      pill(a.state, a.state === "on_break" && a.break ? reason(a.break) : t(`state.${a.state}`)),
      running(a.since)));
}

// reason is a break's name; the automatic one has a word of its own.
export const reason = (name) => (name === "missed" ? t("break.missed") : name);

export function callRow(c) {
  const about = [];
  if (c.queue_name) about.push(c.queue_name);
  if (c.agent_name) about.push(c.agent_name);
  for (const p of c.path) about.push(`${p.digit}: ${p.label}`);
  if (c.missed) about.push(t("call.missed", { n: c.missed }));
  return el("li", {},
    el("span", { class: "who" }, caller(c), el("small", {}, about.join(" · "))),
    el("span", { class: "end" }, pill(c.phase, t(`phase.${c.phase}`)),
      running(c.phase === "waiting" || c.phase === "ringing" ? c.queued ?? c.since : c.since)));
}

const caller = (c) => [phone(c.caller) || t("call.hidden"), c.caller_name].filter(Boolean).join(" · ");

export function historyRow(i, open) {
  const took = i.ended ? duration(Date.parse(i.ended) - Date.parse(i.started)) : "";
  const about = [i.queue_name, i.agent_name, t("call.protocol", { protocol: i.protocol })].filter(Boolean).join(" · ");
  const button = el("button", { type: "button", class: "open", "aria-expanded": "false" },
    el("span", { title: stamp(i.started) }, `${day(i.started)} ${clock(i.started)}`.trim()),
    el("span", { class: "who" }, caller(i), el("small", {}, about)),
    el("span", { class: "end" },
      i.phase === "ended" ? pill(i.outcome === "answered" ? "good" : "bad", t(`outcome.${i.outcome ?? "failed"}`))
        : pill(i.phase, t(`phase.${i.phase}`)),
      el("span", { class: "clock" }, took)));
  const detail = el("div", { class: "detail", hidden: "" });
  button.addEventListener("click", () => {
    const wide = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(wide));
    detail.hidden = !wide;
    if (wide) open(i.id, detail);
  });
  return el("li", { "data-id": i.id }, button, detail);
}

export function timeline(detail, mayHear) {
  const start = Date.parse(detail.interaction.started);
  const list = el("ol", { class: "timeline" });
  for (const m of detail.timeline) {
    list.append(el("li", {},
      el("time", { datetime: m.at, title: stamp(m.at) }, clock(m.at)),
      el("span", { class: "after" }, `+${duration(Date.parse(m.at) - start)}`),
      el("span", { class: "what" }, moment(m, detail.interaction))));
  }
  if (!detail.interaction.has_recording || !mayHear) return [list];
  return [list, el("audio", { controls: "", preload: "none", "aria-label": t("history.recording"),
    src: `/api/recordings/${encodeURIComponent(detail.interaction.id)}` })];
}

// moment is the sentence of one fact. What this page does not know is shown by its name.
function moment(m, i) {
  const key = `fact.${m.kind}`;
  if (!has(key)) return m.kind;
  const node = m.kind === "ivr.node" && m.label ? m.label : m.node ?? ""; // a step's own name says more than its key
  return t(key, { node, digit: m.digit ?? "", label: m.label ?? "", queue: m.queue_name ?? "",
    agent: m.agent_name ?? t("call.agent"), dialled: phone(i.dialled), cause: cause(m.cause),
    by: t(`by.${m.by ?? "system"}`) });
}

function cause(name) {
  if (!name) return "";
  return has(`cause.${name}`) ? t(`cause.${name}`) : name;
}
