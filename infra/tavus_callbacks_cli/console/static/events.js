// The list of all events, one event, the Events tab of a conversation, and a conversation without an answer of the API.

import { config, get, segment, urlOf } from "/console/api.js";
import { fill, h, parseRoute, replaceQuery, said, zoneName } from "/console/base.js";
import { cell, counted, foldingRow, listPage } from "/console/listing.js";
import { KINDS, SIMULATED, badge, breadcrumb, command, commandLine, copyButton, empty, fact, loading, notice, subjectLink, tags, time } from "/console/parts.js";
import { lazy, tree } from "/console/tree.js";

const FIRST_PAGE = 50;
const PAGE = 200;

/** The issues by their codes (docs/api.md, "Issues"). */
const ISSUES = {
  byte_order_mark: "The body began with a byte order mark, which is kept.",
  more_issues: "There are more issues than this list holds.",
  other_conversation: "The recording's key is in the folder of another conversation.",
  repeated_key: "An object has the same key twice. The last value counts.",
  storage_conflict: "The bucket and the key contradict storage_uri.",
  tag_dropped: "A query parameter of the callback URL was dropped: too many, too long, or not printable.",
  too_many_parts: "The body has over 100,000 objects and lists. It is stored, but lists and views do not read it.",
  unexpected_type: "This member has another type than documented. It is stored as sent.",
  unknown_event_type: "No model describes this event type. The event is stored as sent.",
  unknown_property: "No model describes this member. It is stored as sent.",
  unpaired_surrogate: "Half of an escaped character, such as a cut emoji. It is stored as sent and shown as U+FFFD.",
  unusable_time: "The timestamp is not a time between 2000 and 2100, so the content identifies the event.",
  variant: "This event was already stored with different content. Both are kept.",
};

/** Returns an issue, such as `unknown_property:properties.x`, in plain words. */
export function explainIssue(issue) {
  return ISSUES[issue.split(":", 1)[0]] ?? "This version of the console has no explanation for this issue.";
}

/** Returns the id by which an event or a variant is read. */
export function idOf(event) {
  return event.variant_id || event.event_id;
}

/** Returns what is stored of an event; a body that the list leaves out is loaded by a button. */
export function eventDetails(event, { signal } = {}) {
  const id = idOf(event);
  return h("div", { class: "event-details" },
    h("dl", {},
      fact(`Occurred (${zoneName()})`, event.occurred_at ? time(event.occurred_at) : "The callback has no time."),
      fact(`Received (${zoneName()})`, time(event.received_at), event.source === "backfill" && " – fetched from Tavus's API, not sent as a callback"),
      fact("Token label", said(event.label)),
      Object.keys(event.tags).length > 0 && fact("Tags", tags(event.tags)),
      fact(event.variant_id ? "Variant id" : "Event id", said(id, { class: "mono" }), copyButton("Copy", id))),
    event.issues.length > 0 && h("ul", { class: "issues" }, event.issues.map((issue) =>
      h("li", {}, said(issue, { class: "mono" }), h("div", { class: "dim" }, explainIssue(issue))))),
    h("div", { class: "tree" }, "body" in event ? tree(event.body) : largeBody(id, signal)),
    h("p", {}, h("a", { href: urlOf(`/events/${segment(id)}/body`), target: "_blank", rel: "noopener" }, "Open the stored body")),
    commandLine(command("show", id)),
    event.variants?.map((variant, index) => variantDetails(variant, index, signal)));
}

function largeBody(id, signal) {
  const place = h("div", {}, h("button", { type: "button", onclick: load }, "Load the body (over 256 KB)"));
  async function load() {
    fill(place, loading());
    try {
      fill(place, tree(await get(`/events/${segment(id)}/body`, {}, { signal })));
    } catch (error) {
      if (error.name !== "AbortError") fill(place, notice(error, { again: load }));
    }
  }
  return place;
}

function variantDetails(variant, index, signal) {
  const body = h("div");
  const details = h("details", { class: "variant" }, h("summary", {}, `Other content ${index + 1}, received `, time(variant.received_at)), body);
  return lazy(details, () => fill(body, eventDetails(variant, { signal })));
}

// The Events tab.

