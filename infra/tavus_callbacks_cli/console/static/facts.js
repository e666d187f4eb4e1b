// The facts of a conversation, what is missing first, and its Timeline: what happened in the call, then what arrived when.

import { clockText, fill, formatRoute, h, s, said, spanText, zoneName } from "/console/base.js";
import { badge, commandLine, loading, notice, operatorCommand, tags, time } from "/console/parts.js";
import { addInParts, fold, tree } from "/console/tree.js";

const PARTS = { shutdown: "Shutdown", transcript: "Transcript", perception: "Perception analysis", recording: "Recording" };
const STATUSES = {
  active: ["active", "live", "No shutdown has arrived."],
  ended: ["ended", "ok", ""],
  presumed_ended: ["presumed ended", "warn", "No shutdown has arrived, and nothing else is expected from the call."],
};
const OBJECTIVES = { __proto__: null, completed: "ok", pending: "warn", activated: "live" };

/** Returns the badge of a conversation's status. */
export function statusBadge(status) {
  const [words, kind] = STATUSES[status] ?? [status];
  return badge(words, kind);
}

function missingText({ since, usual_delay: delay, overdue }) {
  return [
    since && ["Expected since ", time(since), ". "], `Usually it arrives within ${spanText(delay)}. `,
    overdue ? h("strong", { class: "bad-text" }, "Overdue.") : "It may still arrive.",
  ];
}

/** Returns the name of a part that can be missing. */
export function partName(part) {
  return PARTS[part] ?? part;
}

function eventLink({ conversation_id: id }, event, words = "event") {
  return h("a", { href: formatRoute(["conversations", id], { tab: "events", event }) }, words);
}

/** Returns the sections of facts; those without anything to say are left out. */
export function facts(conversation) {
  const sections = { Missing: missing, Facts: summary, Talk: talk, Perception: perception, Objectives: objectives, Guardrails: guardrails };
  return Object.entries(sections).map(([title, build]) => {
    const content = title === "Facts" || conversation[title.toLowerCase()];
    return content && content.length !== 0 && h("section", { class: "facts card" }, h("h2", {}, title), build(conversation));
  });
}

function list(pairs) {
  return h("dl", {}, pairs.filter(Boolean).map(([name, ...values]) => [h("dt", {}, name), h("dd", {}, values)]));
}

const mono = (text) => said(text, { class: "mono" });
const small = (...content) => h("div", { class: "dim" }, content);
const data = (value) => Object.keys(value).length > 0 && h("div", { class: "tree" }, tree(value, 1));

function missing(conversation) {
  return [
    list(conversation.missing.map((part) => [h("span", { class: part.overdue && "bad-text" }, partName(part.what)), missingText(part),
      part.what === "recording" && small("A recording exists only if your page started it: ", h("code", {}, "enable_recording"), " permits it.")])),
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
    conversation.replica.id && ["Replica", mono(conversation.replica.id)], conversation.persona.id && ["Persona", mono(conversation.persona.id)],
    Object.keys(values).length > 0 && ["Tags", tags(values)],
    ["Token label", labels.map((label) => said(label, { class: "tag" }))],
    [zone("Received"), time(conversation.received_first_at), " to ", time(conversation.received_last_at),
      sources.includes("backfill") && small("Some events were fetched from Tavus's API.")],
    conversation.confirmed && ["Confirmed", "Tavus's API shows every stored event."],
    skipped && ["Not read", `Events that are too large for this view: ${skipped.count}. `, skipped.event_ids.map((id, index) => [eventLink(conversation, id, `Event ${index + 1}`), " "])],
  ]);
}

