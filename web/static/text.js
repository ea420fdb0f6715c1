// The page's words: one JSON file per language, Portuguese unless somebody chose English.
const files = { "pt-BR": "/static/i18n/pt-BR.json", en: "/static/i18n/en.json" };
let words = {};
export let language = "pt-BR";

export function preferred() {
  const stored = localStorage.getItem("ramal.language");
  if (stored in files) return stored;
  return (navigator.languages ?? []).some((l) => l.toLowerCase().startsWith("pt"))
    || !(navigator.language ?? "").toLowerCase().startsWith("en") ? "pt-BR" : "en";
}

export async function speak(next) {
  const answer = await fetch(files[next]);
  if (!answer.ok) throw new Error(`texts of ${next}: ${answer.status}`);
  words = await answer.json();
  language = next;
  document.documentElement.lang = next;
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = t(e.dataset.t);
}

export function remember(next) {
  localStorage.setItem("ramal.language", next);
}

// t is the text of a key, with {name} replaced. A key without a text shows itself, so that it is noticed.
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

export const has = (key) => key in words;

// duration is HH:MM:SS.
export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

export function clock(at) {
  return new Date(at).toLocaleTimeString(language, { hour12: false });
}

// day is nothing for today, otherwise the date.
export function day(at) {
  const d = new Date(at);
  if (d.toDateString() === new Date().toDateString()) return "";
  return d.toLocaleDateString(language, { day: "2-digit", month: "2-digit" });
}

export function stamp(at) {
  return new Date(at).toLocaleString(language, { dateStyle: "long", timeStyle: "long" });
}

// phone groups a Brazilian number; what is masked or foreign stays as it is.
export function phone(n) {
  const m = /^\+?55(\d\d)(\d{4,5})(\d{4})$/.exec(n);
  return m ? `+55 ${m[1]} ${m[2]}-${m[3]}` : n;
}
