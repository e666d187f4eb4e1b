// The statistics of the conversations that were received in a span: filters in the address, plots, tables, CSV.

import { get, urlOf } from "/console/api.js";
import { fill, formatRoute, go, h, moment, timeText, zoneName } from "/console/base.js";
import { SIMULATED, empty, filterForm, listCommand, loading, notice, openFilters, setKeys } from "/console/parts.js";
import { number, report } from "/console/report.js";

const PATH = ["stats"];
const SINCE = "30d";
const FIELDS = [
  { name: "since", label: "Since", isTime: true, hint: `${SINCE} or a time` },
  { name: "until", label: "Until", isTime: true, hint: "1d or a time" },
  { name: "tag", label: "Tag", hint: "user:4711" },
  { name: "label", label: "Token label", hint: "production" },
  SIMULATED,
];

/** Shows the statistics that the address describes; another query keeps the focus where it is. */
export async function show({ root, query, signal }) {
  let reading = null;
  setKeys({ "/": { words: "filters", run: () => openFilters(root) } }, signal);
  await draw(query);
  return { update: (next) => draw(next.query) };

  async function draw(filters) {
    reading?.abort();
    reading = new AbortController();
    const field = root.contains(document.activeElement) && document.activeElement.name;
    const content = h("div");
    fill(root, h("div", { class: "head" }, h("h1", {}, "Stats"), groupLinks(filters)), filterForm({ path: PATH, query: filters, fields: FIELDS, keep: { by: filters.by } }), content);
    if (field) root.querySelector(`[name="${CSS.escape(field)}"]`)?.focus();
    await load(content, filters, AbortSignal.any([signal, reading.signal]));
  }
}

async function load(content, query, signal) {
  const { since = SINCE, until, by, ...filters } = query;
  const asked = { ...query, since: moment(since), until: moment(until) };
  const link = (more) => formatRoute(["conversations"], { ...filters, since, until, ...more });
  fill(content, loading());
  try {
    const answer = await get("/stats", asked, { signal });
    fill(content, leftOut(query, answer), answer.total.conversations ? report(answer, link) : empty("No conversations match",
      h("p", {}, h("a", { href: formatRoute(PATH, { by, since: "365d" }) }, "Show the last 365 days"))),
      h("div", { class: "foot" }, h("a", { href: urlOf("/stats", asked), target: "_blank" }, "JSON"), listCommand("stats", { ...query, since }, "--simulated")));
  } catch (error) {
    if (error.name !== "AbortError") fill(content, notice(error, { again: () => load(content, query, signal) }));
  }
}

function groupLinks(query) {
  const by = query.by ?? "day";
  const link = ([name, words]) => h("a", { href: formatRoute(PATH, { ...query, by: name === "day" ? null : name }), "aria-current": name === by && "true" }, words);
  const input = h("input", { name: "tag_name", value: by.startsWith("tag:") && by.slice(4), placeholder: "tag, such as user", "aria-label": "Group by a tag", autocomplete: "off" });
  function onsubmit(event) {
    event.preventDefault();
    if (input.value) go(PATH, { ...query, by: `tag:${input.value}` });
  }
  return h("div", { class: "group-by", role: "group", "aria-label": "Group by" }, h("span", { class: "dim" }, "By"),
    Object.entries({ day: "day", label: "token label", "end-reason": "end reason" }).map(link), h("form", { onsubmit }, input));
}

function leftOut({ simulated }, { total, limit_reached: isLimited, looked_until: until }) {
  const words = { true: "Only simulated conversations are counted.", false: "Simulated conversations are left out." }[simulated]
    ?? (total.simulated > 0 && `Simulated conversations are counted: ${number(total.simulated)}.`);
  return h("div", { class: "left-out" },
    isLimited && h("p", {}, h("strong", {}, "This is not all. "),
      `Only the newest conversations of this span were counted, back to ${timeText(until)} (${zoneName()}). Choose a shorter span, or use the command below, which has no limit.`),
    words && h("p", {}, words));
}
