// One event: where it came from, its issues in plain words, its body, its variants, and the same by command line.

import { config, get, segment } from "/console/api.js";
import { command, commandLine } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { copyButton, loading, notice, tags, time } from "/console/parts.js";
import { zoneName } from "/console/time.js";
import { lazy, tree } from "/console/tree.js";

const MOST_DIFFERENCES = 8;

/** The issues by their codes (docs/api.md, "Issues"). */
export const ISSUES = {
  byte_order_mark: "The body began with a byte order mark, which is kept.",
  more_issues: "There are more issues than this list holds.",
  other_conversation: "The recording's key is in the folder of another conversation.",
  repeated_key: "An object has the same key twice. The last value counts.",
  storage_conflict: "The bucket and the key contradict storage_uri.",
  tag_dropped: "A query parameter of the callback URL was dropped: too many, too long, or not printable.",
  too_many_parts: "The body has over 100,000 objects and lists. It is stored, but lists and views do not read it.",
  unexpected_type: "This member has another type than documented. It is stored as sent.",
  unknown_event_type: "No model describes this event type. The event is stored as sent.",
  unknown_property: "No model describes this member. It is stored as sent.",
  unpaired_surrogate: "Half of an escaped character, such as a cut emoji. It is stored as sent and shown as U+FFFD.",
  unusable_time: "The timestamp is not a time between 2000 and 2100, so the content identifies the event.",
  variant: "An event of this identity was already stored with other content. Both are kept.",
};

/** Returns an issue, such as `unknown_property:properties.x`, in plain words. */
export function explainIssue(issue) {
  return ISSUES[issue.split(":", 1)[0]] ?? "This version of the console has no explanation for this issue.";
}

/** Returns the id by which an event or a variant is read. */
export function idOf(event) {
  return event.variant_id || event.event_id;
}

/** Returns what is stored of an event; a body that the list leaves out is loaded by a button. */
export function eventDetails(event, { signal } = {}) {
  const id = idOf(event);
  return h("div", { class: "event-details" },
    h("dl", {},
      fact(`Happened (${zoneName()})`, event.occurred_at ? time(event.occurred_at) : "The callback has no time."),
      fact(`Received (${zoneName()})`, time(event.received_at), event.source === "backfill" && " – fetched from Tavus's API, not sent as a callback"),
      fact("Token", said(event.label)),
      Object.keys(event.tags).length > 0 && fact("Tags", tags(event.tags)),
      fact(event.variant_id ? "Variant id" : "Event id", said(id, { class: "mono" }), copyButton("Copy", id))),
    event.issues.length > 0 && h("ul", { class: "issues" }, event.issues.map((issue) =>
      h("li", {}, said(issue, { class: "mono" }), h("div", { class: "dim" }, explainIssue(issue))))),
    "body" in event ? h("div", { class: "tree" }, tree(event.body)) : largeBody(id, signal),
    h("p", {}, h("a", { href: `${config.api}/events/${segment(id)}/body`, target: "_blank", rel: "noopener" }, "Open the stored body")),
    commandLine(command("show", id)),
    event.variants?.map((variant, index) => variantDetails(event, variant, index, signal)));
}

function fact(name, ...values) {
  return [h("dt", {}, name), h("dd", {}, values)];
}

function largeBody(id, signal) {
  const place = h("div", { class: "tree" });
  async function load() {
    fill(place, loading());
    try {
      fill(place, tree(await get(`/events/${segment(id)}/body`, {}, { signal })));
    } catch (error) {
      if (error.name !== "AbortError") fill(place, notice(error, { again: load }));
    }
  }
  return fill(place, h("button", { type: "button", onclick: load }, "Load the body (over 256 KB)"));
}

function variantDetails(event, variant, index, signal) {
  const body = h("div");
  const paths = event.body && variant.body ? differences(event.body, variant.body) : [];
  const more = paths.length > MOST_DIFFERENCES && ` and ${paths.length - MOST_DIFFERENCES} more`;
  return lazy(
    h("details", { class: "variant" },
      h("summary", {}, `Other content ${index + 1}, received `, time(variant.received_at),
        paths.length > 0 && ", differs in ", paths.slice(0, MOST_DIFFERENCES).map((path, at) => [at > 0 && ", ", said(path, { class: "mono" })]), more),
      body),
    () => fill(body, eventDetails(variant, { signal })));
}

/** Returns the paths of the members that differ between two JSON values. */
function differences(one, other, path = "") {
  const areObjects = [one, other].every((value) => value !== null && typeof value === "object");
  if (!areObjects || Array.isArray(one) !== Array.isArray(other)) return one === other ? [] : [path || "the body"];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((name) =>
    differences(one[name], other[name], path ? `${path}.${name}` : name));
}
