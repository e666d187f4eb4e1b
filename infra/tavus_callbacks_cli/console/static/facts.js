// The facts of a conversation, beside its recording: what is missing first, then what happened.

import { commandLine, operatorCommand } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { badge, tags, time } from "/console/parts.js";
import { formatRoute } from "/console/router.js";
import { spanText, zoneName } from "/console/time.js";
import { addInParts, lazy, tree } from "/console/tree.js";

const PARTS = { shutdown: "Shutdown", transcript: "Transcript", perception: "Perception analysis", recording: "Recording" };
const STATUSES = {
  active: ["active", "live", "No shutdown has arrived."],
  ended: ["ended", "ok", ""],
  presumed_ended: ["presumed ended", "warn", "No shutdown has arrived, and nothing else is expected from the call."],
};
const RECORDINGS = {
  available: ["available", "ok"],
  pending: ["pending", "warn"],
  missing: ["missing", "bad"],
  failed: ["failed", "bad"],
  other_bucket: ["in another bucket", "warn"],
  other_provider: ["with another provider", "warn"],
  other_conversation: ["of another conversation", "bad"],
};
const OBJECTIVES = { __proto__: null, completed: "ok", pending: "warn", activated: "live" };
const UNAVAILABLE = { __proto__: null, no_vision_history: "The camera was off, so there is nothing to analyse." };

/** Returns the badge of a conversation's status. */
export function statusBadge(status) {
  const [words, kind] = STATUSES[status] ?? [status, "plain"];
  return badge(words, kind);
}

/** Returns since when a part is missing, as a sentence. */
export function missingText({ since, usual_delay: delay, overdue }) {
  return [
    since && ["Expected since ", time(since), ". "],
    `Usually it arrives within ${spanText(delay)}. `,
    overdue ? h("strong", { class: "bad-text" }, "Overdue.") : "It may still arrive.",
  ];
}

/** Returns the name of a part that can be missing. */
export function partName(part) {
  return PARTS[part] ?? part;
}

/** Returns a link to an event in the Events tab. */
export function eventLink(conversation, eventId, words = "event") {
  return h("a", { href: formatRoute(["conversations", conversation.conversation_id], { tab: "events", event: eventId }) }, words);
}

/** Returns the sections of facts; those without anything to say are left out. */
export function facts(conversation) {
  const of = (member, title, build) => conversation[member]?.length > 0 && section(title, build(conversation));
  return [
    of("missing", "Missing", missing),
    section("Facts", summary(conversation)),
    conversation.talk && section("Talk", talk(conversation.talk)),
    conversation.perception && section("Perception", perception(conversation)),
    of("objectives", "Objectives", objectives),
    of("guardrails", "Guardrails", guardrails),
    of("recordings", "Recordings", recordings),
    Object.entries(HAPPENED).map(([member, { title, ...how }]) => of(member, title, () => happenings(conversation, member, how))),
  ];
}

// What else happened: the name of each, and the members that its fold shows.
const HAPPENED = {
  recording_failures: { title: "Failed copies", name: (each) => each.error_code, members: ["error_message", "explanation", "tavus_recording_id", "key"] },
  perception_tool_calls: { title: "Tools that Raven called", name: (each) => each.name, members: ["arguments", "modality", "frames"] },
  canvas_interactions: { title: "Cards", name: (each) => [each.component, each.type].filter(Boolean).join(" "), members: ["value", "metadata"] },
  actions: { title: "Tools after the call", name: (each) => [each.tool_name ?? each.tool_id, each.status].filter(Boolean).join(": "), members: ["request", "response"] },
  memories: { title: "Memories", name: (each) => each.event_type, members: ["analysis", "properties"] },
  other_events: { title: "Other events", name: (each) => each.event_type, members: [] },
};

