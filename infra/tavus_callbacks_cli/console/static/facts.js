// The facts of a conversation, beside its recording: what is missing first, then what happened.

import { commandLine, operatorCommand } from "/console/command.js";
import { h, said } from "/console/dom.js";
import { badge, tags, time } from "/console/parts.js";
import { formatRoute } from "/console/router.js";
import { spanText, zoneName } from "/console/time.js";
import { fold, tree } from "/console/tree.js";

const PARTS = { shutdown: "Shutdown", transcript: "Transcript", perception: "Perception analysis", recording: "Recording" };
const STATUSES = {
  active: ["active", "live", "No shutdown has arrived."],
  ended: ["ended", "ok", ""],
  presumed_ended: ["presumed ended", "warn", "No shutdown has arrived, and nothing else is expected from the call."],
};
const RECORDINGS = { available: "ok", pending: "warn", missing: "bad", failed: "bad", other_conversation: "bad" };
const OBJECTIVES = { __proto__: null, completed: "ok", pending: "warn", activated: "live" };

/** Returns the badge of a conversation's status. */
export function statusBadge(status) {
  const [words, kind] = STATUSES[status] ?? [status];
  return badge(words, kind);
}

/** Returns since when a part is missing, as a sentence. */
export function missingText({ since, usual_delay: delay, overdue }) {
  return [
    since && ["Expected since ", time(since), ". "], `Usually it arrives within ${spanText(delay)}. `,
    overdue ? h("strong", { class: "bad-text" }, "Overdue.") : "It may still arrive.",
  ];
}

/** Returns the name of a part that can be missing. */
export function partName(part) {
  return PARTS[part] ?? part;
}

/** Returns a link to an event in the Events tab. */
export function eventLink({ conversation_id: id }, event, words = "event") {
  return h("a", { href: formatRoute(["conversations", id], { tab: "events", event }) }, words);
}

/** Returns the sections of facts; those without anything to say are left out. */
export function facts(conversation) {
  const sections = { Missing: missing, Facts: summary, Talk: talk, Perception: perception, Objectives: objectives, Guardrails: guardrails, Recordings: recordings };
  return Object.entries(sections).map(([title, build]) => {
    const content = title === "Facts" || conversation[title.toLowerCase()];
    return content && content.length !== 0 && h("section", { class: "facts card" }, h("h2", {}, title), build(conversation));
  });
}

/** Returns a list of facts: each is a name and values; false ones are left out. */
function list(pairs) {
  return h("dl", {}, pairs.filter(Boolean).map(([name, ...values]) => [h("dt", {}, name), h("dd", {}, values)]));
}

const mono = (text) => said(text, { class: "mono" });
const small = (...content) => h("div", { class: "dim" }, content);
const data = (value) => Object.keys(value).length > 0 && h("div", { class: "tree" }, tree(value, 1));

function missing(conversation) {
  return [
    list(conversation.missing.map((part) => [h("span", { class: part.overdue && "bad-text" }, partName(part.what)), missingText(part),
      part.what === "recording" && small("A recording exists only if a page of yours started it: ", h("code", {}, "enable_recording"), " permits it.")])),
    conversation.missing.some(({ what, overdue }) => overdue && what !== "recording") && [
      h("p", { class: "dim" }, "Fetch lost callbacks from Tavus's API:"), commandLine(operatorCommand("backfill", conversation.conversation_id))],
  ];
}

function summary(conversation) {
  const { status, ending, joinings, joined_at: joined, ended_at: ended, duration, tags: { simulated, ...values }, labels, received_from: sources, skipped } = conversation;
  const explanation = STATUSES[status]?.[2];
  const zone = (name) => `${name} (${zoneName()})`;
  return list([
    ["Status", statusBadge(status), explanation && small(explanation)],
    ending && ["Ended by", said(ending.plain), ending.reason && !ending.plain.includes(ending.reason) && small(mono(ending.reason))],
    [zone("Joined"), time(joined), joinings.length > 1 && `, and ${joinings.length - 1} more times`],
    ended && [zone("Ended"), time(ended)],
    duration !== null && ["Length", spanText(duration)],
    ids("Replica", conversation.replica), ids("Persona", conversation.persona),
    Object.keys(values).length > 0 && ["Tags", tags(values)],
    ["Token label", labels.map((label) => said(label, { class: "tag" }))],
    [zone("Received"), time(conversation.received_first_at), " to ", time(conversation.received_last_at),
      sources.includes("backfill") && small("Some events were fetched from Tavus's API.")],
    conversation.confirmed && ["Confirmed", "Tavus's API shows every stored event."],
    skipped && ["Not read", `Events that are too large for this view: ${skipped.count}. `, skipped.event_ids.map((id, index) => [eventLink(conversation, id, `Event ${index + 1}`), " "])],
  ]);
}

/** Returns an id with its names, which changed in 2026: both are shown if they differ. */
function ids(name, { id, ...names }) {
  const differ = new Set(Object.values(names).filter(Boolean)).size > 1;
  return id && [name, differ ? Object.entries(names).map(([key, value]) => h("div", {}, h("span", { class: "dim" }, `${key} `), mono(value))) : mono(id)];
}

