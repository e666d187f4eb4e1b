// The list of conversations: filters in the address, rows as links, new ones behind a button.

import { config, get } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { SIMULATED, filterForm, jumpForm, openFilters, setFilters } from "/console/filters.js";
import { setKeys } from "/console/keys.js";
import { badge, empty, loading, notice, sentence, tags, time } from "/console/parts.js";
import { formatRoute, trail } from "/console/router.js";
import { moment, spanText, timeText, zoneName } from "/console/time.js";

const PAGE = 50;
const NEXT_PAGE = 200;
// A filter that the store applies after reading may leave pages empty; so many are read before the reader is asked.
const EMPTY_PAGES = 10;
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
    signal, awaited: new Map(), fresh: [], step: 0, timer: null,
    form: filterForm({ path: ["conversations"], query, fields: FIELDS }), body: h("tbody", { onclick: openRow }),
    news: h("div", { class: "news", role: "status" }), foot: h("div", { class: "foot" }),
  };
  view.card = h("div", { class: "card" }, table(view.body));
  fill(root, h("div", { class: "head" }, h("h1", {}, "Conversations"), jumpForm(signal)), view.form, view.news, view.card, view.foot);
  setKeys(keys(view, root), signal);
  await open(view, query, memory);
  listen(view);
  return { update: (next) => open(view, next.query, next.memory) };
}

async function listen(view) {
  // The first view needs no live connection.
  const { follow } = await import("/console/live.js");
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
  setFilters(view.form, query);
  fill(view.news);
  if (memory.rows) {
    drawAll(view);
    look(view, [ANY]);
    return;
  }
  Object.assign(memory, { rows: new Map(), filters: filtersOf(query), cursor: null });
  view.card.setAttribute("aria-busy", "true");
  await more(view);
}

/** Returns what the API takes: a span such as `7d` becomes the time that it means now. */
function filtersOf(query) {
  return Object.fromEntries(FIELDS.map(({ name, isTime }) => [name, isTime ? moment(query[name]) : query[name]]));
}

/** Reads the next page; goes on past pages without a row. */
async function more(view) {
  const { memory, readSignal: signal } = view;
  const isFirst = memory.rows.size === 0;
  fill(view.foot, loading());
  try {
    for (let page = 0; page === 0 || (memory.cursor && page < EMPTY_PAGES); page += 1) {
      const limit = isFirst && page === 0 ? PAGE : NEXT_PAGE;
      const answer = await get("/conversations", { ...memory.filters, limit, cursor: memory.cursor }, { signal });
      Object.assign(memory, { cursor: answer.cursor, lookedUntil: answer.looked_until });
      if (answer.conversations.length) {
        append(view, answer.conversations, isFirst);
        break;
      }
      if (answer.cursor) fill(view.foot, h("p", { class: "dim", role: "status" }, `No match back to ${timeText(answer.looked_until)}. Looking further back…`));
    }
    if (isFirst && !memory.rows.size) drawAll(view);
    drawFoot(view);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (isFirst) drawAll(view, []);
    fill(view.foot, notice(error, { again: () => more(view) }));
  }
}

function append(view, conversations, isFirst) {
  for (const each of conversations) view.memory.rows.set(each.conversation_id, each);
  if (isFirst) drawAll(view);
  else view.body.append(...conversations.map(row));
}

function drawAll(view) {
  const { rows } = view.memory;
  trail.rows = rows;
  view.card.removeAttribute("aria-busy");
  view.card.hidden = rows.size === 0;
  fill(view.body, [...rows.values()].map(row));
  drawFoot(view);
}

function drawFoot(view) {
  const { rows, cursor, lookedUntil } = view.memory;
  const button = cursor && h("button", { type: "button", class: "more", onclick: () => more(view) }, rows.size ? "Show more" : "Look further back");
  if (!rows.size && !cursor) fill(view.foot, nothing(view.query));
  else fill(view.foot, h("span", {}, footText(rows.size, cursor, lookedUntil)), button);
}

function footText(count, cursor, lookedUntil) {
  const shown = `${count.toLocaleString("en")} shown.`;
  if (!cursor) return `${shown} There are no more.`;
  return lookedUntil ? `${shown} Looked back to ${timeText(lookedUntil)} (${zoneName()}).` : shown;
}