function happenings(conversation, member, { name, members }) {
  const list = h("ol", { class: "history" });
  addInParts(list, conversation[member], (each) => h("li", {}, fold([time(each.at), " ", said(name(each) || "unnamed")], () => [
    each.body_url && h("p", {}, "A value is too large for this view. The event has all of it."),
    members.length > 0 && h("div", { class: "tree" }, tree(Object.fromEntries(members.filter((key) => each[key] !== null).map((key) => [key, each[key]])))),
    eventLink(conversation, each.event_id)])));
  return list;
}

function section(title, ...content) {
  return h("section", { class: "facts card" }, h("h2", {}, title), content);
}

function fact(name, ...values) {
  return [h("dt", {}, name), h("dd", {}, values)];
}

function missing(conversation) {
  const isOverdue = conversation.missing.some(({ what, overdue }) => overdue && what !== "recording");
  return [
    h("dl", {}, conversation.missing.map((part) => fact(h("span", { class: part.overdue && "bad-text" }, partName(part.what)),
      missingText(part),
      part.what === "recording" && h("div", { class: "dim" }, "A recording exists only if a page of yours started it: ", h("code", {}, "enable_recording"), " permits it.")))),
    isOverdue && [
      h("p", { class: "dim" }, "Fetch lost callbacks from Tavus's API:"),
      commandLine(operatorCommand("backfill", conversation.conversation_id)),
    ],
  ];
}

function summary(conversation) {
  const { ending, joinings, skipped, tags: { simulated, ...values } } = conversation;
  const [, , explanation] = STATUSES[conversation.status] ?? [];
  const again = joinings.length - 1;
  return h("dl", {},
    fact("Status", statusBadge(conversation.status), explanation && h("div", { class: "dim" }, explanation)),
    ending && fact("Ended by", said(ending.plain), ending.reason && !ending.plain.includes(ending.reason) && h("div", { class: "dim" }, said(ending.reason, { class: "mono" }))),
    fact(`Joined (${zoneName()})`, time(conversation.joined_at), again > 0 && `, and ${again} more times`),
    conversation.ended_at && fact(`Ended (${zoneName()})`, time(conversation.ended_at)),
    conversation.duration !== null && fact("Length", spanText(conversation.duration)),
    ids("Replica", conversation.replica), ids("Persona", conversation.persona),
    Object.keys(values).length > 0 && fact("Tags", tags(values)),
    fact("Token label", conversation.labels.map((label) => said(label, { class: "tag" }))),
    fact(`Received (${zoneName()})`, time(conversation.received_first_at), " to ", time(conversation.received_last_at),
      conversation.received_from.includes("backfill") && h("div", { class: "dim" }, "Some events were fetched from Tavus's API.")),
    conversation.confirmed && fact("Confirmed", "Tavus's API shows every stored event."),
    conversation.replica_heartbeats > 0 && fact("Heartbeats", conversation.replica_heartbeats),
    skipped && fact("Not read", `${skipped.count} ${skipped.count === 1 ? "event is" : "events are"} too large for this view. `,
      skipped.event_ids.map((id, index) => [eventLink(conversation, id, `Event ${index + 1}`), " "])));
}

/** Returns an id with its names, which changed in 2026: both are shown if they differ. */
function ids(name, { id, ...names }) {
  if (!id) return null;
  const differ = new Set(Object.values(names).filter(Boolean)).size > 1;
  return fact(name, differ
    ? Object.entries(names).map(([key, value]) => h("div", {}, h("span", { class: "dim" }, `${key} `), said(value, { class: "mono" })))
    : said(id, { class: "mono" }));
}

