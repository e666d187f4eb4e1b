// New callbacks while a page is visible: pushed by the local stack, polled elsewhere; it stops after 30 idle minutes.

import { ApiError, config, get, loadConfig, retryDelay } from "/console/api.js";

const POLL = 5000;
const POLL_MORE = 500;
const IDLE = 30 * 60_000;
const IDLE_CHECK = 30_000;
const FIRST = "2000-01-01T00:00:00Z";

/**
 * Calls `onEvents` with a list of new callbacks, each with kind, subject and event_type, until `signal` aborts.
 * `onState` is called with "on", "off" (not visible, or no answer: then with the error) or "idle" (stopped until
 * somebody moves). After "off" callbacks may have been missed: a page reads again when "on" follows.
 */
export function follow({ signal, onEvents, onState = () => {} }) {
  const start = config.live === "push" ? push : poll;
  const place = {};
  let stop = null;
  let usedAt = Date.now();
  let state = "";

  function tell(next, error = null) {
    if (next === state && !error) return;
    state = next;
    document.dispatchEvent(new CustomEvent("live", { detail: { state, error } }));
    onState(state, error);
  }
  function decide() {
    const isIdle = Date.now() - usedAt > IDLE;
    const isWanted = !signal.aborted && document.visibilityState === "visible" && !isIdle;
    if (isWanted && !stop) stop = start(place, onEvents, tell);
    if (!isWanted && stop) {
      stop();
      stop = null;
      if (!signal.aborted) tell(isIdle ? "idle" : "off");
    }
  }
  function restart() {
    stop?.();
    stop = null;
    decide();
  }
  function use() {
    usedAt = Date.now();
    if (!stop) decide();
  }

  const timer = setInterval(decide, IDLE_CHECK);
  document.addEventListener("visibilitychange", decide, { signal });
  document.addEventListener("try-again", restart, { signal });
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
      const error = await reasonOf();
      if (isStopped) return;
      tell("off", error);
      timer = setTimeout(open, retryDelay(error) * 1000);
    };
  }
  open();
  return () => { isStopped = true; source.close(); clearTimeout(timer); };
}

/** Returns why no callback is pushed: an event source does not say. */
async function reasonOf() {
  try {
    await loadConfig();
    return new ApiError(0, "Not live", "New callbacks do not arrive. Reload the page to see them.");
  } catch (error) {
    return error;
  }
}

function poll(place, onEvents, tell) {
  const controller = new AbortController();
  const { signal } = controller;
  let timer = null;

  async function ask() {
    let pause = POLL;
    try {
      place.after ??= await newest(signal);
      const { events, cursor, looked_until: more } = await get("/events", { after: place.after, limit: 200 }, { signal });
      place.after = cursor;
      if (more) pause = POLL_MORE;
      tell("on");
      if (events.length) onEvents(events);
    } catch (error) {
      if (error.name === "AbortError") return;
      pause = retryDelay(error) * 1000;
      tell("off", error);
    }
    if (!signal.aborted) timer = setTimeout(ask, pause);
  }

  ask();
  return () => { controller.abort(); clearTimeout(timer); };
}

/** Returns the time of the newest event: this machine's clock may differ from the stack's. */
async function newest(signal) {
  const { events } = await get("/events", { order: "newest", limit: 1 }, { signal });
  return events[0]?.received_at ?? FIRST;
}
