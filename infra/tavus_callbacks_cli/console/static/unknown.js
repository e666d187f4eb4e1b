// A conversation without a page: nothing is stored of it, it was erased, or no path can hold its id.

import { config, get } from "/console/api.js";
import { command, commandLine } from "/console/command.js";
import { EventPages, eventsTab } from "/console/conversation_events.js";
import { fill, h, said } from "/console/dom.js";
import { empty, loading, time } from "/console/parts.js";
import { zoneName } from "/console/time.js";

const PAGE = 200;
const MOST_PAGES = 50;

/** Says that nothing is stored of a conversation, and looks whether it was erased. */
export async function showUnknown({ root, id, signal }) {
  const erased = h("p", { role: "status", class: "dim" }, "Looking whether it was erased…");
  fill(root, heading(id), empty("No such conversation",
    h("p", {}, "No callback of this conversation is stored here."), erased,
    h("p", {}, "This command looks for the id among everything that is stored, and suggests similar ids:"),
    commandLine(command("show", id)),
    h("p", {}, h("a", { href: "#/conversations" }, "All conversations"),
      config.pages.includes("quarantine") && [" · ", h("a", { href: "#/quarantine" }, "Callbacks in quarantine")])));
  try {
    const at = await erasedAt(id, signal);
    fill(erased, at ? [h("strong", {}, "It was erased on "), time(at), ` (${zoneName()}).`] : "It is not in the list of erased conversations.");
  } catch (error) {
    if (error.name !== "AbortError") fill(erased, "The list of erased conversations cannot be read: ", said(error.message));
  }
}

function heading(id) {
  return h("div", { class: "head" },
    h("nav", { "aria-label": "Breadcrumb", class: "breadcrumb" }, h("a", { href: "#/conversations" }, "Conversations"), h("span", { "aria-hidden": "true" }, " /")),
    h("h1", {}, said(id, { class: "mono" })));
}

/** Returns when a conversation was erased last, or null. The list names digests only. */
async function erasedAt(id, signal) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`conversation#${id}`));
  const digest = [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 32);
  let at = null;
  let after;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { erasures, cursor } = await get("/erasures", { limit: PAGE, after }, { signal });
    at = erasures.findLast((erasure) => erasure.digest === digest)?.erased_at ?? at;
    if (!erasures.length) break;
    after = cursor;
  }
  return at;
}

/** Shows the events of a conversation whose id no path can hold. */
export async function showEventsOnly({ root, id, query, signal }) {
  fill(root, loading());
  const pages = new EventPages(id, signal);
  await pages.until({ id: query.event ?? null });
  if (!pages.events.length) return showUnknown({ root, id, signal });
  return fill(root, heading(id),
    h("p", { class: "dim" }, "No path of the API can hold this id, so the console shows its events only."),
    h("div", { class: "panel card" }, await eventsTab({ id, pages, chosen: query.event ?? null, signal })));
}
