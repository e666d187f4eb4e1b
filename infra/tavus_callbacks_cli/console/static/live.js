// New callbacks while a page is visible: pushed by the local stack, polled elsewhere; it stops after 30 idle minutes.

import { config, get } from "/console/api.js";

const POLL = 5000;
const MOST_POLL = 60_000;
const IDLE = 30 * 60_000;
const IDLE_CHECK = 30_000;

/**
 * Calls `onEvents` with a list of new callbacks, each with kind, subject and event_type, until `signal` aborts.
 * `onState` is called with "on", "off" (nobody is there, or no answer) or "idle" (stopped until somebody moves).
 */
export function follow({ signal, onEvents, onState = () => {} }) {
  const start = config.live === "push" ? push : poll;
  let stop = null;
  let usedAt = Date.now();

  function decide() {
    const isIdle = Date.now() - usedAt > IDLE;
    const isWanted = !signal.aborted && document.visibilityState === "visible" && !isIdle;
    if (isWanted && !stop) stop = start(onEvents, onState);
    if (!isWanted && stop) {
      stop();
      stop = null;
      onState(isIdle ? "idle" : "off");
    }
  }
  function used() {
    usedAt = Date.now();
    if (!stop) decide();
  }

  const timer = setInterval(decide, IDLE_CHECK);
  document.addEventListener("visibilitychange", decide, { signal });
  for (const name of ["pointermove", "keydown", "scroll"]) addEventListener(name, used, { signal, passive: true });
  signal.addEventListener("abort", () => { clearInterval(timer); decide(); });
  decide();
}

function push(onEvents, onState) {
  const source = new EventSource("/console/live");
  source.onopen = () => onState("on");
  source.onerror = () => onState("off");
  source.onmessage = (message) => onEvents([JSON.parse(message.data)]);
  return () => source.close();
}

function poll(onEvents, onState) {
  const controller = new AbortController();
  const { signal } = controller;
  let timer = null;
  let after = new Date().toISOString();
  let pause = POLL;

  async function ask() {
    try {
      const answer = await get("/events", { after, limit: 200 }, { signal });
      after = answer.cursor;
      pause = POLL;
      onState("on");
      if (answer.events.length) onEvents(answer.events);
    } catch (error) {
      if (error.name === "AbortError") return;
      pause = Math.min(pause * 2, MOST_POLL);
      onState("off");
    }
    if (!signal.aborted) timer = setTimeout(ask, pause);
  }

  timer = setTimeout(ask, POLL);
  return () => { controller.abort(); clearTimeout(timer); };
}
