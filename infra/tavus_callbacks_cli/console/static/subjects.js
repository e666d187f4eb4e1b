// Subjects by kind: their lists, their pages and links to them.

import { h, said } from "/console/dom.js";
import { badge } from "/console/parts.js";
import { formatRoute } from "/console/router.js";

/** The lists of the read API by kind. Other kinds have events only. */
export const LISTS = {
  __proto__: null,
  video: "videos",
  replica: "replicas",
  document: "documents",
  lipsync: "lipsync",
  replacement: "replacements",
  transcription: "transcriptions",
  speech: "speech",
};
export const TITLES = {
  __proto__: null,
  videos: "Videos",
  replicas: "Replicas",
  documents: "Documents",
  lipsync: "Lip syncs",
  replacements: "Replacements",
  transcriptions: "Transcriptions",
  speech: "Speech",
};
export const KINDS = ["conversation", ...Object.keys(LISTS), "objective", "guardrail"];
export const RESOURCE_STATUSES = { queued: "plain", processing: "live", ready: "ok", error: "bad", deleted: "warn", unknown: "plain" };

/** Returns the path of a subject's page. */
export function subjectPath(kind, subject) {
  return kind === "conversation" ? ["conversations", subject] : ["resources", LISTS[kind] ?? kind, subject];
}

/** Returns a link to a subject's page. */
export function subjectLink(kind, subject) {
  return h("a", { class: "mono", href: formatRoute(subjectPath(kind, subject)) }, said(subject));
}

/** Returns tags as text; with a `path`, as links to its list with this tag. */
export function tagList(values, path = null) {
  const pairs = Object.entries(values).flatMap(([name, value]) => [value].flat().map((each) => `${name}:${each}`));
  return pairs.map((tag) => (path
    ? h("a", { class: "tag", href: formatRoute(path, { tag }) }, said(tag))
    : h("span", { class: "tag" }, said(tag))));
}

/** Returns badges for what is unusual about an event. */
export function marks(event) {
  return [
    event.variant_id && badge("variant", "warn"),
    event.variants && badge(`${event.variants.length + 1} contents`, "warn"),
    event.source === "backfill" && badge("backfill"),
    event.tags.simulated === "true" && badge("simulated", "outline"),
  ];
}
