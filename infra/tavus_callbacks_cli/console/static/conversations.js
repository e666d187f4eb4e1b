// The list of conversations: filters in the address, rows as links, new ones behind a button.

import { config, get, urlOf } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { setKeys } from "/console/keys.js";
import { SIMULATED, filterForm, fixTimes, listKeys, offer, offerPlace, openRow, readPage, showFilters } from "/console/listing.js";
import { badge, empty, loading, notice, tags, time } from "/console/parts.js";
import { formatRoute } from "/console/router.js";
import { spanText, timeText, zoneName } from "/console/time.js";

const PATH = ["conversations"];
const PAGE = 50;
const NEXT_PAGE = 200;
// A callback is in the list a moment after it was received. These are the waits between looks, in milliseconds.
const WAITS = [60, 150, 250, 400, 1000, 3000];
const FIELDS = [
  { name: "status", label: "Status", values: ["active", "ended", "presumed_ended"] },
  { name: "missing", label: "Missing", values: ["shutdown", "transcript", "perception", "recording"] },
  { name: "tag", label: "Tag", hint: "user:4711" },
  { name: "label", label: "Token label", hint: "production" },
  { name: "replica", label: "Replica", hint: "r79e1c033f" },
  { name: "since", label: "Since", isTime: true },
  { name: "until", label: "Until", isTime: true },
  SIMULATED,
];
// Stands for callbacks that nobody saw arrive.
const ANY = { kind: "conversation" };
const STATUSES = { active: ["active", "live"], ended: ["ended", "ok"], presumed_ended: ["presumed ended", "warn"] };
const RECORDINGS = { available: "ok", pending: "warn", missing: "bad", failed: "bad", other_conversation: "bad" };

/** Shows the list. `memory` holds its rows, so that a page that is reached by going back is what it was. */
export async function show({ root, query, memory, signal }) {
  const view = {
    signal, awaited: new Map(), fresh: [], step: 0, timer: null, title: document.title,
    filters: filterForm({ path: PATH, query, fields: FIELDS }), body: h("tbody", { onclick: openRow }),
    news: offerPlace(), foot: h("div", { class: "foot" }),
  };
  view.card = h("div", { class: "card" }, table(view.body));
  fill(root, h("div", { class: "head" }, h("h1", {}, "Conversations")), view.filters, view.news, view.card, view.foot);
  setKeys(listKeys(root), signal);
  await open(view, query, memory);
  listen(view);
  return { update: (next) => open(view, next.query, next.memory) };
}

async function listen(view) {
  document.addEventListener("try-again", () => look(view, [ANY]), { signal: view.signal });
  // The first view needs neither.
  const [{ follow }, { listCommand }] = await Promise.all([import("/console/live.js"), import("/console/command.js")]);
  view.listCommand = listCommand;
  drawSame(view);
  let wasLive = true;
  follow({
    signal: view.signal,
    onEvents: (events) => look(view, events),
    onState(state) {
      if (state === "on" && !wasLive) look(view, [ANY]);
      wasLive = state === "on";
    },
  });
}

/** Shows the list of a query: from memory, or from the API. */
async function open(view, query, memory) {
  view.reading?.abort();
  view.reading = new AbortController();
  Object.assign(view, { memory, query, fresh: [], readSignal: AbortSignal.any([view.signal, view.reading.signal]) });
  showFilters(view.filters, { path: PATH, query, fields: FIELDS });
  drawNews(view);
  if (memory.isRead) {
    drawAll(view);
    look(view, [ANY]);
    return;
  }
  Object.assign(memory, { rows: new Map(), filters: fixTimes(Object.fromEntries(FIELDS.map(({ name }) => [name, query[name]])), ["since", "until"]), cursor: null });
  view.card.setAttribute("aria-busy", "true");
  await more(view);
}

