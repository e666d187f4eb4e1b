// The Timeline tab: what happened in the call, in one lane, and then what arrived when.

import { fill, h, s, said } from "/console/dom.js";
import { eventLink, missingText, partName } from "/console/facts.js";
import { badge, loading, notice, time } from "/console/parts.js";
import { clockText, spanText, zoneName } from "/console/time.js";
import { addInParts, fold } from "/console/tree.js";

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
  const arrived = h("section");
  showArrivals(arrived, conversation, pages);
  return h("div", { class: "timeline" },
    strip(points, context),
    turns.some((turn) => !turn.at) && h("p", { class: "dim" }, "The transcript has no times, so its turns are only in the Transcript tab."),
    h("h2", {}, `What happened (${zero === null ? zoneName() : "time since the start"})`),
    points.length ? lane(groups(points), (run) => groupItem(run, context)) : h("p", { class: "dim" }, "Nothing that has a time has arrived."),
    arrived);
}

/** Returns the points of everything but speech that has a time: `name` is ours, `text` is theirs. */
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

/** Returns the points of turns that have a time, and of the tools that they called. */
function speech(turns) {
  return turns.filter((turn) => turn.at).flatMap(({ at: iso, role, text, scene, speaker, duration, tool_calls: calls }) => {
    const at = Date.parse(iso);
    return [
      (text || scene) && { kind: role === "tool" ? "tool" : "speech", role, speaker, name: SPEAKERS[role] ?? role, text: text || scene, iso, at, until: at + (duration ?? 0) * 1000 },
      ...calls.map(({ name }) => ({ kind: "tool", name: "Tool call", text: name, iso, at, until: at })),
    ].filter(Boolean);
  });
}

/** Returns runs of points of one kind: a long run is shown folded. */
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
    h("div", {}, h("strong", {}, each.speaker ? said(each.speaker) : each.name), " ", said(each.text ?? ""),
      h("div", { class: "dim" }, time(each.iso), each.isReceipt && " (received; Tavus sent no time)", each.event && [" · ", eventLink(context.conversation, each.event)])));
}

// The lane as a picture. The list below it says the same in words. What follows the call minutes later would squeeze it.

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
  const head = s("rect", { class: "head", height: 50, width: 2 });
  const follow = () => {
    const at = player.position === null || origin === null ? -1 : origin + player.position * 1000;
    head.setAttribute("x", at < from || at > to ? -9 : share(at - from));
  };
  player.addEventListener("position", follow, { signal });
  follow();
  return s("svg", { class: "strip", "aria-hidden": "true" }, points.filter(({ at }) => at >= from && at <= to).map(mark), head);
}

// What arrived when.

/** Shows the callbacks in the order of receipt; more are loaded by their own time. */
async function showArrivals(section, conversation, pages, count = 1) {
  const foot = h("div", { class: "foot" });
  const more = () => showArrivals(section, conversation, pages, pages.events.length + 1);
  const title = h("h2", {}, `What arrived (${zoneName()})`);
  section.lastChild?.replaceWith(loading());
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
