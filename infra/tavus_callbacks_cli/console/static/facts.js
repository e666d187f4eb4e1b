// The facts of a conversation, beside its recording: what is missing first, then what happened.

import { commandLine, operatorCommand } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { markdown } from "/console/markdown.js";
import { badge, tags, time } from "/console/parts.js";
import { formatRoute } from "/console/router.js";
import { spanText, zoneName } from "/console/time.js";
import { lazy, tree } from "/console/tree.js";

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
const OBJECTIVES = { completed: "ok", pending: "warn", activated: "live" };
const MANY = 50;
const UNAVAILABLE = { no_vision_history: "The camera was off, so there is nothing to analyse." };

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
  const of = (name, build, title) => conversation[name]?.length > 0 && section(title, build(conversation));
  return [
    of("missing", missing, "Missing"),
    section("Facts", summary(conversation)),
    conversation.talk && section("Talk", talk(conversation.talk)),
    conversation.perception && section("Perception", perception(conversation)),
    of("objectives", objectives, "Objectives"),
    of("guardrails", guardrails, "Guardrails"),
    of("recordings", recordings, "Recordings"),
    of("recording_failures", failures, "Failed copies"),
    of("perception_tool_calls", raven, "Tools that Raven called"),
    of("canvas_interactions", cards, "Cards"),
    of("actions", actions, "After the call"),
    of("memories", memories, "Memories"),
    of("other_events", others, "Other events"),
  ];
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
    h("dl", {}, conversation.missing.map((part) => fact(h("span", { class: "bad-text" }, partName(part.what)),
      missingText(part),
      part.what === "recording" && h("div", { class: "dim" }, "A recording exists only if a page of yours started it: ", h("code", {}, "enable_recording"), " permits it.")))),
    isOverdue && [
      h("p", { class: "dim" }, "Fetch from Tavus what was lost on the way:"),
      commandLine(operatorCommand("backfill", conversation.conversation_id)),
    ],
  ];
}

function summary(conversation) {
  const { ending, joinings, skipped, tags: values } = conversation;
  const [, , explanation] = STATUSES[conversation.status] ?? [];
  const again = joinings.length - 1;
  return h("dl", {},
    fact("Status", statusBadge(conversation.status), explanation && h("div", { class: "dim" }, explanation)),
    ending && fact("Ending", said(ending.plain), ending.reason && h("div", { class: "dim" }, said(ending.reason, { class: "mono" }))),
    fact(`Joined (${zoneName()})`, time(conversation.joined_at), again > 0 && `, and ${again} more times`),
    conversation.ended_at && fact(`Ended (${zoneName()})`, time(conversation.ended_at)),
    conversation.duration !== null && fact("Length", spanText(conversation.duration)),
    ids("Replica", conversation.replica), ids("Persona", conversation.persona),
    Object.keys(values).length > 0 && fact("Tags", tags(values)),
    fact("Tokens", conversation.labels.map((label) => said(label, { class: "tag" }))),
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

function failures(conversation) {
  const stored = new Set(conversation.recordings.filter(({ status }) => status !== "failed").map((each) => each.recording_id));
  return conversation.recording_failures.map((failure) => fold(
    [time(failure.at), " ", said(failure.error_code ?? "no code"), stored.has(failure.recording_id) && [" ", badge("delivered later", "ok")]],
    () => [
      failure.error_message && h("p", {}, said(failure.error_message)),
      h("p", {}, said(failure.explanation)),
      h("dl", {},
        failure.tavus_recording_id && fact("Tavus's id", said(failure.tavus_recording_id, { class: "mono" })),
        failure.key && fact("Key", said(failure.key, { class: "mono" }))),
      eventLink(conversation, failure.event_id),
    ]));
}

function raven(conversation) {
  return conversation.perception_tool_calls.map((call) => fold(
    [time(call.at), " ", said(call.name ?? "unnamed")],
    () => [
      h("dl", {}, call.modality && fact("Seen by", said(call.modality)), call.frames > 0 && fact("Pictures", call.frames)),
      more(conversation, call, call.arguments)]));
}

function cards(conversation) {
  return conversation.canvas_interactions.length > MANY
    ? h("p", {}, `${conversation.canvas_interactions.length} interactions, listed in the Timeline tab.`)
    : conversation.canvas_interactions.map((card) => fold(
      [time(card.at), " ", said([card.component, card.type].filter(Boolean).join(" ") || "unnamed")],
      () => more(conversation, card, { value: card.value, metadata: card.metadata })));
}

function actions(conversation) {
  return conversation.actions.map((action) => fold(
    [badge(said(action.status ?? "no status"), action.status === "success" ? "ok" : "bad"), " ", said(action.tool_name ?? action.tool_id ?? "unnamed")],
    () => [h("p", { class: "dim" }, time(action.at)), more(conversation, action, { request: action.request, response: action.response })]));
}

function memories(conversation) {
  return conversation.memories.map((memory) => fold(
    [time(memory.at), " ", said(memory.event_type)],
    () => more(conversation, memory, memory.analysis === null ? memory.properties : { analysis: memory.analysis, ...memory.properties })));
}

function others(conversation) {
  return h("ol", { class: "history" }, conversation.other_events.slice(0, MANY).map((event) =>
    h("li", {}, time(event.at), " ", said(event.event_type), " · ", eventLink(conversation, event.event_id))),
  conversation.other_events.length > MANY && h("li", {}, `${conversation.other_events.length - MANY} more are in the Events tab.`));
}

function more(conversation, happened, value) {
  return [
    happened.body_url ? h("p", {}, "A value is too large for this view. The event has all of it.") : h("div", { class: "tree" }, tree(value)),
    eventLink(conversation, happened.event_id)];
}

function fold(summaryContent, build) {
  const body = h("div", { class: "fold-body" });
  return lazy(h("details", { class: "fact-fold" }, h("summary", {}, summaryContent), body), () => fill(body, build()));
}

/** Returns a size such as `263 KB`. */
export function sizeText(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  const step = Math.min(units.length - 1, bytes ? Math.floor(Math.log2(bytes) / 10) : 0);
  return `${(bytes / 1024 ** step).toLocaleString("en", { maximumFractionDigits: step > 1 ? 1 : 0 })} ${units[step]}`;
}