function talk({ talk: numbers }) {
  const sides = (unit) => `user ${numbers[`user_${unit}`]}, replica ${numbers[`replica_${unit}`]}`;
  const speech = (side, seconds, speed) => seconds !== null && [`${side}'s speech`, spanText(seconds), speed !== null && `, ${Math.round(speed)} words a minute`];
  const { longest_turn: longest, median_response_seconds: median, user_share_by_words: share } = numbers;
  return list([
    ["Turns", sides("turns")], ["Words", sides("words")], ["Questions", sides("questions")],
    share !== null && ["User's share", `${Math.round(share * 100)} % of the words`],
    speech("User", numbers.user_seconds, numbers.user_words_per_minute), speech("Replica", numbers.replica_seconds, numbers.replica_words_per_minute),
    longest && ["Longest turn", `${longest.words} words by the ${longest.role === "assistant" ? "replica" : longest.role}`],
    median !== null && ["Responses", `first after ${spanText(numbers.first_response_seconds)}, median ${spanText(median)}`],
    numbers.tool_calls > 0 && ["Tool calls", numbers.tool_calls],
  ]);
}

function perception(conversation) {
  const { analysis, unavailable_reason: reason, at, event_id: id, body_url: isLarge } = conversation.perception;
  return [
    typeof analysis === "string" ? h("div", { class: "markdown" }, markdown(analysis)) : analysis !== null && data(analysis),
    reason !== null && h("p", {}, reason === "no_vision_history" ? "The camera was off, so there is nothing to analyse. " : "Tavus sent no analysis. ", mono(reason)),
    isLarge && h("p", {}, "The analysis is too large for this view. Its event has all of it."),
    small(time(at), " · ", eventLink(conversation, id)),
  ];
}

function objectives(conversation) {
  return conversation.objectives.map(({ name, status, values, history }) => fold(
    [badge(said(status), OBJECTIVES[status]), " ", said(name ?? "unnamed")],
    () => [data(values), h("h3", {}, "History"), story(conversation, history, (each) => [said(each.status), data(each.values)])], "fold-body"));
}

function guardrails(conversation) {
  const groups = Map.groupBy(conversation.guardrails, (trigger) => trigger.name || trigger.guardrail_id || trigger.event_type);
  return [...groups].map(([name, triggers]) => fold([badge(`${triggers.length} ×`, "bad"), " ", said(name)],
    () => story(conversation, triggers, ({ reason }) => reason && said(reason)), "fold-body"));
}

/** Returns what happened again and again; without a time of the sender, the time of receipt. */
function story(conversation, items, words) {
  return h("ol", { class: "history" }, items.map((each) => h("li", {},
    time(each.at ?? each.received_at), !each.at && " (received)", " · ", eventLink(conversation, each.event_id), " ", words(each))));
}

function recordings(conversation) {
  return list(conversation.recordings.map(({ status, recording_id: id, duration, size, storage_class: storage, started_at: start, received_at: received, issues }) => [
    badge(status.replaceAll("_", " "), RECORDINGS[status] ?? "warn"), mono(id),
    Number.isFinite(duration) && small(spanText(duration)), Number.isFinite(size) && small(`${(size / 1e6).toFixed(1)} MB `, said(storage ?? "")),
    start && small("starts ", time(start)), small(received ? ["announced ", time(received)] : "not announced by a callback"),
    issues.map((issue) => h("div", {}, mono(issue)))]));
}

// Markdown of an analysis: headings, lists, emphasis and code as nodes. Links, images and HTML stay text.

// None of these can backtrack over a long line. Only the marks around a word count, so `a * b` and `snake_case` stay.
const FENCE = /^\s*```/;
const LINES = { hr: /^ {0,3}([-*_])( ?\1){2,}\s*$/, h3: /^ {0,3}#{1,6}\s+(?=\S)/, ul: /^\s*[-*+]\s+(?=\S)/, ol: /^\s*\d{1,9}[.)]\s+(?=\S)/ };
const MARKS = /(`[^`]+`)|(\*\*(?=\S)(?:[^*]|\*(?!\*))+?\*\*|__(?=\S)[^_]+?__)|(?<!\w)([*_])(?=\S)([^*_]+?)\3(?!\w)/g;

/** Returns the blocks of a text in Markdown; a line that begins nothing goes on with the block before it. */
function markdown(text) {
  const blocks = [];
  let open = null;
  const start = (tag) => blocks.push(open = { tag, lines: [] });
  for (const line of text.split(/\r?\n/)) {
    const isFence = FENCE.test(line);
    const tag = Object.keys(LINES).find((name) => LINES[name].test(line));
    if (open?.tag === "pre" && !isFence) open.lines.push(line);
    else if (isFence && open?.tag === "pre") open = null;
    else if (isFence) start("pre");
    else if (tag) {
      if (open?.tag !== tag) start(tag);
      open.lines.push(line.replace(LINES[tag], ""));
      if (tag === "hr" || tag === "h3") open = null;
    } else if (!line.trim()) open = null;
    else {
      if (!open) start("p");
      open.lines.push(`${open.lines.pop() ?? ""} ${line.trim()}`);
    }
  }
  return blocks.map(block);
}

function block({ tag, lines }) {
  if (tag === "hr") return h(tag);
  if (tag === "pre") return h(tag, { dir: "auto" }, lines.join("\n"));
  return tag[1] === "l" ? h(tag, {}, lines.map((line) => h("li", { dir: "auto" }, inline(line)))) : h(tag, { dir: "auto" }, inline(lines[0]));
}

function inline(text) {
  const nodes = [];
  let at = 0;
  for (const { 0: all, 1: code, 2: strong, 4: em, index } of text.matchAll(MARKS)) {
    nodes.push(text.slice(at, index), code ? h("code", {}, code.slice(1, -1)) : strong ? h("strong", {}, strong.slice(2, -2)) : h("em", {}, em));
    at = index + all.length;
  }
  return [...nodes, text.slice(at)];
}
