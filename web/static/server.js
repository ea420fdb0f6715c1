// What the page asks of the server.
import { language } from "./text.js";

// Problem is an answer of application/problem+json.
export class Problem extends Error {
  constructor(body) {
    super(body.title);
    this.code = body.code;
    this.status = body.status;
  }
}

export async function ask(method, path, body) {
  const headers = { "Accept-Language": language };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const kind = answer.headers.get("Content-Type") ?? "";
  throw new Problem(kind.startsWith("application/problem+json") ? await answer.json()
    : { title: `${answer.status} ${answer.statusText}`, code: "internal", status: answer.status });
}

// Stream keeps the live view: it reconnects by itself and asks for the whole when a number is missing.
export class Stream {
  #socket = null;
  #pause = 500;
  #timer = 0;
  #closed = false;

  // changed is called after each frame with the calls that ended, signedOut when the session is over.
  constructor(changed, signedOut) {
    this.changed = changed;
    this.signedOut = signedOut;
    this.agents = new Map();
    this.calls = new Map();
    this.seq = 0;
    this.loaded = false;
    this.heard = 0; // when the last frame came, by our clock
    this.at = null; // the server's time in it
    this.#open();
  }

  // now is the server's time.
  now() {
    return this.at === null ? Date.now() : this.at + (Date.now() - this.heard);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #open() {
    const url = new URL("/api/live/stream", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onmessage = (m) => this.#take(JSON.parse(m.data));
    socket.onclose = (e) => this.#ended(e);
  }

  #take(f) {
    this.#pause = 500;
    this.heard = Date.now();
    this.at = Date.parse(f.at);
    const lost = f.type === "tick" ? f.seq !== this.seq : f.type === "update" && f.seq !== this.seq + 1;
    if (lost) {
      this.#socket.send(JSON.stringify({ type: "resync" }));
      return;
    }
    if (f.type === "snapshot") {
      this.agents.clear();
      this.calls.clear();
      this.loaded = true;
    }
    this.seq = f.seq;
    for (const a of f.agents ?? []) this.agents.set(a.id, a);
    for (const c of f.calls ?? []) this.calls.set(c.id, c);
    for (const id of f.gone ?? []) this.calls.delete(id);
    this.changed(f.type, f.gone ?? []);
  }

  async #ended(e) {
    if (this.#closed) return;
    if (e.code === 4401) return this.signedOut();
    // A refused handshake does not tell why: ask whether the session still lives.
    try {
      await ask("GET", "/api/me");
    } catch (err) {
      if (err instanceof Problem && err.status === 401) return this.signedOut();
    }
    this.#timer = setTimeout(() => this.#open(), this.#pause * (0.75 + Math.random() / 2));
    this.#pause = Math.min(this.#pause * 2, 10_000);
  }
}
