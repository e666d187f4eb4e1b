// One event, the Events tab of a conversation, and what the page shows of a conversation without one.

import { config, get, segment } from "/console/api.js";
import { command, commandLine } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { badge, copyButton, empty, loading, notice, tags, time } from "/console/parts.js";
import { parseRoute, replaceQuery } from "/console/router.js";
import { zoneName } from "/console/time.js";
import { lazy, tree } from "/console/tree.js";

const MOST_DIFFERENCES = 8;
const FIRST_PAGE = 50;
const PAGE = 200;
const MOST_PAGES = 50;

/** The issues by their codes (docs/api.md, "Issues"). */
export const ISSUES = {
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
  variant: "An event of this identity was already stored with other content. Both are kept.",
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
    "body" in event ? h("div", { class: "tree" }, tree(event.body)) : largeBody(id, signal),
    h("p", {}, h("a", { href: `${config.api}/events/${segment(id)}/body`, target: "_blank", rel: "noopener" }, "Open the stored body")),
    commandLine(command("show", id)),
    event.variants?.map((variant, index) => variantDetails(event, variant, index, signal)));
}

function fact(name, ...values) {
  return [h("dt", {}, name), h("dd", {}, values)];
}

function largeBody(id, signal) {
  const place = h("div", { class: "tree" });
  async function load() {
    fill(place, loading());
    try {
      fill(place, tree(await get(`/events/${segment(id)}/body`, {}, { signal })));
    } catch (error) {
      if (error.name !== "AbortError") fill(place, notice(error, { again: load }));
    }
  }
  return fill(place, h("button", { type: "button", onclick: load }, "Load the body (over 256 KB)"));
}

function variantDetails(event, variant, index, signal) {
  const body = h("div");
  const paths = event.body && variant.body ? differences(event.body, variant.body) : [];
  const more = paths.length > MOST_DIFFERENCES && ` and ${paths.length - MOST_DIFFERENCES} more`;
  return lazy(
    h("details", { class: "variant" },
      h("summary", {}, `Other content ${index + 1}, received `, time(variant.received_at),
        paths.length > 0 && ", differs in ", paths.slice(0, MOST_DIFFERENCES).map((path, at) => [at > 0 && ", ", said(path, { class: "mono" })]), more),
      body),
    () => fill(body, eventDetails(variant, { signal })));
}

/** Returns the paths of the members that differ between two JSON values. */
function differences(one, other, path = "") {
  const areObjects = [one, other].every((value) => value !== null && typeof value === "object");
  if (!areObjects || Array.isArray(one) !== Array.isArray(other)) return one === other ? [] : [path || "the body"];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((name) =>
    differences(one[name], other[name], path ? `${path}.${name}` : name));
}

// The Events tab.

/** The events of a conversation by their own time, as far as they are loaded; the tabs share them. */
export class EventPages {
  constructor(id, signal) {
    this.query = { kind: "conversation", subject: id };
    this.signal = signal;
    this.last = Promise.resolve();
    this.forget();
  }

  forget() {
    this.events = [];
    this.cursor = undefined;
  }

  get isComplete() {
    return this.cursor === null;
  }

  /** Loads pages until there are so many events, or one of this id, or no more. Two tabs may ask at once. */
  until({ count = 1, id = null }) {
    const isLacking = () => this.events.length < count || (id !== null && !this.events.some((event) => hasId(event, id)));
    const mine = this.last.catch(() => {}).then(async () => {
      while (!this.isComplete && isLacking()) await this.read();
    });
    this.last = mine;
    return mine;
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
    fill(foot, h("span", {}, `${count(shown)} in the order of their times.${pages.isComplete ? " There are no more." : ""}`),
      !pages.isComplete && h("button", { type: "button", onclick: more }, "Show more"),
      h("a", { href: `${config.api}/events?${new URLSearchParams(pages.query)}`, target: "_blank", rel: "noopener" }, "JSON"), commandLine(command("show", id, "--events")));
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
    chosen && !pages.events.some((event) => hasId(event, chosen)) && h("p", {}, "This conversation has no event with the id of the link."),
    list, foot);
}

