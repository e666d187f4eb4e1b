// The list of conversations: rows as links, what is missing in red.

import { formatRoute, h, said, spanText, zoneName } from "/console/base.js";
import { counted, listPage } from "/console/listing.js";
import { SIMULATED, badge, tags, time } from "/console/parts.js";

const PATH = ["conversations"];
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
const STATUSES = { active: "live", ended: "ok", presumed_ended: "warn" };
const RECORDINGS = { available: "ok", pending: "warn", missing: "bad", failed: "bad", other_conversation: "bad" };

/** Shows the list. */
export function show(page) {
  return listPage({
    ...page, path: PATH, title: "Conversations", fields: FIELDS, kind: "talks",
    api: "/conversations", member: "conversations", things: "conversations", verb: "list", rowsOf: row,
    columns: ["Status", "Conversation", `Started (${zoneName()})`, ["Length", "number"], ["Turns", "number"], ["Ended by", "reason"], ["Replica", "replica"], "Recording", "Missing"],
    idOf, subjectOf: idOf, receivedOf: (item) => item.received_last_at, concerns: ({ kind }) => kind === "conversation",
    hint: "Give Tavus the callback URL of this stack. Conversations appear here as their callbacks arrive.",
  });
}

function idOf({ conversation_id: id }) {
  return id;
}

function row(conversation) {
  const { conversation_id: id, status, duration, turns, guardrails, simulated: isSimulated, end_reason: reason, replica_id: replica, missing, tags: { simulated, ...others } } = conversation;
  return h("tr", { "data-id": id, class: isSimulated && "simulated" },
    h("td", { class: "status" }, badge(status.replaceAll("_", " "), STATUSES[status])),
    h("td", { class: "main" }, h("div", {},
      h("a", { class: "id open", href: formatRoute(["conversations", id]) }, said(id)),
      isSimulated && badge("simulated", "outline"), guardrails > 0 && badge(counted(guardrails, "guardrails"), "warn"), tags(others))),
    h("td", { class: "started", "data-zone": zoneName() }, started(conversation)),
    h("td", { class: `number length ${duration === null && "none"}` }, spanText(duration)),
    h("td", { class: `number count ${!turns && "none"}`, "data-unit": turns === 1 ? " turn" : " turns" }, turns || "–"),
    h("td", { class: "reason" }, reason && said(reason.replaceAll("_", " "))),
    h("td", { class: "replica" }, replica && h("a", { href: formatRoute(PATH, { replica }) }, said(replica))),
    h("td", { class: "recording" }, [...new Set(conversation.recording_statuses)].map((each) => badge(each.replaceAll("_", " "), RECORDINGS[each]))),
    h("td", { class: "missing" }, missing.map((part) => badge(part, "bad"))));
}

function started({ joined_at: joined, received_first_at: received }) {
  return joined ? time(joined) : [time(received), h("span", { class: "dim", title: "No callback about joining has arrived." }, " received")];
}
