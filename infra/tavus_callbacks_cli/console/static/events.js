// All events, the newest first. New ones appear at the top; they wait behind a button while somebody reads.

import { config, get } from "/console/api.js";
import { listCommand } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { ISSUES, eventDetails, idOf } from "/console/event.js";
import { setKeys } from "/console/keys.js";
import { SIMULATED, cell, filterForm, fixTimes, foldingRow, listKeys, offer, offerPlace, readPage, showList } from "/console/listing.js";
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
// Callbacks come in bursts, and one request shows all of a burst, in milliseconds.
const BURST = 100;
const MOST_ROWS = 1000;

/** Shows the events that the address describes. */
export async function show({ root, query, memory, signal }) {
  const { cursor, at, open, live, ...filters } = query;
  const fixed = fixTimes(filters, ["before"]);
  const fresh = offerPlace();
  const tools = h("div");
  const trouble = h("div");
  const single = h("div");
  const listRoot = h("div");
  const types = new Set();
  const list = {
    api: "/events", member: "events", path: PATH, same: listCommand("list events", fixed), fixed, filters: { ...fixed, order: "newest" },
    columns: [`Received (${zoneName()})`, "Event type", "Subject", "Tags", "Issues"], rows: (event) => { types.add(event.event_type); return rows(event, signal); }, nothing: () => nothing(filters),
  };
  fill(root, h("div", { class: "head" }, h("h1", {}, "Events"), tools), filterForm({ path: PATH, query, fields: FIELDS, keep: { live } }), fresh, trouble, single, listRoot);
  suggest(root.querySelector("[name=event_type]"), types);
  setKeys({ ...listKeys(root), p: { words: "pause or resume", run: () => tools.querySelector("button")?.click() } }, signal);
  const { body, load } = await showList({ root: listRoot, query, memory, signal, list });
  if (open && !body.querySelector(".open[aria-expanded=true]")) fill(single, await lone(open, signal));
  if (cursor || filters.before) fill(tools, h("a", { href: formatRoute(PATH, { ...filters, before: null, live }) }, "Show new events"));
  else startFeed({ body, load, list, fresh, tools, trouble, signal, isPaused: live === "off" });
}

/** Offers the event types of the rows in the filter. */
function suggest(input, types) {
  const options = h("datalist", { id: "event-types" });
  input.setAttribute("list", options.id);
  input.after(options);
  input.addEventListener("focus", () => fill(options, [...types].sort().map((value) => h("option", { value }))));
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
  return empty("No events yet", h("p", {}, "An event appears here as soon as a callback arrives."), config.pages.includes("try") && h("p", {}, h("a", { href: "#/try" }, "Send a callback")));
}

/** Keeps the newest page up to date, until `signal` aborts or somebody pauses it. */
function startFeed(feed) {
  Object.assign(feed, { seen: idsOf(feed.body), waiting: [], timer: null, notBefore: 0 });
  feed.button = h("button", { type: "button", onclick: () => pause(feed, !feed.isPaused) });
  fill(feed.tools, feed.button);
  feed.signal.addEventListener("abort", () => clearTimeout(feed.timer));
  pause(feed, feed.isPaused);
}

function idsOf(body) {
  return new Set([...body.rows].map((row) => row.dataset.id));
}

function pause(feed, isPaused) {
  feed.isPaused = isPaused;
  replaceQuery({ live: isPaused ? "off" : null });
  feed.button.textContent = isPaused ? "Resume" : "Pause";
  feed.following?.abort();
  if (isPaused) {
    document.dispatchEvent(new CustomEvent("live", { detail: { state: "paused" } }));
    return;
  }
  feed.following = new AbortController();
  const signal = AbortSignal.any([feed.signal, feed.following.signal]);
  // Events may have arrived before the connection stands, and while it was interrupted.
  follow({ signal, onEvents: () => schedule(feed), onState: (state) => state === "on" && schedule(feed) });
}

function schedule(feed) {
  feed.timer ??= setTimeout(() => refresh(feed), Math.max(BURST, feed.notBefore - performance.now()));
}

async function refresh(feed) {
  feed.timer = null;
  if (feed.isPaused || feed.signal.aborted) return;
  const began = performance.now();
  try {
    for await (const { items, cursor } of readPage({ ...feed.list, signal: feed.signal, most: 1 })) propose(feed, items, cursor);
    fill(feed.trouble);
  } catch (error) {
    // The list may say already that it cannot be read.
    if (error.name !== "AbortError" && !document.querySelector("main .notice.bad")) fill(feed.trouble, notice(error, { again: () => refresh(feed) }));
  }
  // A busy stack is asked less often.
  feed.notBefore = 3 * performance.now() - 2 * began;
}

function propose(feed, items, cursor) {
  const { body, seen } = feed;
  feed.waiting = items.filter((event) => !seen.has(idOf(event)));
  const count = feed.waiting.length;
  if (!count || feed.isPaused) return;
  // A page of new events only may hide more of them, so the list begins anew.
  const isGap = !body.rows.length || (cursor && count === items.length) || body.rows.length > MOST_ROWS;
  const run = () => (isGap ? restart(feed) : insert(feed));
  // Nothing moves under a reader who has scrolled, chosen a row or opened one.
  const isReading = scrollY > 40 || body.contains(document.activeElement) || body.querySelector("[aria-expanded=true]");
  if (isReading) offer(feed.fresh, `${count}${isGap ? "+" : ""} new – show`, run);
  else run();
}

function insert(feed) {
  offer(feed.fresh);
  for (const event of feed.waiting) feed.seen.add(idOf(event));
  feed.body.prepend(...feed.waiting.flatMap(feed.list.rows));
  feed.waiting = [];
}

async function restart(feed) {
  offer(feed.fresh);
  await feed.load();
  feed.seen = idsOf(feed.body);
}
