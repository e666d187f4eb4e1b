// The read API through the server of this page, one request at a time; and new callbacks while the page is visible.

import { formatQuery } from "/console/base.js";

const MOST_PAUSE = 60_000;
const LONGEST = 60_000;
// Seconds. A server that was started again answers soon.
const MOST_UNREACHABLE = 8;
const PASSING = [401, 403, 429];

/** An answer that is not a success; `status` is 0 without an answer, `retryAfter` is in seconds. */
class ApiError extends Error {
  constructor(status, title, detail, retryAfter = null, problem = {}) {
    super(detail || title);
    Object.assign(this, { status, title, detail, retryAfter, problem });
  }
}

/** The target of this console, and the actions that it allows. */
export const config = {};

let last = Promise.resolve();
let pause = 0;
let notBefore = 0;
let endWait = () => {};
let failures = 0;

/** Reads the config; raises ApiError. */
export async function loadConfig() {
  return Object.assign(config, await request("GET", "/console/config"));
}

/** Exchanges a key, or the address that contains it, for a cookie; raises ApiError. */
export async function signIn(text) {
  await request("POST", "/console/session", { content: { key: /key=([\w-]+)/.exec(text)?.[1] ?? text.trim() } });
  tryAgain();
}

/** Lets notices and the live connection repeat what failed. */
export function tryAgain() {
  document.dispatchEvent(new CustomEvent("try-again"));
}

/** Returns an answer of the read API; raises ApiError, or AbortError. */
export function get(path, query = {}, { signal } = {}) {
  return ask(urlOf(path, query), { signal });
}

/** Returns the address of an answer of the read API. */
export function urlOf(path, query = {}) {
  return `${config.api}${path}${formatQuery(query)}`;
}

/** Returns an answer of the console itself, as `get` does. */
export function ask(url, { signal } = {}) {
  return queue(() => request("GET", url, { signal }), signal);
}

/** Sends JSON to an action of the console; raises ApiError. */
export function act(name, content) {
  return queue(() => request("POST", `/console/actions/${name}`, { content }));
}

/** Returns an id as a segment of a path, or null if no path can hold it (docs/api.md). */
export function segment(id) {
  return id === "." || id === ".." || /[/?]/.test(id) ? null : encodeURIComponent(id);
}

/** Returns the seconds until a failed request is repeated; they double with each failure in a row. */
export function retryDelay({ retryAfter, status }) {
  return Math.max(retryAfter ?? 0, Math.min(2 ** failures * 2, status ? MOST_PAUSE / 1000 : MOST_UNREACHABLE));
}

/** Ends the pause after a 429, because a person asks for something. Another 429 still doubles it. */
export function endPause() {
  notBefore = 0;
  endWait();
}

function queue(send, signal) {
  const mine = last.then(async () => {
    const wait = notBefore - Date.now();
    if (wait > 0) await new Promise((resolve) => { endWait = resolve; setTimeout(resolve, wait); });
    signal?.throwIfAborted();
    return send();
  });
  last = mine.catch(() => {});
  return mine;
}

async function request(method, url, { content, signal } = {}) {
  const limit = AbortSignal.timeout(LONGEST);
  try {
    const response = await fetch(url, {
      method, cache: "no-store", signal: signal ? AbortSignal.any([signal, limit]) : limit,
      headers: { accept: "application/json", ...(content && { "content-type": "application/json" }) }, body: content && JSON.stringify(content),
    });
    return read(response, await response.text());
  } catch (error) {
    if (error.name === "AbortError" || error instanceof ApiError) throw error;
    failures += 1;
    throw noAnswer(limit.aborted && "The answer took longer than 60 s.");
  }
}

/** Returns the error for a server that does not answer. */
export function noAnswer(detail) {
  return new ApiError(0, "No answer", detail || "The server does not answer. Is it still running?");
}

function read(response, text) {
  const retryAfter = Number(response.headers.get("retry-after")) || null;
  slowDown(response.status, retryAfter);
  const answer = parse(text);
  if (response.ok) return answer ?? text;
  const problem = answer ?? {};
  throw new ApiError(response.status, problem.title ?? `The server answered ${response.status}`, problem.detail ?? problem.message ?? "The answer gives no reason.", retryAfter, problem);
}