async function more(view) {
  const { memory, readSignal: signal } = view;
  const isFirst = !memory.rows.size;
  const page = { api: "/conversations", member: "conversations", filters: memory.filters, cursor: memory.cursor, limit: isFirst ? PAGE : NEXT_PAGE, signal };
  fill(view.foot, loading());
  try {
    for await (const { items, cursor, until } of readPage(page)) {
      Object.assign(memory, { cursor, until, isRead: true });
      for (const each of items) memory.rows.set(each.conversation_id, each);
      if (isFirst) drawAll(view);
      else view.body.append(...items.map(row));
      fill(view.foot, h("span", { role: "status" }, `Searching. Looked back to ${timeText(until)}.`));
    }
    drawFoot(view);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (isFirst) drawAll(view);
    fill(view.foot, notice(error, { again: () => more(view) }));
  }
}

function drawAll(view) {
  const { rows } = view.memory;
  view.card.removeAttribute("aria-busy");
  view.card.hidden = !rows.size;
  fill(view.body, [...rows.values()].map(row));
  drawFoot(view);
}

function drawFoot(view) {
  const { rows, filters, cursor, until } = view.memory;
  if (!rows.size && !cursor) {
    fill(view.foot, nothing(view.query));
    return;
  }
  const looked = cursor ? `, back to ${timeText(until)} (${zoneName()}).` : ". There are no more.";
  fill(view.foot,
    h("span", {}, `${rows.size.toLocaleString("en")} conversation${rows.size === 1 ? "" : "s"}${looked}`),
    cursor && h("button", { type: "button", class: "more", onclick: () => more(view) }, rows.size ? "Show more" : "Look further back"),
    h("a", { href: urlOf("/conversations", { ...filters, limit: PAGE }), target: "_blank" }, "JSON"),
    h("span", { class: "same" }));
  drawSame(view);
}

function drawSame({ foot, query, listCommand }) {
  const place = foot.querySelector(".same");
  if (place && listCommand) fill(place, listCommand("list", query));
}

function nothing(query) {
  if (Object.keys(query).length) {
    return empty("No conversations match", h("p", {}, "No stored conversation fits these filters."), h("p", {}, h("a", { href: "#/conversations" }, "Clear the filters")));
  }
  return empty("No conversations yet",
    h("p", {}, "Give Tavus the callback URL of this stack. The first callback shows here by itself."),
    h("p", {}, config.pages.includes("try")
      ? h("a", { href: "#/try" }, "Send a simulated conversation")
      : ["Or run ", h("code", {}, `tavus-callbacks simulate recording ${config.option}`), "."]));
}

// New callbacks

/** Looks for the conversations that callbacks are about, until their rows have these callbacks. */
function look(view, events) {
  for (const { kind, subject = "", received_at: at = "" } of events) {
    if (kind === "conversation") view.awaited.set(subject, at);
  }
  if (!view.awaited.size) return;
  view.step = 0;
  view.timer ??= setTimeout(() => lookAgain(view), WAITS[0]);
}

async function lookAgain(view) {
  const began = performance.now();
  view.step += 1;
  try {
    await readNew(view);
    drawNews(view);
    if (view.hasFailed) tellLive(view, null);
  } catch (error) {
    if (error.name !== "AbortError") tellLive(view, error);
  }
  view.timer = null;
  // A row that does not fit the filters never comes.
  if (view.step >= WAITS.length) view.awaited.clear();
  if (!view.awaited.size || view.signal.aborted) return;
  // A busy stack is asked less often.
  const wait = Math.max(WAITS[view.step], 3 * (performance.now() - began));
  view.timer = setTimeout(() => lookAgain(view), wait);
}

/** Shows in the frame, which offers to try again, that new callbacks cannot be read, or can again. */
function tellLive(view, error) {
  view.hasFailed = Boolean(error);
  document.dispatchEvent(new CustomEvent("live", { detail: { state: error ? "off" : "on", error } }));
}

