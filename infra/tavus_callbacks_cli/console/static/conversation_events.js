// The Events tab: every stored callback of a conversation, loaded page by page.

import { config, get } from "/console/api.js";
import { command, commandLine } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { eventDetails } from "/console/event.js";
import { badge, empty, loading, notice, time } from "/console/parts.js";
import { parseRoute, replaceQuery } from "/console/router.js";
import { lazy } from "/console/tree.js";

const FIRST_PAGE = 50;
const PAGE = 200;

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
    fill(foot, h("span", {}, `${count(shown)} by their own time.${pages.isComplete ? " That is all." : ""}`),
      !pages.isComplete && h("button", { type: "button", onclick: more }, "Show more"));
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
    list, foot, commandLine(command("show", id, "--events")),
    h("p", {}, h("a", { href: `${config.api}/events?${new URLSearchParams(pages.query)}`, target: "_blank", rel: "noopener" }, "JSON")));
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