function talk(numbers) {
  const sides = (unit) => `user ${numbers[`user_${unit}`]}, replica ${numbers[`replica_${unit}`]}`;
  const percent = (share) => `${Math.round(share * 100)} %`;
  const { longest_turn: longest, median_response_seconds: median } = numbers;
  return h("dl", {},
    fact("Turns", sides("turns")), fact("Words", sides("words")), fact("Questions", sides("questions")),
    numbers.user_share_by_words !== null && fact("User's share", `${percent(numbers.user_share_by_words)} of the words`,
      numbers.user_share_by_seconds !== null && `, ${percent(numbers.user_share_by_seconds)} of the speech`),
    numbers.user_seconds !== null && fact("User's speech", speech(numbers.user_seconds, numbers.user_words_per_minute)),
    numbers.replica_seconds !== null && fact("Replica's speech", speech(numbers.replica_seconds, numbers.replica_words_per_minute)),
    longest && fact("Longest turn", `${longest.words} ${longest.words === 1 ? "word" : "words"} by the ${longest.role === "assistant" ? "replica" : longest.role}`,
      longest.duration !== null && `, ${spanText(longest.duration)}`),
    median !== null && fact("Responses", `first after ${spanText(numbers.first_response_seconds)}, median ${spanText(median)}`),
    numbers.tool_calls > 0 && fact("Tool calls", numbers.tool_calls));
}

function speech(seconds, speed) {
  return `${spanText(seconds)}${speed === null ? "" : `, ${Math.round(speed)} words a minute`}`;
}

function perception(conversation) {
  const { analysis, unavailable_reason: reason, at, event_id: id, body_url: isLarge } = conversation.perception;
  const content = typeof analysis === "string" ? h("div", { class: "markdown" }, markdown(analysis)) : tree(analysis);
  return [
    analysis !== null && content,
    reason !== null && [h("p", {}, UNAVAILABLE[reason] ?? "Tavus sent no analysis."), h("p", { class: "dim" }, said(reason, { class: "mono" }))],
    isLarge && h("p", {}, "The analysis is too large for this view. Its event has all of it."),
    h("p", { class: "dim" }, time(at), " · ", eventLink(conversation, id)),
  ];
}

function objectives(conversation) {
  return conversation.objectives.map(({ name, status, values, history }) => fold(
    [badge(said(status), OBJECTIVES[status]), " ", name === null ? "unnamed" : said(name)],
    () => [
      Object.keys(values).length > 0 && h("div", { class: "tree" }, tree(values, 1)),
      h("h3", {}, "History"),
      h("ol", { class: "history" }, history.map((delivery) => h("li", {},
        moment(delivery), " ", said(delivery.status), " · ", eventLink(conversation, delivery.event_id),
        Object.keys(delivery.values).length > 0 && h("div", { class: "tree" }, tree(delivery.values, 1))))),
    ]));
}

function guardrails(conversation) {
  const groups = Map.groupBy(conversation.guardrails, (trigger) => trigger.name || trigger.guardrail_id || trigger.event_type);
  return [...groups].map(([name, triggers]) => fold(
    [badge(triggers.length === 1 ? "once" : `${triggers.length} times`, "bad"), " ", said(name)],
    () => h("ol", { class: "history" }, triggers.map((trigger) => h("li", {},
      moment(trigger), " · ", eventLink(conversation, trigger.event_id), trigger.reason && h("div", {}, said(trigger.reason)))))));
}

/** Returns the sender's time, or the time of receipt where Tavus sent none. */
function moment({ at, received_at: received }) {
  return at ? time(at) : [time(received), h("span", { class: "dim" }, " (received)")];
}

function recordings(conversation) {
  return h("dl", {}, conversation.recordings.map((recording) => {
    const [words, kind] = RECORDINGS[recording.status] ?? [recording.status, "plain"];
    const details = [
      Number.isFinite(recording.duration) && spanText(recording.duration),
      Number.isFinite(recording.size) && sizeText(recording.size),
      recording.storage_class && said(recording.storage_class),
      recording.started_at && ["starts ", time(recording.started_at)],
      recording.received_at ? ["announced ", time(recording.received_at)] : "not announced by a callback",
    ].filter(Boolean);
    return fact(badge(words, kind), said(recording.recording_id, { class: "mono" }),
      details.map((detail) => h("div", { class: "dim" }, detail)),
      recording.issues.map((issue) => h("div", {}, said(issue, { class: "mono" }))));
  }));
}

