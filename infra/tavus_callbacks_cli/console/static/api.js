// The read API, through the server that serves this page. One request is in flight at a time.

const MOST_PAUSE = 60_000;

/** An answer that is no success; `status` is 0 if there was no answer at all. */
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

/** Reads what this console is and may do; raises ApiError. */
export async function loadConfig() {
  return Object.assign(config, await request("GET", "/console/config"));
}

/** Returns the JSON of an answer of the read API; raises ApiError. An aborted request rejects with AbortError. */
export function get(path, query = {}, { signal } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return queue(() => request("GET", `${config.api}${path}${text && `?${text}`}`, undefined, signal), signal);
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

function queue(send, signal) {
  const mine = last.catch(() => {}).then(async () => {
    const wait = notBefore - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    signal?.throwIfAborted();
    return send();
  });
  last = mine.catch(() => {});
  return mine;
}

async function request(method, url, content, signal) {
  const options = { method, signal, headers: { accept: "application/json" }, cache: "no-store" };
  if (content !== undefined) {
    options.body = JSON.stringify(content);
    options.headers["content-type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "No answer", "The server does not answer. Is it still running?");
  }
  slowDown(response.status);
  const text = await response.text();
  const answer = parse(text);
  if (response.ok) return answer ?? text;
  const problem = answer ?? {};
  const retryAfter = Number(response.headers.get("retry-after")) || null;
  throw new ApiError(response.status, problem.title ?? problem.message ?? `Status ${response.status}`, problem.detail, retryAfter, problem);
}

/** After each 429 the pause doubles; any other answer ends it. */
function slowDown(status) {
  pause = status === 429 ? Math.min(pause ? pause * 2 : 1000, MOST_PAUSE) : 0;
  notBefore = Date.now() + pause;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
