// One video, replica or other resource: its state, its links, its history and its events.

import { config, get, segment } from "/console/api.js";
import { replayButton } from "/console/actions.js";
import { command, commandLine } from "/console/command.js";
import { fill, h, safeUrl, said } from "/console/dom.js";
import { eventDetails, idOf } from "/console/event.js";
import { setKeys } from "/console/keys.js";
import { cell, foldingRow, listKeys, offer, offerPlace, showList } from "/console/listing.js";
import { follow } from "/console/live.js";
import { badge, copyButton, empty, loading, notice, time } from "/console/parts.js";
import { formatRoute } from "/console/router.js";
import { KINDS, LISTS, RESOURCE_STATUSES, TITLES, marks, subjectLink, tagList } from "/console/subjects.js";
import { zoneName } from "/console/time.js";

/** Shows one resource; kinds and ids without a path of the API are shown by their events. */
export async function show({ root, path, query, memory, signal }) {
  const [, name, id] = path;
  const kind = KINDS.find((each) => LISTS[each] === name) ?? name;
  if (kind === "conversation" || !KINDS.includes(kind)) {
    fill(root, empty("No such kind of resource", h("p", {}, h("a", { href: "#/resources" }, "Show all resources"))));
    return;
  }
  const facts = h("div", { class: "card facts" }, loading());
  const fresh = offerPlace();
  const listRoot = h("div");
  fill(root,
    h("div", { class: "head" },
      h("nav", { "aria-label": "Breadcrumb", class: "breadcrumb" }, h("a", { href: listAddress(kind) }, TITLES[name] ?? "Events"), h("span", { "aria-hidden": "true" }, " /")),
      h("h1", {}, said(id, { class: "mono" })),
      h("div", { class: "head-tools" }, copyButton("Copy id", id), copyButton("Copy link", () => location.href), config.actions.includes("replay") && replayButton(kind, id))),
    fresh, facts, h("h2", { class: "between" }, "Events"), listRoot);
  setKeys(listKeys(root), signal);
  follow({ signal, onEvents: (events) => events.some((event) => event.kind === kind && event.subject === id) && offer(fresh, "New events – show", load) });
  await load();

  async function load() {
    offer(fresh);
    fill(facts, await factsOf(kind, id, signal, load));
    await showList({ root: listRoot, query, memory, signal, list: eventList(path, kind, id, signal) });
  }
}

function listAddress(kind) {
  return LISTS[kind] ? formatRoute(["resources", LISTS[kind]]) : formatRoute(["events"], { kind });
}

async function factsOf(kind, id, signal, again) {
  if (!LISTS[kind] || segment(id) === null) {
    const reason = LISTS[kind] ? "No path of the API can hold this id" : "This kind has no page of its own";
    return [h("p", {}, `${reason}. These are its events.`), sameCommand(kind, id)];
  }
  try {
    const resource = await get(`/${LISTS[kind]}/${segment(id)}`, {}, { signal });
    return [facts(resource), sameCommand(kind, id)];
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (error.status !== 404) return notice(error, { again });
    return h("p", {}, `No ${kind} with this id is stored. `, h("a", { href: listAddress(kind) }, `Show all ${TITLES[LISTS[kind]].toLowerCase()}`));
  }
}

function sameCommand(kind, id) {
  return h("div", { class: "same" }, "The same by command line: ", commandLine(command("show", id, "--kind", kind, "--events")));
}

function facts(resource) {
  const { simulated, ...tags } = resource.tags;
  const text = (name, value) => value !== null && value !== undefined && value !== "" && pair(name, said(String(value)));
  return h("dl", { class: "pairs" },
    pair("Status", badge(resource.status, RESOURCE_STATUSES[resource.status]), " ",
      resource.raw_status && resource.raw_status !== resource.status && h("span", { class: "dim" }, "sent as ", said(resource.raw_status)),
      resource.simulated && badge("simulated", "outline")),
    resource.error && pair("Error", h("span", { class: "bad-text" }, said(resource.error))),
    resource.status_details !== resource.error && text("Details", resource.status_details),
    resource.progress !== null && pair("Progress", h("meter", { min: 0, max: 100, value: resource.progress, "aria-label": "Progress" }), ` ${resource.progress} %`),
    text("Name", resource.name),
    resource.replica_id && resource.kind !== "replica" && pair("Replica", subjectLink("replica", resource.replica_id)),
    Object.entries(resource.links).map(([name, url]) => pair(h("span", {}, said(name), " link"), link(url))),
    resource.created_at && pair(`Created (${zoneName()})`, time(resource.created_at)),
    resource.updated_at && pair(`Updated (${zoneName()})`, time(resource.updated_at)),
    pair(`First received (${zoneName()})`, time(resource.received_first_at)),
    pair(`Last received (${zoneName()})`, time(resource.received_last_at)),
    Object.keys(tags).length > 0 && pair("Tags", tagList(tags, ["resources", LISTS[resource.kind]])),
    text("Token label", resource.labels.join(", ")),
    pair("History", history_(resource.history)),
    resource.skipped && pair("Left out", `${resource.skipped.count} events have bodies that are too large to read here.`));
}

function pair(name, ...values) {
  return [h("dt", {}, name), h("dd", {}, values)];
}

/** Returns an address that a stranger sent: shown in full, opened only by a click, and only over https. */
function link(url) {
  const text = said(url, { class: "mono" });
  const isSafe = url.startsWith("https:") && safeUrl(url) !== null;
  return [isSafe ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text) : text, copyButton("Copy", url)];
}

function history_(changes) {
  return h("ol", { class: "changes" }, changes.map((change) => h("li", {},
    change.at ? time(change.at) : h("span", { class: "dim" }, "no time"), " ", badge(change.status, RESOURCE_STATUSES[change.status]),
    change.raw_status && change.raw_status !== change.status && h("span", { class: "dim" }, " ", said(change.raw_status)))));
}

function eventList(path, kind, id, signal) {
  return {
    api: "/events", member: "events", path, filters: { kind, subject: id },
    columns: [`Occurred (${zoneName()})`, "Event type", `Received (${zoneName()})`, "Issues"],
    rows: (event) => foldingRow({
      id: idOf(event),
      words: said(event.event_type),
      cells: (button) => [
        cell("Occurred", time(event.occurred_at)),
        cell("Event type", h("div", {}, button, marks(event))),
        cell("Received", time(event.received_at)),
        cell("Issues", event.issues.length ? h("div", {}, event.issues.map((issue) => badge(said(issue), "warn"))) : null),
      ],
      details: () => eventDetails(event, { signal }),
    }),
    nothing: () => empty("No events", h("p", {}, "No event of this id is stored.")),
  };
}