function fold(summaryContent, build) {
  const body = h("div", { class: "fold-body" });
  return lazy(h("details", { class: "fact-fold" }, h("summary", {}, summaryContent), body), () => fill(body, build()));
}

/** Returns a size such as `263 KB`. */
function sizeText(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  const step = Math.min(units.length - 1, bytes ? Math.floor(Math.log2(bytes) / 10) : 0);
  return `${(bytes / 1024 ** step).toLocaleString("en", { maximumFractionDigits: step > 1 ? 1 : 0 })} ${units[step]}`;
}

// Markdown of an analysis: headings, lists, emphasis and code as nodes. Links, images and HTML stay text.

// None of these can backtrack over a long line.
const FENCE = /^\s*```/;
const HEADING = /^ {0,3}#{1,6}\s+(?=\S)/;
const ITEM = /^\s*(?:([-*+])|\d{1,9}[.)])\s+(?=\S)/;
const RULE = /^ {0,3}([-*_])( ?\1){2,}\s*$/;

// Only the marks around a word count, so `a * b` and `snake_case` stay as they are.
const MARKS = /(`[^`]+`)|(\*\*(?=\S)(?:[^*]|\*(?!\*))+?\*\*|__(?=\S)[^_]+?__)|(?<!\w)([*_])(?=\S)([^*_]+?)\3(?!\w)/g;

/** Returns the nodes of a text in Markdown. */
function markdown(text) {
  const reader = new Reader();
  for (const line of text.split(/\r?\n/)) reader.read(line);
  return reader.end();
}

/** Reads line by line; a paragraph, a list or a code block stays open until another block begins. */
class Reader {
  constructor() {
    this.blocks = [];
    this.open = null;
  }

  read(line) {
    if (this.open?.tag === "pre") this.readCode(line);
    else if (FENCE.test(line)) this.start("pre");
    else if (RULE.test(line)) this.start("hr").close();
    else if (HEADING.test(line)) this.start("h3").add(line.replace(HEADING, "")).close();
    else if (ITEM.test(line)) this.readItem(line);
    else if (!line.trim()) this.close();
    else if (this.open?.tag === "ul" || this.open?.tag === "ol") this.open.lines.push(`${this.open.lines.pop()} ${line.trim()}`);
    else (this.open ? this : this.start("p")).add(line.trim());
  }

  readCode(line) {
    if (FENCE.test(line)) this.close();
    else this.add(line);
  }

  readItem(line) {
    const [mark, bullet] = ITEM.exec(line);
    const tag = bullet ? "ul" : "ol";
    if (this.open?.tag !== tag) this.start(tag);
    this.add(line.slice(mark.length));
  }

  start(tag) {
    this.close();
    this.open = { tag, lines: [] };
    return this;
  }

  add(line) {
    this.open.lines.push(line);
    return this;
  }

  close() {
    if (this.open) this.blocks.push(block(this.open));
    this.open = null;
  }

  end() {
    this.close();
    return this.blocks;
  }
}

function block({ tag, lines }) {
  if (tag === "hr") return h("hr");
  if (tag === "pre") return h("pre", { dir: "auto" }, lines.join("\n"));
  if (tag === "ul" || tag === "ol") return h(tag, {}, lines.map((line) => h("li", { dir: "auto" }, inline(line))));
  return h(tag, { dir: "auto" }, inline(lines.join(" ")));
}

function inline(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(MARKS)) {
    nodes.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[1]) nodes.push(h("code", {}, match[1].slice(1, -1)));
    else if (match[2]) nodes.push(h("strong", {}, match[2].slice(2, -2)));
    else nodes.push(h("em", {}, match[4]));
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}
