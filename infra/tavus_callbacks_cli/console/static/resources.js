// Videos, replicas and other resources: the list of a kind, and the page of one with its state, history and events.

import { config, follow, get, segment } from "/console/api.js";
import { fill, formatRoute, h, safeUrl, said, zoneName } from "/console/base.js";
import { eventDetails, idOf, marks } from "/console/events.js";
import { List, cell, foldingRow, listKeys, listPage } from "/console/listing.js";
import { replayButton } from "/console/operator.js";
import { KINDS, LISTS, SIMULATED, TITLES, badge, breadcrumb, command, commandLine, copyButton, empty, fact, loading, notice, setKeys, subjectLink, tags, time } from "/console/parts.js";

const STATUSES = { queued: "plain", processing: "live", ready: "ok", error: "bad", deleted: "warn", unknown: "plain" };
const FIELDS = [
  { name: "status", label: "Status", values: Object.keys(STATUSES) },
  { name: "tag", label: "Tag", hint: "user:4711" },
  { name: "label", label: "Token label", hint: "production" },
  { name: "since", label: "Since", isTime: true },
  { name: "until", label: "Until", isTime: true },
  SIMULATED,
];

/** Shows the list of one kind, by default of videos, or one resource. */
export function show(page) {
  return page.path.length > 2 ? showResource(page) : showResources(page);
}

function showResources(page) {
  const name = page.path[1] in TITLES ? page.path[1] : "videos";
  const path = ["resources", name];
  const kinds = Object.entries(TITLES).map(([each, title]) => h("a", { href: formatRoute(["resources", each]), "aria-current": each === name && "page" }, title));
  return listPage({
    ...page, path, title: "Resources", fields: FIELDS, above: h("nav", { class: "kinds", "aria-label": "Kinds of resources" }, kinds),
    api: `/${name}`, member: name, things: TITLES[name].toLowerCase(), verb: `list ${name}`,
    hint: "Set callback_url when you create one with Tavus's API. It appears here with its first callback.",
    columns: ["Status", "Id", "Tags", "Token label", `First received (${zoneName()})`, `Last received (${zoneName()})`],
    rowsOf: (resource) => row(resource, path), idOf: ({ id }) => id, subjectOf: ({ id }) => id,
    receivedOf: (resource) => resource.received_last_at, concerns: ({ kind }) => LISTS[kind] === name,
  });
}

function row(resource, path) {
  const { id, simulated: isSimulated, tags: { simulated, ...others } } = resource;
  return h("tr", { "data-id": id, class: isSimulated && "simulated" },
    cell("Status", badge(resource.status, STATUSES[resource.status])),
    cell("Id", h("div", {}, h("a", { class: "id open", href: formatRoute([...path, id]) }, said(id)), " ", isSimulated && badge("simulated", "outline"))),
    cell("Tags", Object.keys(others).length > 0 && h("div", {}, tags(others, path))),
    cell("Token label", said(resource.labels.join(", "))),
    cell("First received", time(resource.received_first_at)),
    cell("Last received", time(resource.received_last_at)));
}

// One resource. Kinds and ids without a path of the API are shown by their events.

async function showResource({ root, path, query, memory, signal }) {
  const [, name, id] = path;
  const kind = KINDS.find((each) => LISTS[each] === name) ?? name;
  if (kind === "conversation" || !KINDS.includes(kind)) {
    return void fill(root, empty("No such kind of resource", h("p", {}, h("a", { href: "#/resources" }, "Show all resources"))));
  }
  const listHref = LISTS[kind] ? formatRoute(["resources", name]) : formatRoute(["events"], { kind });
  const facts = h("div", { class: "card facts" }, loading());
  const place = h("div");
  fill(root,
    h("div", { class: "head" }, breadcrumb(listHref, TITLES[name] ?? "Events", id),
      h("div", { class: "head-tools" }, copyButton("Copy id", id), copyButton("Copy link", () => location.href), config.actions.includes("replay") && replayButton(kind, id))),
    facts, h("h2", { class: "between" }, "Events"), place);
  setKeys(listKeys(root), signal);
  const load = async () => fill(facts, await factsOf({ kind, id, listHref, signal, again: load }));
  await load();
  const list = new List({ root: place, path, signal, ...eventsOf(kind, id, signal) });
  const read = (next) => list.open({ ...next, memory: Object.assign(next.memory, { rows: null }) });
  await read({ query, memory });
  const isAbout = (event) => event.kind === kind && event.subject === id;
  follow({ signal, onEvents: (events) => events.some(isAbout) && list.offer("New events – show", () => { load(); list.reload(); }) });
  return { update: read };
}