function talk({ talk: numbers }) {
  const sides = (unit) => `user ${numbers[`user_${unit}`]}, replica ${numbers[`replica_${unit}`]}`;
  const { user_seconds: user, replica_seconds: replica, median_response_seconds: median, first_response_seconds: first } = numbers;
  return list([
    ["Turns", sides("turns")], ["Words", sides("words")], ["Questions", sides("questions")],
    user !== null && replica !== null && ["Speech", `user ${spanText(user)}, replica ${spanText(replica)}`],
    median !== null && ["Responses", `first after ${spanText(first)}, median ${spanText(median)}`],
    ["Tool calls", numbers.tool_calls],
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

function story(conversation, items, words) {
  return h("ol", { class: "history" }, items.map((each) => h("li", {},
    time(each.at ?? each.received_at), !each.at && " (received)", " · ", eventLink(conversation, each.event_id), " ", words(each))));
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

const FOLD = 4;
const FEW_TURNS = 30;
const SPEAKERS = { user: "User", assistant: "Replica", tool: "Tool" };
const words = (...parts) => parts.filter(Boolean).join(": ");

/** Returns the Timeline tab; `transcript` is that of the API, or null. */
export function timelineTab({ conversation, transcript, player, pages, signal }) {
  const origin = Date.parse(transcript?.origin?.at) || null;
  const zero = origin ?? (Date.parse(conversation.joined_at) || null);
  const turns = transcript?.turns ?? [];
  const points = [...happenings(conversation), ...speech(turns)].sort((a, b) => a.at - b.at);
  const context = { conversation, player, origin, zero, signal };
  const arrived = h("section", {}, loading());
  showArrivals(arrived, conversation, pages);
  return h("div", { class: "timeline" },
    strip(points, context),
    turns.some((turn) => !turn.at) && h("p", { class: "dim" }, "The transcript has no times, so its turns are only in the Transcript tab."),
    h("h2", {}, `Timeline (${zero === null ? zoneName() : "time since the start"})`),
    points.length ? lane(groups(points), (run) => groupItem(run, context)) : h("p", { class: "dim" }, "No event with a time has arrived."),
    arrived);
}

function happenings(conversation) {
  const points = [];
  const add = (kind, name, list, text = () => "") => {
    for (const each of list) {
      const iso = each.at ?? each.received_at;
      const at = Date.parse(iso);
      if (at) points.push({ kind, name, iso, at, until: at, text: text(each) ?? "", isReceipt: !each.at, event: each.event_id });
    }
  };
  const tool = ({ name, tool_name: tools, tool_id: id, status }) => words(name ?? tools ?? id, status);
  add("joined", "Replica joined", conversation.joinings, (each) => each.replica_id);
  add("tool", "Raven called a tool", conversation.perception_tool_calls, tool);
  add("tool", "Tool after the call", conversation.actions, tool);
  add("canvas", "Card", conversation.canvas_interactions, ({ component, type }) => words(component, type));
  for (const { name, history } of conversation.objectives) add("objective", "Objective", history, ({ status }) => words(name ?? "unnamed", status));
  add("guardrail", "Guardrail", conversation.guardrails, ({ name, guardrail_id: id, reason }) => words(name ?? id, reason));
  for (const [name, list] of Object.entries({ Memory: conversation.memories, Event: conversation.other_events })) add("other", name, list, (each) => each.event_type);
  add("guardrail", "Recording not stored", conversation.recording_failures, (each) => words(each.error_code, each.error_message));
  for (const { started_at: at, duration, recording_id: id } of conversation.recordings.filter((each) => each.started_at)) {
    const end = Date.parse(at) + (duration ?? 0) * 1000;
    add("recording", "Recording starts", [{ at }], () => id);
    points.at(-1).until = end;
    if (duration) add("recording", "Recording ends", [{ at: new Date(end).toISOString() }], () => id);
  }
  add("ended", "Ended", [{ at: conversation.ended_at }], () => conversation.ending?.plain);
  add("other", "Transcript ready", [conversation.transcript ?? {}]);
  add("other", "Perception", [conversation.perception ?? {}], (each) => each.unavailable_reason);
  return points;
}

function speech(turns) {
  return turns.filter((turn) => turn.at).flatMap(({ at: iso, role, text, scene, speaker, duration, tool_calls: calls }) => {
    const at = Date.parse(iso);
    return [
      (text || scene) && { kind: role === "tool" ? "tool" : "speech", role, speaker, name: SPEAKERS[role] ?? role, text: text || scene, iso, at, until: at + (duration ?? 0) * 1000 },
      ...calls.map(({ name }) => ({ kind: "tool", name: "Tool call", text: name, iso, at, until: at })),
    ].filter(Boolean);
  });
}

function groups(points) {
  const runs = [];
  for (const each of points) {
    if (runs.at(-1)?.[0].kind === each.kind) runs.at(-1).push(each);
    else runs.push([each]);
  }
  return runs.flatMap((run) => (run.length < FOLD ? run.map((each) => [each]) : [run]));
}

function lane(items, render) {
  const list = h("ol", { class: "lane" });
  addInParts(list, items, render);
  return list;
}

function clock({ at, iso }, zero) {
  return zero === null ? time(iso, { date: false }) : clockText((at - zero) / 1000);
}

function groupItem(run, context) {
  const [first] = run;
  if (run.length === 1) return pointItem(first, context);
  const isSpeech = first.kind === "speech";
  const summary = isSpeech ? `${run.length} turns in ${spanText((run.at(-1).until - first.at) / 1000)}` : `${run.length} × ${first.name}`;
  const content = fold(summary, () => lane(run, (each) => pointItem(each, context)), "points");
  content.open = isSpeech && run.length <= FEW_TURNS;
  return h("li", { class: `point ${first.kind}` }, h("span", { class: "at" }, clock(first, context.zero)), h("div", {}, content));
}

function play({ at, until }, { player, origin }) {
  player.playFrom({ start: origin === null ? null : (at - origin) / 1000, duration: (until - at) / 1000 });
}

function pointItem(each, context) {
  const at = clock(each, context.zero);
  const isPlayable = context.player.isPlayable && context.origin !== null;
  return h("li", { class: `point ${each.kind} ${each.role ?? ""}` },
    isPlayable ? h("button", { type: "button", class: "at", title: "Play from here", onclick: () => play(each, context) }, at) : h("span", { class: "at" }, at),
    h("div", {}, h("strong", {}, said(each.speaker ?? each.name)), " ", said(each.text ?? ""),
      h("div", { class: "dim" }, time(each.iso), each.isReceipt && " (received; Tavus sent no time)", each.event && [" · ", eventLink(context.conversation, each.event)])));
}

// The lane as a picture, without what follows minutes later. The list below it says the same in words.

const FRAME = ["joined", "speech", "ended", "recording"];
const LANES = { recording: [0, 6], speech: [12, 14], joined: [8, 40], ended: [8, 40] };

function strip(points, context) {
  const { player, origin, signal } = context;
  const frame = points.filter(({ kind }) => FRAME.includes(kind));
  const from = Math.min(...frame.map(({ at }) => at));
  const to = Math.max(...frame.map(({ until }) => until));
  if (!(to > from)) return null;
  const share = (span) => `${(100 * span) / (to - from)}%`;
  const mark = (each) => {
    const { kind, role, name, at, until } = each;
    const [y, height] = LANES[kind] ?? [42, 8];
    return s("rect", { class: `${kind} ${role ?? ""}`, x: share(at - from), y: role === "assistant" ? 28 : y, height, width: until > at ? share(until - at) : 3, onclick: () => play(each, context) },
      s("title", {}, name));
  };
  const head = s("rect", { class: "head", height: 50 });
  const follow = () => {
    const at = player.position === null || origin === null ? 0 : origin + player.position * 1000;
    head.setAttribute("x", share(at - from));
    head.setAttribute("width", at < from || at > to ? 0 : 2);
  };
  player.addEventListener("position", follow, { signal });
  follow();
  return s("svg", { class: "strip", "aria-hidden": "true" }, points.filter(({ at }) => at >= from && at <= to).map(mark), head);
}

async function showArrivals(section, conversation, pages, count = 1) {
  const foot = h("div", { class: "foot" });
  const more = () => showArrivals(section, conversation, pages, pages.events.length + 1);
  const title = h("h2", {}, `Callbacks (${zoneName()})`);
  section.lastChild.replaceWith(loading());
  try {
    await pages.until({ count });
  } catch (error) {
    if (error.name !== "AbortError") fill(section, title, notice(error, { again: more }));
    return;
  }
  if (!pages.isComplete) fill(foot, `The first ${pages.events.length} callbacks by their own time. `, h("button", { type: "button", onclick: more }, "Show more"));
  const received = pages.events.flatMap((event) => [event, ...(event.variants ?? [])]).sort((a, b) => Date.parse(a.received_at) - Date.parse(b.received_at));
  fill(section, title, lane(received, (event) => arrivalItem(event, conversation)),
    lane(conversation.missing, (part) => h("li", { class: "point missing" }, h("span", { class: "at" }, "–"),
      h("div", {}, h("strong", {}, `${partName(part.what)} is missing`), h("div", { class: "dim" }, missingText(part))))), foot);
}

function arrivalItem(event, conversation) {
  const { occurred_at: sent, received_at: received, event_id: id, variant_id: variant } = event;
  const seconds = (Date.parse(received) - Date.parse(sent)) / 1000;
  const delay = seconds < 0 ? `${spanText(-seconds)} before its own time: the sender's clock is ahead.` : `${spanText(seconds)} after it happened`;
  return h("li", { class: "point arrival" }, h("span", { class: "at" }, time(received, { date: false })),
    h("div", {}, eventLink(conversation, variant || id, said(event.event_type)), " ",
      variant && badge("other content", "warn"), event.source === "backfill" && badge("backfill"),
      h("div", { class: "dim" }, sent ? delay : "The callback has no time of its own.")));
}
