// Finds what has an id: a conversation, another resource, or an event.

import { get, segment } from "/console/api.js";

const LISTS = ["videos", "replicas", "documents", "lipsync", "replacements", "transcriptions", "speech"];
const EVENT = /^([a-z]+)\.(.+)\.[^.]+-[0-9a-f]{32}$/;

/** Returns the route of what has an id, as path and query, or null; raises ApiError. */
export async function routeOf(id, signal) {
  const [, kind, subject] = EVENT.exec(id) ?? [];
  if (kind === "conversation") return { path: ["conversations", subject], query: { tab: "events" } };
  const { conversations } = await get("/conversations", { ids: id.replace(/[%,]/g, encodeURIComponent) }, { signal });
  if (conversations.length) return { path: ["conversations", id] };
  for (const list of LISTS) {
    if (segment(id) !== null && await isThere(`/${list}/${segment(id)}`, signal)) return { path: ["resources", list, id] };
  }
  const named = await get("/conversations", { replica: id, limit: 1 }, { signal });
  return named.conversations.length ? { path: ["conversations"], query: { replica: id } } : null;
}

async function isThere(path, signal) {
  try {
    await get(path, {}, { signal });
    return true;
  } catch (error) {
    if (error.status === 404) return false;
    throw error;
  }
}