function nothing(query) {
  if (Object.keys(query).length) {
    return empty("No conversations match", h("p", {}, "No conversation that was received fits these filters."), h("p", {}, h("a", { href: "#/conversations" }, "Clear the filters")));
  }
  return empty("No conversations yet",
    h("p", {}, "Give Tavus the callback URL of this stack. The first callback shows here by itself."),
    config.pages.includes("try")
      ? h("p", {}, h("a", { href: "#/try" }, "Send a simulated conversation"))
      : h("p", {}, sentence(`Or run \`tavus-callbacks simulate recording ${config.option ?? ""}\`.`.replace(" `.", "`."))));
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
  } catch (error) {
    if (error.name !== "AbortError") fill(view.news, notice(error, { again: () => look(view, [ANY]) }));
  }
  view.timer = null;
  // A row that does not fit the filters never comes.
  if (view.step >= WAITS.length) view.awaited.clear();
  if (!view.awaited.size || view.signal.aborted) return;
  // A busy stack is asked less often.
  const wait = Math.max(WAITS[view.step], 3 * (performance.now() - began));
  view.timer = setTimeout(() => lookAgain(view), wait);
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
  if (!view.fresh.length) {
    fill(view.news);
    return;
  }
  if (!view.memory.rows.size) {
    showNew(view);
    return;
  }
  const words = `${view.fresh.length}${view.hasGap ? "+" : ""} new – show`;
  if (view.news.textContent !== words) fill(view.news, h("button", { type: "button", class: "fresh", onclick: () => showNew(view) }, words));
}

function showNew(view) {
  const { memory, fresh } = view;
  fill(view.news);
  const known = view.hasGap ? [] : memory.rows;
  memory.rows = new Map([...fresh.map((each) => [each.conversation_id, each]), ...known]);
  if (view.hasGap) return open(view, view.query, Object.assign(memory, { rows: null }));
  view.fresh = [];
  drawAll(view);
  scrollTo(0, 0);
  if (memory.rows.size > fresh.length) view.body.querySelector("a.id").focus({ preventScroll: true });
  return undefined;
}

// Rows

function table(body) {
  const heads = [["Status"], ["Conversation"], [`Started (${zoneName()})`], ["Length", "number"], ["Turns", "number"], ["Replica", "replica"], ["Recording"], ["Missing"]];
  return h("table", { class: "table talks" },
    h("thead", {}, h("tr", {}, heads.map(([words, kind]) => h("th", { scope: "col", class: kind }, words)))), body);
}

function row(conversation) {
  const [status, kind] = STATUSES[conversation.status] ?? [conversation.status, "plain"];
  const cell = (name, ...children) => h("td", { class: name }, children);
  return h("tr", { class: conversation.simulated && "simulated" },
    cell("status", badge(status, kind)),
    cell("main",
      h("a", { class: "id", href: formatRoute(["conversations", conversation.conversation_id]) }, said(conversation.conversation_id)),
      h("div", { class: "marks" }, conversation.simulated && badge("simulated", "outline"), guardrails(conversation.guardrails), tags(withoutSimulated(conversation.tags)))),
    h("td", { class: "started", "data-zone": zoneName() }, started(conversation)),
    cell(`number length ${conversation.duration === null && "none"}`, spanText(conversation.duration)),
    h("td", { class: `number count ${!conversation.turns && "none"}`, "data-unit": conversation.turns === 1 ? " turn" : " turns" }, conversation.turns || "–"),
    cell("replica", conversation.replica_id && h("a", { href: formatRoute(["conversations"], { replica: conversation.replica_id }) }, said(conversation.replica_id))),
    cell("recording", recordings(conversation.recording_statuses)),
    cell("missing", conversation.missing.map((part) => badge(part, "bad"))));
}

function started({ joined_at: joined, received_first_at: received }) {
  return joined ? time(joined) : [time(received), h("span", { class: "dim", title: "Nobody joined, or the joining has not arrived." }, " received")];
}

function recordings(statuses) {
  const counts = new Map();
  for (const each of statuses) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts].map(([each, count]) => badge(`${each.replaceAll("_", " ")}${count > 1 ? ` ×${count}` : ""}`, RECORDINGS[each]));
}

function guardrails(count) {
  return count > 0 && badge(`${count} guardrail${count > 1 ? "s" : ""}`, "warn");
}

function withoutSimulated({ simulated, ...rest }) {
  return rest;
}

/** Opens a row that is clicked beside its links; a click that ends a selection of text opens nothing. */
function openRow(event) {
  if (event.target.closest("a") || getSelection().toString()) return;
  event.target.closest("tr").querySelector("a.id").click();
}

function keys(view, root) {
  const move = (step) => () => {
    const all = [...view.body.querySelectorAll("a.id")];
    const at = all.indexOf(document.activeElement?.closest("tr")?.querySelector("a.id"));
    const next = at < 0 ? 0 : at + step;
    if (next === all.length) root.querySelector(".more")?.click();
    const link = all[Math.max(0, Math.min(all.length - 1, next))];
    link?.focus({ preventScroll: true });
    link?.closest("tr").scrollIntoView({ block: "nearest" });
  };
  return {
    j: { words: "next row", run: move(1) },
    k: { words: "previous row", run: move(-1) },
    Enter: { words: "open the row" },
    n: { words: "show new conversations", run: () => root.querySelector(".fresh")?.click() },
    "/": { words: "filters", run: () => openFilters(root) },
    g: { words: "go to an id", run: () => root.querySelector(".jump input").focus() },
  };
}
