// Lists of videos, replicas and other resources, one kind at a time.

import { config } from "/console/api.js";
import { listCommand } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { setKeys } from "/console/keys.js";
import { SIMULATED, cell, filterForm, fixTimes, listKeys, offer, offerPlace, showList } from "/console/listing.js";
import { follow } from "/console/live.js";
import { badge, empty, time } from "/console/parts.js";
import { formatRoute } from "/console/router.js";
import { LISTS, RESOURCE_STATUSES, TITLES, tagList } from "/console/subjects.js";
import { zoneName } from "/console/time.js";

const FIELDS = [
  { name: "status", label: "Status", values: Object.keys(RESOURCE_STATUSES) },
  { name: "tag", label: "Tag", hint: "user:4711" },
  { name: "label", label: "Token label", hint: "production" },
  { name: "since", label: "Since", isTime: true },
  { name: "until", label: "Until", isTime: true },
  SIMULATED,
];

/** Shows the list of one kind, by default of videos. */
export async function show({ root, path, query, memory, signal }) {
  const name = path[1] in TITLES ? path[1] : "videos";
  const here = ["resources", name];
  const { cursor, at, open, ...filters } = query;
  const fixed = fixTimes(filters, ["since", "until"]);
  const fresh = offerPlace();
  const listRoot = h("div");
  fill(root,
    h("div", { class: "head" }, h("h1", {}, "Resources")),
    h("nav", { class: "kinds", "aria-label": "Kinds of resources" }, Object.entries(TITLES).map(([each, title]) => h("a", { href: formatRoute(["resources", each]), "aria-current": each === name && "page" }, title))),
    filterForm({ path: here, query, fields: FIELDS }), fresh, listRoot);
  setKeys(listKeys(root), signal);
  const { load } = await showList({
    root: listRoot, query, memory, signal,
    list: {
      api: `/${name}`, member: name, path: here, same: listCommand(`list ${name}`, fixed), fixed, filters: fixed,
      columns: ["Status", "Id", "Tags", "Token label", `First received (${zoneName()})`, `Last received (${zoneName()})`],
      rows: (resource) => row(resource, here), nothing: () => nothing(name, filters),
    },
  });
  if (!cursor) offerChanges({ name, fresh, load, signal });
}

function row(resource, here) {
  const { simulated, ...tags } = resource.tags;
  const labels = tagList(tags, here);
  return h("tr", { "data-id": resource.id, class: resource.simulated && "simulated" },
    cell("Status", badge(resource.status, RESOURCE_STATUSES[resource.status])),
    cell("Id", h("div", {}, h("a", { class: "id open", href: formatRoute([...here, resource.id]) }, said(resource.id)), " ", resource.simulated && badge("simulated", "outline"))),
    cell("Tags", labels.length ? h("div", {}, labels) : null),
    cell("Token label", said(resource.labels.join(", "))),
    cell("First received", time(resource.received_first_at)),
    cell("Last received", time(resource.received_last_at)));
}

/** Counts resources of this kind that change, and reloads the list when somebody asks. */
function offerChanges({ name, fresh, load, signal }) {
  const changed = new Set();
  follow({
    signal,
    onEvents: (events) => {
      for (const { kind, subject } of events) if (LISTS[kind] === name) changed.add(subject);
      if (changed.size) offer(fresh, `${changed.size} new or changed – show`, reload);
    },
  });
  function reload() {
    changed.clear();
    offer(fresh);
    return load();
  }
}

function nothing(name, filters) {
  const title = TITLES[name].toLowerCase();
  if (Object.keys(filters).length) {
    return empty(`No ${title} match`, h("p", {}, "No stored resource fits these filters."), h("p", {}, h("a", { href: formatRoute(["resources", name]) }, "Clear the filters")));
  }
  return empty(`No ${title} yet`,
    h("p", {}, "Name the callback URL when you create one with Tavus's API. It appears here with its first callback."),
    config.pages.includes("try") && h("p", {}, h("a", { href: "#/try" }, "Send a simulated callback")));
}