/** The events of a conversation by their own time, as far as they are loaded; the tabs share them. */
export class EventPages {
  constructor(id, signal) {
    Object.assign(this, { query: { kind: "conversation", subject: id }, signal, last: Promise.resolve() });
    this.forget();
  }

  forget() {
    Object.assign(this, { events: [], cursor: undefined });
  }

  get isComplete() {
    return this.cursor === null;
  }

  has(id) {
    return this.events.some((event) => hasId(event, id));
  }

  /** Loads pages until there are so many events, or one of this id, or no more. Two tabs may ask at once. */
  until({ count = 1, id = null }) {
    const isLacking = () => this.events.length < count || (id !== null && !this.has(id));
    this.last = this.last.catch(() => {}).then(async () => {
      while (!this.isComplete && isLacking()) await this.read();
    });
    return this.last;
  }

  /** Loads as many events again: new ones can stand between those that are loaded. */
  reload() {
    const count = this.events.length;
    this.last = this.last.catch(() => {}).then(() => this.forget());
    return this.until({ count });
  }

  /** Reads the next page. Unlike a path, this query can hold every id. */
  async read() {
    const limit = this.events.length ? PAGE : FIRST_PAGE;
    const page = await get("/events", { ...this.query, limit, cursor: this.cursor }, { signal: this.signal });
    this.events.push(...page.events);
    this.cursor = page.cursor;
  }
}

/** Returns the Events tab; the event with the id `chosen` is open. */
export async function eventsTab({ id, pages, chosen = null, signal }) {
  await pages.until({ id: chosen });
  if (!pages.events.length) return empty("No events", h("p", {}, "No callback of this conversation is stored."));
  const list = h("ol", { class: "event-list" });
  const foot = h("div", { class: "foot" });
  let shown = 0;
  function draw() {
    list.append(...pages.events.slice(shown).map((event) => eventRow(event, { chosen, signal })));
    shown = pages.events.length;
    fill(foot, h("span", {}, `${counted(shown, "events")} in the order of their times.${pages.isComplete ? " There are no more." : ""}`),
      !pages.isComplete && h("button", { type: "button", onclick: more }, "Show more"),
      h("a", { href: urlOf("/events", pages.query), target: "_blank", rel: "noopener" }, "JSON"), commandLine(command("show", id, "--events")));
  }
  async function more() {
    fill(foot, loading());
    try {
      await pages.until({ count: shown + 1 });
      draw();
    } catch (error) {
      if (error.name !== "AbortError") fill(foot, notice(error, { again: more }));
    }
  }
  draw();
  return h("div", { class: "events-tab" },
    chosen && !pages.has(chosen) && h("p", {}, "This conversation has no event with the id of the link."),
    list, foot);
}

function eventRow(event, { chosen, signal }) {
  const body = h("div");
  const isChosen = chosen !== null && hasId(event, chosen);
  const row = h("details", { class: "event", open: isChosen, ontoggle: () => remember(event, row) },
    h("summary", {},
      event.occurred_at ? time(event.occurred_at) : h("span", { class: "dim" }, "no time"),
      said(event.event_type, { class: "type" }),
      event.source === "backfill" && badge("backfill"),
      event.issues.length > 0 && badge(counted(event.issues.length, "issues"), "warn"),
      event.variants && badge(`${event.variants.length + 1} contents`, "warn")),
    body);
  if (isChosen) requestAnimationFrame(() => {
    row.scrollIntoView({ block: "center" });
    row.firstChild.focus({ preventScroll: true });
  });
  return h("li", {}, lazy(row, () => fill(body, eventDetails(event, { signal }))));
}

/** Puts the event that was opened last into the address. */
function remember(event, row) {
  if (row.open) replaceQuery({ event: event.event_id });
  else if (row.isConnected && parseRoute(location.hash).query.event === event.event_id) replaceQuery({ event: null });
}

function hasId(event, id) {
  return event.event_id === id || Boolean(event.variants?.some((variant) => variant.variant_id === id));
}

// A conversation without a page: nothing is stored of it, or no path can hold its id.

/** Shows that no callback of a conversation is stored. */
export function showUnknown({ root, id }) {
  fill(root, heading(id), empty("No such conversation",
    h("p", {}, "No callback of this conversation is stored here, or it was erased."),
    h("p", {}, "This command looks for the id among everything that is stored, and suggests similar ids:"),
    commandLine(command("show", id)),
    h("p", {}, h("a", { href: "#/conversations" }, "All conversations"),
      config.pages.includes("quarantine") && [" · ", h("a", { href: "#/quarantine" }, "Callbacks in quarantine")])));
}

