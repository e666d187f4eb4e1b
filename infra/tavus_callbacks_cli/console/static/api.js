// The read API, through the server that serves this page. One request is in flight at a time.

const MOST_PAUSE = 60_000;
const LONGEST = 60_000;
// Seconds. A server that was started again answers soon.
const MOST_UNREACHABLE = 8;
const PASSING = [401, 403, 429];

/** An answer that is no success; `status` is 0 if there was no answer at all, `retryAfter` is in seconds. */
export class ApiError extends Error {
  constructor(status, title, detail, retryAfter = null, problem = {}) {
    super(detail || title);
    Object.assign(this, { status, title, detail, retryAfter, problem });
  }
}

export const config = {};

let last = Promise.resolve();
let pause = 0;
let notBefore = 0;
let failures = 0;

/** Reads what this console is and may do; raises ApiError. */
export async function loadConfig() {
  return Object.assign(config, await request("GET", "/console/config"));
}

/** Exchanges a key, or the address that contains it, for a cookie; raises ApiError. */
export async function signIn(text) {
  const key = /key=([\w-]+)/.exec(text)?.[1] ?? text.trim();
  await request("POST", "/console/session", { key });
  tryAgain();
}

/** Repeats what failed on this page: each notice and the live connection listen to it. */
export function tryAgain() {
  document.dispatchEvent(new CustomEvent("try-again"));
}

/** Returns the JSON of an answer of the read API; raises ApiError. An aborted request rejects with AbortError. */
export function get(path, query = {}, { signal } = {}) {
  return queue(() => request("GET", urlOf(path, query), undefined, signal), signal);
}

/** Returns the address of an answer of the read API; members of the query that are empty are left out. */
export function urlOf(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return `${config.api}${path}${text && `?${text}`}`;
}

/** Returns the JSON of an answer of the console itself, by its path; raises as `get` does. */
export function ask(path, { signal } = {}) {
  return queue(() => request("GET", path, undefined, signal), signal);
}

/** Sends JSON to an action of the console; raises ApiError. */
export function act(name, content) {
  return queue(() => request("POST", `/console/actions/${name}`, content));
}

/** Returns an id as a segment of a path, or null if no path can hold it (docs/api.md). */
export function segment(id) {
  return id === "." || id === ".." || /[/?]/.test(id) ? null : encodeURIComponent(id);
}

/** Returns after how many seconds to repeat a failed request; the time doubles with each failure in a row. */
export function retryDelay(error) {
  return Math.max(error.retryAfter ?? 0, Math.min(2 ** failures * 2, error.status ? MOST_PAUSE / 1000 : MOST_UNREACHABLE));
}

function queue(send, signal) {
  const mine = last.then(async () => {
    const wait = notBefore - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    signal?.throwIfAborted();
    return send();
  });
  last = mine.catch(() => {});
  return mine;
}

async function request(method, url, content, signal) {
  const limit = AbortSignal.timeout(LONGEST);
  const options = { method, headers: { accept: "application/json" }, cache: "no-store" };
  options.signal = signal ? AbortSignal.any([signal, limit]) : limit;
  if (content !== undefined) {
    options.body = JSON.stringify(content);
    options.headers["content-type"] = "application/json";
  }
  let response;
  let text;
  try {
    response = await fetch(url, options);
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    failures += 1;
    throw new ApiError(0, "No answer", limit.aborted ? "The answer took longer than 60 s." : "The server does not answer. Is it still running?");
  }
  return read(response, text);
}

function read(response, text) {
  slowDown(response);
  const answer = parse(text);
  if (response.ok) return answer ?? text;
  const problem = answer ?? {};
  throw new ApiError(response.status, problem.title ?? `Status ${response.status}`, problem.detail ?? problem.message ?? "The answer gives no reason.", seconds(response), problem);
}

/** After each 429 the pause doubles; any other answer ends it. */
function slowDown(response) {
  failures = PASSING.includes(response.status) || response.status >= 500 ? failures + 1 : 0;
  pause = response.status === 429 ? Math.min(pause ? pause * 2 : 1000, MOST_PAUSE) : 0;
  notBefore = Date.now() + Math.max(pause, pause && Math.min((seconds(response) ?? 0) * 1000, MOST_PAUSE));
}

function seconds(response) {
  return Number(response.headers.get("retry-after")) || null;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
