// Finds what has an id: a conversation, another resource, or an event.

import { get, segment } from "/console/api.js";
import { LISTS, subjectPath } from "/console/subjects.js";

const EVENT = /^([a-z]+)\.(.+)\.[^.]+-[0-9a-f]{32}$/;

/** Returns the route of what has an id, as path and query, or null; raises ApiError. */
export async function routeOf(id) {
  const [, kind, subject] = EVENT.exec(id) ?? [];
  if (kind) return { path: subjectPath(kind, subject), query: kind === "conversation" ? { tab: "events" } : {} };
  const { conversations } = await get("/conversations", { ids: id.replace(/[%,]/g, encodeURIComponent) });
  if (conversations.length) return { path: subjectPath("conversation", id) };
  for (const [other, list] of Object.entries(LISTS)) {
    if (segment(id) !== null && await isThere(`/${list}/${segment(id)}`)) return { path: subjectPath(other, id) };
  }
  const named = await get("/conversations", { replica: id, limit: 1 });
  return named.conversations.length ? { path: ["conversations"], query: { replica: id } } : null;
}

async function isThere(path) {
  try {
    await get(path);
    return true;
  } catch (error) {
    if (error.status === 404) return false;
    throw error;
  }
}
