// All events, the newest first. New ones appear at the top; they wait behind a button while somebody reads.

import { get } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { ISSUES, eventDetails, idOf } from "/console/event.js";
import { SIMULATED, filterForm } from "/console/filters.js";
import { setKeys } from "/console/keys.js";
import { cell, foldingRow, listKeys, readPage, showList } from "/console/listing.js";
import { follow } from "/console/live.js";
import { badge, empty, notice, time } from "/console/parts.js";
import { formatRoute, replaceQuery } from "/console/router.js";
import { KINDS, marks, subjectLink, tagList } from "/console/subjects.js";
import { zoneName } from "/console/time.js";
import { tree } from "/console/tree.js";

const PATH = ["events"];
const FIELDS = [
  { name: "kind", label: "Kind", values: KINDS },
  { name: "event_type", label: "Event type", hint: "system.shutdown" },
  { name: "label", label: "Token label", hint: "production" },
  { name: "issue", label: "Issue", values: Object.keys(ISSUES) },
  { name: "before", label: "Before", isTime: true },
  SIMULATED,
];
// Callbacks come in bursts; one request shows all of a burst.
const BURST = 400;
const MOST_ROWS = 500;

/** Shows the events that the address describes. */
export async function show({ root, query, signal }) {
  const { cursor, at, open, live, ...filters } = query;
  const fresh = h("div", { role: "status" });
  const tools = h("div", { class: "feed" });
  const single = h("div");
  const listRoot = h("div");
  const list = {
    api: "/events", member: "events", path: PATH, filters: { ...filters, order: "newest" },
    columns: [`Received (${zoneName()})`, "Event type", "Subject", "Tags", "Issues"], rows: (event) => rows(event, signal), nothing: () => nothing(filters),
  };
  fill(root, h("div", { class: "head" }, h("h1", {}, "Events"), tools), filterForm({ path: PATH, query, fields: FIELDS, keep: { live } }), fresh, single, listRoot);
  setKeys({ ...listKeys(root), p: { words: "pause or resume", run: () => tools.querySelector("button")?.click() } }, signal);
  const { body, card, load } = await showList({ root: listRoot, query, signal, list });
  if (open && !body.querySelector(".open[aria-expanded=true]")) fill(single, await lone(open, signal));
  if (cursor || filters.before) fill(tools, h("a", { href: formatRoute(PATH, { ...filters, before: null, live }) }, "Show new events"));
  else liveFeed({ body, card, load, list, fresh, tools, signal, isPaused: live === "off" });
}

function rows(event, signal) {
  return foldingRow({
    id: idOf(event),
    words: said(event.event_type),
    isDim: event.tags.simulated === "true",
    cells: (button) => [
      cell("Received", time(event.received_at)),
      cell("Event type", h("div", {}, button, marks(event))),
      cell("Subject", h("div", {}, h("span", { class: "dim" }, event.kind), " ", subjectLink(event.kind, event.subject))),
      cell("Tags", withoutSimulated(event.tags)),
      cell("Issues", issues(event.issues)),
    ],
    details: () => eventDetails(event, { signal }),
  });
}

function withoutSimulated({ simulated, ...rest }) {
  const list = tagList(rest);
  return list.length ? h("div", {}, list) : null;
}

function issues([first, ...rest]) {
  if (!first) return null;
  return h("div", {}, badge(said(first), "warn"), rest.length > 0 && h("span", { class: "dim" }, ` and ${rest.length} more`));
}

/** Returns an event that the address opens and the page does not list. */
async function lone(id, signal) {
  const close = h("button", { type: "button", class: "quiet", onclick: (event) => { replaceQuery({ open: null }); event.target.closest(".lone").remove(); } }, "Close");
  const card = (...children) => h("section", { class: "card lone" }, h("h2", {}, "Event ", said(id, { class: "mono" })), children, h("p", {}, close));
  try {
    const body = await get(`/events/${encodeURIComponent(id)}/body`, {}, { signal });
    return card(h("p", { class: "dim" }, "This event is not among the rows below."), h("div", { class: "tree" }, tree(body)));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return card(notice(error));
  }
}

function nothing(filters) {
  if (Object.keys(filters).length) {
    return empty("No events match", h("p", {}, "No stored event fits these filters."), h("p", {}, h("a", { href: "#/events" }, "Clear the filters")));
  }
  return empty("No events yet", h("p", {}, "An event appears here as soon as a callback arrives."), h("p", {}, h("a", { href: "#/try" }, "Send a callback")));
}

/** Keeps the newest page up to date, until `signal` aborts or somebody pauses it. */
function liveFeed({ body, card, load, list, fresh, tools, signal, isPaused }) {
  const seen = new Set([...body.rows].map((row) => row.dataset.id));
  let waiting = [];
  let timer = null;
  let feed = null;
  const state = h("span", { class: "dim", role: "status" });
  const button = h("button", { type: "button", onclick: () => { isPaused = !isPaused; replaceQuery({ live: isPaused ? "off" : null }); apply(); } });
  fill(tools, state, button);

  function apply() {
    button.textContent = isPaused ? "Resume" : "Pause";
    feed?.abort();
    if (isPaused) return say("paused");
    feed = new AbortController();
    follow({ signal: AbortSignal.any([signal, feed.signal]), onEvents: schedule, onState: say });
    return schedule();
  }
  function say(word) {
    const words = { on: "Live", off: "Not live: no answer", idle: "Stopped after 30 idle minutes", paused: "Paused" };
    fill(state, badge(words[isPaused ? "paused" : word] ?? word, word === "on" && !isPaused ? "ok" : "plain"));
  }
  function schedule() {
    timer ??= setTimeout(refresh, BURST);
  }
  async function refresh() {
    timer = null;
    if (isPaused || signal.aborted) return;
    try {
      const { items } = await readPage({ ...list, query: list.filters, signal, most: 1 });
      waiting = items.filter((event) => !seen.has(idOf(event)));
    } catch (error) {
      if (error.name !== "AbortError") say("off");
      return;
    }
    offer();
  }
  function offer() {
    if (!waiting.length) return;
    // Nothing moves under a reader who has scrolled, chosen a row or opened one.
    const isReading = scrollY > 40 || body.contains(document.activeElement) || body.querySelector("[aria-expanded=true]");
    const isGap = waiting.length + body.rows.length / 2 > MOST_ROWS;
    if (isReading || isGap) fill(fresh, h("button", { type: "button", class: "fresh", onclick: isGap ? restart : insert }, `${waiting.length} new – show`));
    else insert();
  }
  function insert() {
    fill(fresh);
    for (const event of waiting) seen.add(idOf(event));
    body.prepend(...waiting.flatMap(list.rows));
    card.hidden = false;
    waiting = [];
  }
  async function restart() {
    fill(fresh);
    await load();
    seen.clear();
    for (const row of body.rows) seen.add(row.dataset.id);
  }

  signal.addEventListener("abort", () => clearTimeout(timer));
  apply();
}