function eventRow(event, { chosen, signal }) {
  const body = h("div");
  const isChosen = chosen !== null && hasId(event, chosen);
  const row = h("details", { class: "event", open: isChosen },
    h("summary", {},
      event.occurred_at ? time(event.occurred_at) : h("span", { class: "dim" }, "no time"),
      said(event.event_type, { class: "type" }),
      event.source === "backfill" && badge("backfill"),
      event.issues.length > 0 && badge(`${event.issues.length} ${event.issues.length === 1 ? "issue" : "issues"}`, "warn"),
      event.variants && badge(`${event.variants.length + 1} contents`, "warn")),
    body);
  lazy(row, () => fill(body, eventDetails(event, { signal })));
  row.addEventListener("toggle", () => remember(event, row));
  if (isChosen) requestAnimationFrame(() => {
    row.scrollIntoView({ block: "center" });
    row.firstChild.focus({ preventScroll: true });
  });
  return h("li", {}, row);
}

/** Puts the event that was opened last into the address. */
function remember(event, row) {
  if (row.open) replaceQuery({ event: event.event_id });
  else if (row.isConnected && parseRoute(location.hash).query.event === event.event_id) replaceQuery({ event: null });
}

function hasId(event, id) {
  return event.event_id === id || Boolean(event.variants?.some((variant) => variant.variant_id === id));
}

function count(number) {
  return `${number.toLocaleString("en")} ${number === 1 ? "event" : "events"}`;
}

// A conversation without a page: nothing is stored of it, it was erased, or no path can hold its id.

/** Says that nothing is stored of a conversation, and looks whether it was erased. */
export async function showUnknown({ root, id, signal }) {
  const erased = h("p", { role: "status", class: "dim" }, "Looking whether it was erased…");
  fill(root, heading(id), empty("No such conversation",
    h("p", {}, "No callback of this conversation is stored here."), erased,
    h("p", {}, "This command looks for the id among everything that is stored, and suggests similar ids:"),
    commandLine(command("show", id)),
    h("p", {}, h("a", { href: "#/conversations" }, "All conversations"),
      config.pages.includes("quarantine") && [" · ", h("a", { href: "#/quarantine" }, "Callbacks in quarantine")])));
  try {
    const at = await erasedAt(id, signal);
    fill(erased, at ? [h("strong", {}, "It was erased on "), time(at), ` (${zoneName()}).`] : "It is not in the list of erased conversations.");
  } catch (error) {
    if (error.name !== "AbortError") fill(erased, "The list of erased conversations cannot be read: ", said(error.message));
  }
}

function heading(id) {
  return h("div", { class: "head" },
    h("nav", { "aria-label": "Breadcrumb", class: "breadcrumb" }, h("a", { href: "#/conversations" }, "Conversations"), h("span", { "aria-hidden": "true" }, " /")),
    h("h1", {}, said(id, { class: "mono" })));
}

/** Returns when a conversation was erased last, or null. The list names digests only. */
async function erasedAt(id, signal) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`conversation#${id}`));
  const digest = [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 32);
  let at = null;
  let after;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { erasures, cursor } = await get("/erasures", { limit: PAGE, after }, { signal });
    at = erasures.findLast((erasure) => erasure.digest === digest)?.erased_at ?? at;
    if (!erasures.length) break;
    after = cursor;
  }
  return at;
}

/** Shows the events of a conversation whose id no path can hold. */
export async function showEventsOnly({ root, id, query, signal }) {
  fill(root, loading());
  const pages = new EventPages(id, signal);
  await pages.until({ id: query.event ?? null });
  if (!pages.events.length) return showUnknown({ root, id, signal });
  return fill(root, heading(id),
    h("p", { class: "dim" }, "No path of the API can hold this id, so the console shows its events only."),
    h("div", { class: "panel card" }, await eventsTab({ id, pages, chosen: query.event ?? null, signal })));
}