function heading(id) {
  return h("div", { class: "head" }, breadcrumb("#/conversations", "Conversations", id));
}

/** Shows the events of a conversation whose id no path can hold. */
export async function showEventsOnly({ root, id, query, signal }) {
  fill(root, loading());
  const pages = new EventPages(id, signal);
  await pages.until({ id: query.event ?? null });
  if (!pages.events.length) return showUnknown({ root, id });
  return fill(root, heading(id),
    h("p", { class: "dim" }, "No path of the API can hold this id, so the console shows its events only."),
    h("div", { class: "panel card" }, await eventsTab({ id, pages, chosen: query.event ?? null, signal })));
}

// The list of all events, the newest first. New ones wait behind a button while somebody reads.

const PATH = ["events"];
const FIELDS = [
  { name: "kind", label: "Kind", values: KINDS },
  { name: "event_type", label: "Event type", hint: "system.shutdown" },
  { name: "label", label: "Token label", hint: "production" },
  { name: "issue", label: "Issue", values: Object.keys(ISSUES) },
  { name: "before", label: "Before", isTime: true },
  SIMULATED,
];

/** Shows the events that the address describes. */
export async function show(page) {
  const { query: { open }, signal } = page;
  const single = h("div");
  const button = h("button", { type: "button", onclick: pause }, "Pause");
  const shown = await listPage({
    ...page, path: PATH, title: "Events", fields: FIELDS, tools: button, above: single, keys: { p: { words: "pause or resume", run: pause } },
    api: "/events", member: "events", things: "events", verb: "list events", fixed: { order: "newest" }, hint: "An event appears here as soon as a callback arrives.",
    columns: [`Received (${zoneName()})`, "Event type", "Subject", "Tags", "Issues"], rowsOf: (event) => row(event, signal),
    idOf, subjectOf: (event) => event.subject, receivedOf: (event) => event.received_at, concerns: () => true, isFeed: true,
  });
  const { list } = shown;
  name();
  if (open && !list.body.querySelector("[aria-expanded=true]")) fill(single, await lone(open, signal));
  return shown;

  function name() {
    button.textContent = list.isPaused ? "Resume" : "Pause";
  }
  function pause() {
    list.setPaused(!list.isPaused);
    replaceQuery({ live: list.isPaused ? "off" : null });
    name();
  }
}

function row(event, signal) {
  const { simulated, ...others } = event.tags;
  const [issue, ...more] = event.issues;
  return foldingRow({
    id: idOf(event),
    words: said(event.event_type),
    isDim: simulated === "true",
    cells: (button) => [
      cell("Received", time(event.received_at)),
      cell("Event type", h("div", {}, button, marks(event))),
      cell("Subject", h("div", {}, h("span", { class: "dim" }, event.kind), " ", subjectLink(event.kind, event.subject))),
      cell("Tags", Object.keys(others).length > 0 && h("div", {}, tags(others, null))),
      cell("Issues", issue && h("div", {}, badge(said(issue), "warn"), more.length > 0 && h("span", { class: "dim" }, ` and ${more.length} more`))),
    ],
    details: () => eventDetails(event, { signal }),
  });
}

/** Returns badges for what is unusual about an event. */
export function marks(event) {
  return [
    event.variant_id && badge("variant", "warn"),
    event.variants && badge(`${event.variants.length + 1} contents`, "warn"),
    event.source === "backfill" && badge("backfill"),
  ];
}

/** Returns an event that the address opens and the page does not list. */
async function lone(id, signal) {
  const close = () => { replaceQuery({ open: null }); card.remove(); };
  const content = h("div", { class: "tree" });
  const card = h("section", { class: "card lone" }, h("h2", {}, "Event ", said(id, { class: "mono" })), content,
    h("p", {}, h("button", { type: "button", class: "quiet", onclick: close }, "Close")));
  try {
    fill(content, tree(await get(`/events/${encodeURIComponent(id)}/body`, {}, { signal })));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    fill(content, notice(error));
  }
  return card;
}
