// The Timeline tab: what happened in the call, in one lane, and then what arrived when.

import { fill, h, s, said } from "/console/dom.js";
import { eventLink, missingText, partName } from "/console/facts.js";
import { badge, loading, notice, time } from "/console/parts.js";
import { clockText, spanText, timeText, zoneName } from "/console/time.js";
import { addInParts, lazy } from "/console/tree.js";

const FOLD = 4;
const FEW_TURNS = 30;
const SPEAKERS = { user: "User", assistant: "Replica", tool: "Tool", system: "System" };

/** Returns the Timeline tab; `transcript` is that of the API, or null. */
export async function timelineTab({ conversation, transcript, player, pages, signal }) {
  const origin = transcript?.origin ? Date.parse(transcript.origin.at) : null;
  const clock = new Clock(conversation, origin, player);
  const points = [...happenings(conversation), ...speech(transcript?.turns ?? [])].sort((one, other) => one.at - other.at);
  const strip = new Strip({ points, clock, player, signal });
  const arrived = h("section", {});
  showArrivals(arrived, conversation, pages);
  const hasTimes = !transcript || transcript.turns.every((turn) => turn.at);
  return h("div", { class: "timeline" },
    strip.element,
    !hasTimes && h("p", { class: "dim" }, "The transcript has no times, so its turns are only in the Transcript tab."),
    h("h2", {}, `What happened (${clock.zero === null ? zoneName() : "time since the start"})`),
    points.length
      ? lane(groups(points), (group) => groupItem(group, { conversation, clock, player, signal }))
      : h("p", { class: "dim" }, "Nothing that has a time has arrived."),
    arrived);
}

/** Places times in the talk and in the recording. */
class Clock {
  constructor(conversation, origin, player) {
    this.origin = origin;
    this.zero = origin ?? (conversation.joined_at ? Date.parse(conversation.joined_at) : null);
    this.player = player;
  }

  /** Returns the time since the start of the talk as text, or the time of day where the start is unknown. */
  text(point) {
    return this.zero === null ? time(point.iso, { date: false }) : clockText((point.at - this.zero) / 1000);
  }

  /** Returns the place in the talk as the player takes it, or null. */
  turn({ at, until }) {
    return this.origin === null ? null : { start: (at - this.origin) / 1000, duration: (until - at) / 1000 };
  }

  /** Returns the second of the recording, where no turn says when the talk began; else null. */
  second({ at }) {
    const { recording, duration } = this.player;
    if (this.origin !== null || !recording?.started_at) return null;
    const second = (at - Date.parse(recording.started_at)) / 1000;
    return second >= 0 && second < duration ? second : null;
  }

  isPlayable(point) {
    if (!this.player.isPlayable) return false;
    return this.origin === null ? this.second(point) !== null : this.player.covers(this.turn(point));
  }

  play(point) {
    const second = this.second(point);
    return second === null ? this.player.playFrom(this.turn(point) ?? { start: null }) : this.player.play(second);
  }
}

/** Returns a point: `iso` and `at` are its time, `name` is ours, `text` is theirs. */
function point(kind, iso, name, text, { until = null, isReceipt = false, eventId = null } = {}) {
  const at = Date.parse(iso);
  return { kind, iso, at, until: until ?? at, name, text: text ?? "", isReceipt, eventId };
}

/** Returns the points of everything but speech that has a time. */
function happenings(conversation) {
  const points = [];
  const add = (kind, happened, name, text) => {
    const iso = happened.at ?? happened.received_at;
    if (iso) points.push(point(kind, iso, name, text, { isReceipt: !happened.at, eventId: happened.event_id }));
  };
  const each = (list, kind, name, text) => list.forEach((happened) => add(kind, happened, name, text(happened)));
  each(conversation.joinings, "joined", "Replica joined", ({ replica_id: id }) => id);
  each(conversation.perception_tool_calls, "tool", "Raven called a tool", ({ name }) => name);
  each(conversation.canvas_interactions, "canvas", "Card", ({ component, type }) => [component, type].filter(Boolean).join(" "));
  for (const { name, history } of conversation.objectives) each(history, "objective", "Objective", ({ status }) => `${name ?? "unnamed"}: ${status}`);
  each(conversation.guardrails, "guardrail", "Guardrail", ({ name, guardrail_id: id, reason }) => [name ?? id, reason].filter(Boolean).join(": "));
  each(conversation.memories, "other", "Memory", ({ event_type: type }) => type);
  each(conversation.other_events, "other", "Event", ({ event_type: type }) => type);
  each(conversation.actions, "tool", "Tool after the call", ({ tool_name: name, tool_id: id, status }) => [name ?? id, status].filter(Boolean).join(": "));
  const isOnly = conversation.recordings.length === 1;
  for (const recording of conversation.recordings) addRecording(points, recording, isOnly ? "" : recording.recording_id);
  if (conversation.ended_at) add("ended", { at: conversation.ended_at }, "Ended", conversation.ending?.plain);
  if (conversation.transcript) add("other", conversation.transcript, "Transcript ready");
  if (conversation.perception) add("other", conversation.perception, conversation.perception.unavailable_reason ? "No perception analysis" : "Perception analysis ready");
  return points;
}