/** Reads the newest page: known rows are replaced in place, unknown ones before them wait for the button. */
async function readNew(view) {
  const { memory, readSignal: signal } = view;
  const { conversations, cursor } = await get("/conversations", { ...memory.filters, limit: PAGE }, { signal });
  const first = conversations.findIndex((each) => memory.rows.has(each.conversation_id));
  view.fresh = first < 0 ? conversations : conversations.slice(0, first);
  // If no known row is among them, rows between them and the known ones are unknown too.
  view.hasGap = first < 0 && memory.rows.size > 0 && cursor !== null;
  const read = new Set(conversations.map((each) => each.conversation_id));
  const older = [...view.awaited.keys()].filter((id) => memory.rows.has(id) && !read.has(id)).slice(0, PAGE);
  const ids = older.map((id) => id.replace(/[%,]/g, encodeURIComponent)).join(",");
  const others = ids ? (await get("/conversations", { ids }, { signal })).conversations : [];
  view.awaited.delete("");
  for (const each of [...conversations, ...others]) {
    replaceRow(view, each);
    if (each.received_last_at >= view.awaited.get(each.conversation_id)) view.awaited.delete(each.conversation_id);
  }
}

function replaceRow(view, conversation) {
  const id = conversation.conversation_id;
  const before = view.memory.rows.get(id);
  if (!before || JSON.stringify(before) === JSON.stringify(conversation)) return;
  view.memory.rows.set(id, conversation);
  const at = [...view.memory.rows.keys()].indexOf(id);
  const old = view.body.rows[at];
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(row(conversation));
  if (hadFocus) view.body.rows[at].querySelector("a").focus({ preventScroll: true });
}

function drawNews(view) {
  const count = view.fresh.length && `${view.fresh.length}${view.hasGap ? "+" : ""}`;
  if (count && !view.memory.rows.size) {
    showNew(view);
    return;
  }
  document.title = count ? `(${count}) ${view.title}` : view.title;
  offer(view.news, count ? `${count} new – show` : null, () => showNew(view));
}

function showNew(view) {
  const { memory, fresh } = view;
  const isFirst = !memory.rows.size;
  view.fresh = [];
  drawNews(view);
  scrollTo(0, 0);
  if (view.hasGap) return open(view, view.query, Object.assign(memory, { isRead: false }));
  memory.rows = new Map([...fresh.map((each) => [each.conversation_id, each]), ...memory.rows]);
  drawAll(view);
  if (!isFirst) view.body.querySelector("a.open").focus({ preventScroll: true });
  return undefined;
}

// Rows

function table(body) {
  const heads = [["Status"], ["Conversation"], [`Started (${zoneName()})`], ["Length", "number"], ["Turns", "number"], ["Ended by", "reason"], ["Replica", "replica"], ["Recording"], ["Missing"]];
  return h("table", { class: "table talks" },
    h("thead", {}, h("tr", {}, heads.map(([words, kind]) => h("th", { scope: "col", class: kind }, words)))), body);
}

function row(conversation) {
  const { conversation_id: id, duration, turns, end_reason: reason, replica_id: replica, missing, tags: { simulated, ...others } } = conversation;
  return h("tr", { class: conversation.simulated && "simulated" },
    h("td", { class: "status" }, badge(...STATUSES[conversation.status] ?? [conversation.status])),
    h("td", { class: "main" }, h("div", {},
      h("a", { class: "id open", href: formatRoute(["conversations", id]) }, said(id)),
      conversation.simulated && badge("simulated", "outline"), guardrails(conversation.guardrails), tags(others))),
    h("td", { class: "started", "data-zone": zoneName() }, started(conversation)),
    h("td", { class: `number length ${duration === null && "none"}` }, spanText(duration)),
    h("td", { class: `number count ${!turns && "none"}`, "data-unit": turns === 1 ? " turn" : " turns" }, turns || "–"),
    h("td", { class: "reason" }, reason && said(reason.replaceAll("_", " "))),
    h("td", { class: "replica" }, replica && h("a", { href: formatRoute(PATH, { replica }) }, said(replica))),
    h("td", { class: "recording" }, [...new Set(conversation.recording_statuses)].map((each) => badge(each.replaceAll("_", " "), RECORDINGS[each]))),
    h("td", { class: "missing" }, missing.map((part) => badge(part, "bad"))));
}

function started({ joined_at: joined, received_first_at: received }) {
  return joined ? time(joined) : [time(received), h("span", { class: "dim", title: "The joining has not arrived." }, " received")];
}

function guardrails(count) {
  return count > 0 && badge(`${count} guardrail${count > 1 ? "s" : ""}`, "warn");
}
