// The list of conversations: filters in the address, rows as links, new ones behind a button.

import { config, get } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { setKeys } from "/console/keys.js";
import { follow } from "/console/live.js";
import { badge, empty, notice, tags, time } from "/console/parts.js";
import { formatRoute, go } from "/console/router.js";
import { moment, spanText, timeText, zoneName } from "/console/time.js";

const PAGE = 50;
const PARTS = ["shutdown", "transcript", "perception", "recording"];
const STATUSES = { active: ["active", "live"], ended: ["ended", "ok"], presumed_ended: ["presumed ended", "warn"] };
const RECORDINGS = { available: "ok", pending: "warn", missing: "bad", failed: "bad", other_conversation: "bad" };

export async function show({ root, query, signal }) {
  const shown = new Set();
  const unseen = new Set();
  const body = h("tbody");
  const fresh = h("div", { role: "status" });
  const foot = h("div", { class: "foot" });
  const form = filterForm(query);
  let cursor = null;
  fill(root,
    h("div", { class: "head" }, h("h1", {}, "Conversations"), jumpForm()),
    form, fresh, h("div", { class: "card" }, table(body)), foot);
  await more();
  setKeys(keys(body, form), signal);
  follow({ signal, onEvents: notify });

  async function more() {
    fill(foot, h("span", { role: "status" }, "Loading…"));
    let answer;
    try {
      answer = await get("/conversations", { ...apiQuery(query), limit: PAGE, cursor }, { signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      fill(foot, notice(error, { again: more }));
      return;
    }
    for (const conversation of answer.conversations) shown.add(conversation.conversation_id);
    body.append(...answer.conversations.map(row));
    cursor = answer.cursor;
    fill(foot,
      shown.size || cursor ? h("span", {}, footText(shown.size, answer)) : nothing(query),
      cursor && h("button", { type: "button", onclick: more }, "Show more"));
  }

  function notify(events) {
    for (const { kind, subject } of events) {
      if (kind === "conversation" && !shown.has(subject)) unseen.add(subject);
    }
    if (unseen.size) {
      const words = `${unseen.size} new – show`;
      fill(fresh, h("button", { type: "button", class: "fresh", onclick: () => show({ root, query, signal }) }, words));
    }
  }
}

function table(body) {
  const heads = ["Status", "Conversation", `Started (${zoneName()})`, "Length", "Turns", "Recording", "Missing"];
  return h("table", { class: "table" }, h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), body);
}

function row(conversation) {
  const [status, kind] = STATUSES[conversation.status] ?? [conversation.status, "plain"];
  const cell = (label, ...children) => h("td", { "data-label": label }, ...children);
  return h("tr", { class: conversation.simulated && "simulated" },
    cell("Status", badge(status, kind)),
    cell("Conversation", h("div", {},
      h("a", { class: "id", href: formatRoute(["conversations", conversation.conversation_id]) }, said(conversation.conversation_id)),
      h("div", {}, conversation.simulated && badge("simulated"), " ", tags(withoutSimulated(conversation.tags))))),
    cell("Started", time(conversation.joined_at ?? conversation.received_first_at)),
    cell("Length", spanText(conversation.duration)),
    cell("Turns", conversation.turns || "–"),
    cell("Recording", conversation.recording_statuses.length
      ? conversation.recording_statuses.map((each) => badge(each.replaceAll("_", " "), RECORDINGS[each]))
      : "–"),
    cell("Missing", conversation.missing.length ? h("span", { class: "bad-text" }, conversation.missing.join(", ")) : ""));
}

function withoutSimulated({ simulated, ...rest }) {
  return rest;
}

function filterForm(query) {
  const field = (label, control, extra = "") => h("label", { class: `field ${extra}` }, label, control);
  const text = (name, placeholder) => h("input", { name, placeholder, value: query[name], autocomplete: "off" });
  const select = (name, values) => h("select", { name, onchange: submit },
    h("option", { value: "" }, "any"), values.map((value) => h("option", { value, selected: query[name] === value }, value.replaceAll("_", " "))));
  const form = h("form", { class: "filters", role: "search", onsubmit: submit },
    field("Status", select("status", Object.keys(STATUSES))),
    field("Missing", select("missing", PARTS)),
    field("Tag", text("tag", "user:4711")),
    field("Label", text("label", "production")),
    field("Replica", text("replica", "r79e1c033f")),
    field("Since", text("since", "7d or a time")),
    field("Until", text("until", "1d or a time")),
    h("label", { class: "field check" }, h("input", { type: "checkbox", name: "simulated", value: "false", checked: query.simulated === "false", onchange: submit }), "Hide simulated"),
    h("button", { type: "submit" }, "Filter"),
    Object.keys(query).length > 0 && h("a", { href: "#/conversations" }, "Clear"));
  function submit(event) {
    event.preventDefault();
    go(["conversations"], Object.fromEntries(new FormData(form)));
  }
  return form;
}

function jumpForm() {
  const input = h("input", { name: "id", "aria-label": "Go to a conversation by its id", placeholder: "Go to an id", autocomplete: "off" });
  return h("form", { onsubmit: (event) => { event.preventDefault(); if (input.value.trim()) go(["conversations", input.value.trim()]); } }, input);
}

/** Returns the filters as the API takes them: a span such as `7d` becomes a time. */
function apiQuery(query) {
  const { since, until, ...rest } = query;
  return { ...rest, since: moment(since), until: moment(until) };
}

function footText(count, { cursor, looked_until: until }) {
  const shown = `${count} shown`;
  if (!cursor) return `${shown}. That is all.`;
  return until ? `${shown}. Looked back to ${timeText(until)} (${zoneName()}).` : `${shown}.`;
}

function nothing(query) {
  if (Object.keys(query).length) {
    return empty("No conversations match", h("p", {}, "Nothing that was received fits these filters."), h("p", {}, h("a", { href: "#/conversations" }, "Clear the filters")));
  }
  return empty("No conversations yet",
    h("p", {}, "Give Tavus the callback URL of this stack, or try it without Tavus."),
    config.pages.includes("try") && h("p", {}, h("a", { href: "#/try" }, "Send a simulated conversation")));
}

function keys(body, form) {
  const links = () => [...body.querySelectorAll("a.id")];
  const move = (step) => () => {
    const all = links();
    const at = all.indexOf(document.activeElement);
    all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))]?.focus();
  };
  return {
    j: { words: "next row", run: move(1) },
    k: { words: "previous row", run: move(-1) },
    Enter: { words: "open the row", run: () => document.activeElement.click() },
    "/": { words: "filters", run: () => form.querySelector("select").focus() },
  };
}