async function factsOf({ kind, id, listHref, signal, again }) {
  const same = h("div", { class: "same" }, "The same by command line: ", commandLine(command("show", id, "--kind", kind, "--events")));
  if (!LISTS[kind] || segment(id) === null) {
    const reason = LISTS[kind] ? "No path of the API can hold this id" : "This kind has no page of its own";
    return [h("p", {}, `${reason}. These are its events.`), same];
  }
  try {
    return [factList(await get(`/${LISTS[kind]}/${segment(id)}`, {}, { signal })), same];
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (error.status !== 404) return notice(error, { again });
    return h("p", {}, `No ${kind} with this id is stored. `, h("a", { href: listHref }, `Show all ${TITLES[LISTS[kind]].toLowerCase()}`));
  }
}

function factList(resource) {
  const { simulated, ...others } = resource.tags;
  const text = (name, value) => value !== null && value !== undefined && value !== "" && fact(name, said(String(value)));
  const moment = (name, at) => at && fact(`${name} (${zoneName()})`, time(at));
  return h("dl", {},
    fact("Status", badge(resource.status, STATUSES[resource.status]), " ", sentAs(resource, "sent as "), resource.simulated && badge("simulated", "outline")),
    resource.error && fact("Error", h("span", { class: "bad-text" }, said(resource.error))),
    resource.status_details !== resource.error && text("Details", resource.status_details),
    resource.progress !== null && fact("Progress", h("meter", { min: 0, max: 100, value: resource.progress, "aria-label": "Progress" }), ` ${resource.progress} %`),
    text("Name", resource.name),
    resource.replica_id && resource.kind !== "replica" && fact("Replica", subjectLink("replica", resource.replica_id)),
    Object.entries(resource.links).map(([name, url]) => fact(h("span", {}, said(name), " link"), link(url))),
    moment("Created", resource.created_at), moment("Updated", resource.updated_at),
    moment("First received", resource.received_first_at), moment("Last received", resource.received_last_at),
    Object.keys(others).length > 0 && fact("Tags", tags(others, ["resources", LISTS[resource.kind]])),
    text("Token label", resource.labels.join(", ")),
    fact("History", h("ol", { class: "plain" }, resource.history.map((change) => h("li", {}, time(change.at), " ", badge(change.status, STATUSES[change.status]), sentAs(change, " "))))),
    resource.skipped && fact("Left out", `${resource.skipped.count} events have bodies that are too large to read here.`));
}

/** Returns the status that Tavus sent where it has another name. */
function sentAs({ status, raw_status: raw }, words) {
  return raw && raw !== status && h("span", { class: "dim" }, words, said(raw));
}

/** Returns an address that a stranger sent: shown in full, opened only by a click, and only over https. */
function link(url) {
  const text = said(url, { class: "mono" });
  const isSafe = url.startsWith("https:") && safeUrl(url) !== null;
  return [isSafe ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text) : text, copyButton("Copy", url)];
}

function eventsOf(kind, id, signal) {
  return {
    api: "/events", member: "events", things: "events", fixed: { kind, subject: id },
    none: empty("No events", h("p", {}, "No event with this id is stored.")),
    columns: [`Occurred (${zoneName()})`, "Event type", `Received (${zoneName()})`, "Issues"],
    idOf, rowsOf: (event) => foldingRow({
      id: idOf(event),
      words: said(event.event_type),
      cells: (button) => [
        cell("Occurred", time(event.occurred_at)),
        cell("Event type", h("div", {}, button, marks(event))),
        cell("Received", time(event.received_at)),
        cell("Issues", event.issues.length > 0 && h("div", {}, event.issues.map((issue) => badge(said(issue), "warn")))),
      ],
      details: () => eventDetails(event, { signal }),
    }),
  };
}