function addRecording(points, { started_at: start, duration }, id) {
  if (!start) return;
  const end = duration === null ? null : Date.parse(start) + duration * 1000;
  points.push(point("recording", start, "Recording starts", id, { until: end }));
  if (end) points.push(point("recording", new Date(end).toISOString(), "Recording ends", id));
}

/** Returns the points of turns that have a time, and of the tools that they called. */
function speech(turns) {
  return turns.filter((turn) => turn.at).flatMap((turn) => [
    ...(turn.text || turn.scene ? [{
      ...point(turn.role === "tool" ? "tool" : "speech", turn.at, SPEAKERS[turn.role] ?? turn.role, turn.text || turn.scene,
        { until: Date.parse(turn.at) + (turn.duration ?? 0) * 1000 }),
      role: turn.role,
      speaker: turn.speaker,
    }] : []),
    ...turn.tool_calls.map((call) => point("tool", turn.at, "Tool call", call.name)),
  ]);
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

function groupItem(run, context) {
  const [first] = run;
  if (run.length === 1) return pointItem(first, context);
  const list = h("ol", { class: "lane" });
  const fold = h("details", { open: first.kind === "speech" && run.length <= FEW_TURNS }, h("summary", {}, runText(run)), list);
  lazy(fold, () => addInParts(list, run, (each) => pointItem(each, context)));
  return h("li", { class: `point ${first.kind}` }, h("span", { class: "at" }, context.clock.text(first)), h("div", {}, fold));
}

function runText(run) {
  const [first] = run;
  if (first.kind !== "speech") return `${run.length} × ${first.name}`;
  const of = (role) => run.filter((each) => each.role === role).length;
  return `${run.length} turns in ${spanText((run.at(-1).until - first.at) / 1000)}: user ${of("user")}, replica ${of("assistant")}`;
}

function pointItem(each, { conversation, clock, player, signal }) {
  const at = player.isPlayable ? playButton(each, clock, player, signal) : h("span", { class: "at" }, clock.text(each));
  return h("li", { class: `point ${each.kind} ${each.role ?? ""}` }, at, h("div", {},
    h("strong", {}, each.speaker ? said(each.speaker) : each.name), " ", said(each.text),
    h("div", { class: "dim" }, time(each.iso), each.isReceipt && " (received; Tavus sent no time)",
      each.eventId && [" · ", eventLink(conversation, each.eventId)])));
}

function playButton(each, clock, player, signal) {
  const button = h("button", { type: "button", class: "at", onclick: () => clock.play(each) }, clock.text(each));
  const place = () => {
    const isPlayable = clock.isPlayable(each);
    button.setAttribute("aria-disabled", String(!isPlayable));
    button.title = isPlayable ? "Play from here" : "Not in the recording";
  };
  player.addEventListener("offset", place, { signal });
  place();
  return button;
}

// The picture.

const FRAME = ["joined", "speech", "ended", "recording"];
const HALVES = { user: 18, assistant: 36 };
const LINES = ["joined", "ended"];
// Shapes differ, so that nobody needs the colours.
const SHAPES = { tool: "M-4-4h8v8h-8z", objective: "M0-5l5 5l-5 5l-5-5z", guardrail: "M0-5l5 9h-10z", canvas: "M-5-2h10v4h-10z", other: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0" };
const LEGEND = { joined: "joined, ended", tool: "tool", objective: "objective", guardrail: "guardrail", canvas: "card", other: "other" };
const PAGE_STEP = 10;

/** The lane as a picture. It draws points; arrows move through them, Enter or a click plays from one. */
class Strip {
  constructor({ points, clock, player, signal }) {
    Object.assign(this, { clock, player, index: 0 });
    this.element = h("div", { class: "strip" });
    // What follows the call minutes later would squeeze the call, so it is in the list only.
    if (!this.span(points.filter(({ kind }) => FRAME.includes(kind))) && !this.span(points)) return;
    this.points = points.filter(({ at }) => at >= this.from && at <= this.to);
    this.build();
    player.addEventListener("position", () => this.follow(), { signal });
    this.follow();
  }

  /** Takes the time from the first to the last of some points; returns whether there is any. */
  span(points) {
    this.from = points.reduce((least, { at }) => Math.min(least, at), Infinity);
    this.to = points.reduce((most, { until }) => Math.max(most, until), -Infinity);
    return this.to > this.from;
  }

  build() {
    this.cursor = s("line", { class: "cursor", y1: 0, y2: 76 });
    this.head = s("line", { class: "head", y1: 0, y2: 76 });
    this.picture = s("svg", { "aria-hidden": "true" },
      s("rect", { class: "ground", y: 14, width: "100%", height: 42, rx: 4 }), this.points.map((each) => this.mark(each)), this.ticks(), this.head, this.cursor);
    this.slider = h("div", {
      class: "slider", role: "slider", tabindex: 0, "aria-label": "Points of the call", "aria-valuemin": 1, "aria-valuemax": this.points.length,
      onkeydown: (event) => this.press(event), onclick: (event) => this.click(event), onpointermove: (event) => this.select(this.nearest(event)),
    }, this.picture);
    this.caption = h("p", { class: "caption" });
    fill(this.element, this.slider, this.caption, this.legend());
    this.select(0);
  }

  /** Returns a time's place as a percentage of the width. */
  x(at) {
    return `${(100 * (at - this.from)) / (this.to - this.from)}%`;
  }

  mark({ kind, role, at, until }) {
    const width = `${Math.max(0.15, (100 * (until - at)) / (this.to - this.from))}%`;
    if (kind === "recording") return until > at && s("rect", { class: "recording", x: this.x(at), width, y: 3, height: 6, rx: 3 });
    if (kind === "speech") return s("rect", { class: `speech ${role}`, x: this.x(at), width, y: HALVES[role] ?? HALVES.user, height: 16 });
    if (LINES.includes(kind)) return s("line", { class: kind, x1: this.x(at), x2: this.x(at), y1: 12, y2: 58 });
    return s("svg", { class: "shape", x: this.x(at), y: 67, overflow: "visible" }, s("path", { class: kind, d: SHAPES[kind] ?? SHAPES.other }));
  }

  ticks() {
    const anchors = ["start", "middle", "middle", "middle", "end"];
    return anchors.map((anchor, index) => {
      const at = this.from + ((this.to - this.from) * index) / (anchors.length - 1);
      const { zero } = this.clock;
      const words = zero === null ? timeText(new Date(at).toISOString(), { date: false }) : clockText((at - zero) / 1000);
      return s("text", { class: index % 2 && "minor", x: `${index * 25}%`, y: 90, "text-anchor": anchor }, words);
    });
  }

  legend() {
    const roles = new Set(this.points.map((each) => each.role));
    const kinds = new Set(this.points.map(({ kind }) => (kind === "ended" ? "joined" : kind)));
    const entry = (name, shape) => h("li", {}, s("svg", { width: 14, height: 12, "aria-hidden": "true" }, shape), name);
    const bar = (name, words) => entry(words, s("rect", { class: name, y: 2, width: 14, height: 8 }));
    return h("ul", { class: "legend" },
      roles.has("user") && bar("speech user", "user"), roles.has("assistant") && bar("speech assistant", "replica"),
      kinds.has("recording") && bar("recording", "recording"),
      Object.entries(LEGEND).filter(([kind]) => kinds.has(kind)).map(([kind, words]) => entry(words, LINES.includes(kind)
        ? s("line", { class: kind, x1: 7, x2: 7, y1: 0, y2: 12 })
        : s("svg", { x: 7, y: 6, overflow: "visible" }, s("path", { class: kind, d: SHAPES[kind] })))));
  }

  nearest(event) {
    const box = this.slider.getBoundingClientRect();
    const at = this.from + ((this.to - this.from) * (event.clientX - box.left)) / box.width;
    const distance = (each) => Math.max(each.at - at, at - each.until, 0) + Math.abs(each.at - at) / 1e6;
    let best = 0;
    this.points.forEach((each, index) => { if (distance(each) < distance(this.points[best])) best = index; });
    return best;
  }

  select(index) {
    this.index = Math.max(0, Math.min(this.points.length - 1, index));
    const chosen = this.points[this.index];
    const name = chosen.speaker ?? chosen.name;
    const words = this.clock.zero === null ? timeText(chosen.iso, { date: false }) : clockText((chosen.at - this.clock.zero) / 1000);
    for (const side of ["x1", "x2"]) this.cursor.setAttribute(side, this.x(chosen.at));
    this.slider.setAttribute("aria-valuenow", this.index + 1);
    this.slider.setAttribute("aria-valuetext", `${words} ${name} ${chosen.text}`.slice(0, 200));
    fill(this.caption, h("span", { class: "dim" }, `${words} `), h("strong", {}, said(name)), " ", said(chosen.text));
  }

  press(event) {
    const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: PAGE_STEP, PageDown: -PAGE_STEP, Home: -Infinity, End: Infinity };
    if (event.key in moves) this.select(this.index + moves[event.key]);
    else if (event.key === "Enter") this.clock.play(this.points[this.index]);
    else return;
    event.preventDefault();
  }

  click(event) {
    this.select(this.nearest(event));
    this.clock.play(this.points[this.index]);
  }

  /** Moves the line of the player. */
  follow() {
    const { position } = this.player;
    const at = position === null || this.clock.origin === null ? null : this.clock.origin + position * 1000;
    const isShown = at !== null && at >= this.from && at <= this.to;
    this.head.classList.toggle("hidden", !isShown);
    if (isShown) for (const side of ["x1", "x2"]) this.head.setAttribute(side, this.x(at));
  }
}

// What arrived when.

/** Shows the callbacks in the order of receipt; more are loaded by their own time. */
function showArrivals(section, conversation, pages) {
  const list = h("div", {});
  const foot = h("div", { class: "foot" });
  fill(section, h("h2", {}, `What arrived (${zoneName()})`), list, foot);
  async function load(count) {
    fill(foot, loading());
    try {
      await pages.until({ count });
      fill(list, arrivals(pages, conversation));
      fill(foot, !pages.isComplete && [`The first ${pages.events.length} callbacks by their own time, in order of receipt.`,
        h("button", { type: "button", onclick: () => load(pages.events.length + 1) }, "Show more")]);
    } catch (error) {
      if (error.name !== "AbortError") fill(foot, notice(error, { again: () => load(count) }));
    }
  }
  return load(1);
}

function arrivals(pages, conversation) {
  const received = pages.events.flatMap((event) => [event, ...(event.variants ?? [])])
    .sort((one, other) => Date.parse(one.received_at) - Date.parse(other.received_at));
  return [
    lane(received, (event) => arrivalItem(event, conversation)),
    lane(conversation.missing, (part) => h("li", { class: "point missing" }, h("span", { class: "at" }, "–"),
      h("div", {}, h("strong", {}, `${partName(part.what)} is missing`), h("div", { class: "dim" }, missingText(part))))),
  ];
}

function arrivalItem(event, conversation) {
  return h("li", { class: "point arrival" },
    h("span", { class: "at" }, time(event.received_at, { date: false })),
    h("div", {}, eventLink(conversation, event.variant_id || event.event_id, said(event.event_type)), " ",
      event.variant_id && badge("other content", "warn"), event.source === "backfill" && badge("backfill"),
      h("div", { class: "dim" }, delayText(event))));
}

/** Returns how long a callback took, by two clocks: the sender's and that of API Gateway. */
function delayText({ occurred_at: sent, received_at: received }) {
  if (!sent) return "The callback has no time of its own.";
  const seconds = (Date.parse(received) - Date.parse(sent)) / 1000;
  return seconds < 0 ? `${spanText(-seconds)} before its own time: the sender's clock is ahead.` : `${spanText(seconds)} after it happened`;
}