/** After each 429 the pause doubles; any other answer ends it. */
function slowDown(status, retryAfter) {
  failures = PASSING.includes(status) || status >= 500 ? failures + 1 : 0;
  pause = status === 429 ? Math.min(pause * 2 || 1000, MOST_PAUSE) : 0;
  notBefore = Date.now() + (pause && Math.max(pause, Math.min(retryAfter * 1000, MOST_PAUSE)));
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// New callbacks: pushed by the local stack, polled elsewhere; stopped after 30 idle minutes.

const POLL = 5000;
const POLL_MORE = 500;
const IDLE = 30 * 60_000;
const IDLE_CHECK = 30_000;
const FIRST = "2000-01-01T00:00:00Z";

/** Shows in the header whether new callbacks arrive: "on", "off" (perhaps with an error), "idle" or "paused". */
export function tellLive(state, error = null) {
  document.dispatchEvent(new CustomEvent("live", { detail: { state, error } }));
}

/** Calls `onEvents` with new callbacks until `signal` aborts; some may have been missed before `onState` gets "on". */
export function follow({ signal, onEvents, onState = () => {} }) {
  const start = config.live === "push" ? push : poll;
  const place = {};
  let stop = null;
  let usedAt = Date.now();
  let state = "";

  function tell(next, error = null) {
    if (next === state && !error) return;
    state = next;
    tellLive(state, error);
    onState(state, error);
  }
  function decide() {
    const isIdle = Date.now() - usedAt > IDLE;
    const isWanted = !signal.aborted && document.visibilityState === "visible" && !isIdle;
    if (isWanted) stop ??= start(place, onEvents, tell);
    else if (stop) {
      halt();
      if (!signal.aborted) tell(isIdle ? "idle" : "off");
    }
  }
  function halt() {
    stop?.();
    stop = null;
  }
  function use() {
    usedAt = Date.now();
    if (!stop) decide();
  }

  const timer = setInterval(decide, IDLE_CHECK);
  document.addEventListener("visibilitychange", decide, { signal });
  document.addEventListener("try-again", () => { halt(); decide(); }, { signal });
  for (const name of ["pointermove", "keydown", "scroll"]) addEventListener(name, use, { signal, passive: true });
  signal.addEventListener("abort", () => { clearInterval(timer); decide(); });
  decide();
}

function push(_, onEvents, tell) {
  let source = null;
  let timer = null;
  let isStopped = false;
  function open() {
    source = new EventSource("/console/live");
    source.onopen = () => tell("on");
    source.onmessage = (message) => onEvents([JSON.parse(message.data)]);
    source.onerror = async () => {
      source.close();
      // An event source does not say why it fails.
      const error = await loadConfig().then(() => new ApiError(0, "Not live", "New callbacks do not arrive. Reload the page to see them."), (reason) => reason);
      if (isStopped) return;
      tell("off", error);
      timer = setTimeout(open, retryDelay(error) * 1000);
    };
  }
  open();
  return () => { isStopped = true; source.close(); clearTimeout(timer); };
}

function poll(place, onEvents, tell) {
  const controller = new AbortController();
  const { signal } = controller;
  let timer = null;
  async function look() {
    let wait = POLL;
    try {
      place.after ??= await newest(signal);
      const { events, cursor, looked_until: more } = await get("/events", { after: place.after, limit: 200 }, { signal });
      place.after = cursor;
      if (more) wait = POLL_MORE;
      tell("on");
      if (events.length) onEvents(events);
    } catch (error) {
      if (error.name === "AbortError") return;
      wait = retryDelay(error) * 1000;
      tell("off", error);
    }
    if (!signal.aborted) timer = setTimeout(look, wait);
  }
  look();
  return () => { controller.abort(); clearTimeout(timer); };
}

/** Returns the time of the newest event: this machine's clock may differ from the stack's. */
async function newest(signal) {
  const { events } = await get("/events", { order: "newest", limit: 1 }, { signal });
  return events[0]?.received_at ?? FIRST;
}
