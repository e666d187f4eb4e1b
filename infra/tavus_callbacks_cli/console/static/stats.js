// The statistics of the conversations that were received in a span: filters in the address, plots, tables, CSV.

import { config, get } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { setKeys } from "/console/keys.js";
import { empty, notice } from "/console/parts.js";
import { report } from "/console/report.js";
import { formatRoute } from "/console/router.js";
import { moment, timeText, zoneName } from "/console/time.js";

const SINCE = "30d";
const BY = { day: "day", label: "label", "end-reason": "end reason", tag: "tag" };

/** Shows the statistics of the filters in the address. */
export async function show({ root, query, signal }) {
  const form = filterForm(query, (filters) => {
    history.pushState(null, "", formatRoute(["stats"], filters));
    return load(filters);
  });
  const body = h("div", { class: "report" });
  let loading = null;
  fill(root, h("div", { class: "head" }, h("h1", {}, "Stats")), form, body);
  setKeys({ "/": { words: "filters", run: () => form.querySelector("select").focus() } }, signal);
  await load(query);

  async function load(filters) {
    loading?.abort();
    loading = new AbortController();
    const { signal: replaced } = loading;
    fill(body, h("p", { role: "status", class: "dim" }, "Adding up conversations…"));
    try {
      const answer = await read(filters, AbortSignal.any([signal, replaced]));
      fill(body, answer.total.conversations ? [leftOut(filters, answer), report(answer, linkTo(filters))] : nothing(filters, answer));
    } catch (error) {
      if (error.name !== "AbortError") fill(body, notice(error, { again: () => load(filters) }));
    }
  }
}

/** Returns the answer for the filters, with the sums by end reason as `reasons`. */
async function read({ since = SINCE, until, ...filters }, signal) {
  const query = { ...filters, since: moment(since), until: moment(until) };
  const answer = await get("/stats", query, { signal });
  const reasons = answer.by === "end-reason" ? answer : await get("/stats", { ...query, by: "end-reason" }, { signal });
  return { ...answer, reasons: reasons.groups };
}

/** Returns sentences that say which conversations the sums are about, and which they leave out. */
function leftOut(filters, { total, limit_reached: isLimited, looked_until: until }) {
  const change = (words, changes) => h("a", { href: formatRoute(["stats"], { ...filters, ...changes }) }, words);
  const simulated = filters.simulated === "false"
    ? ["Simulated conversations are left out. ", change("Include them", { simulated: "" })]
    : total.simulated > 0 && [`${total.simulated.toLocaleString("en")} of them are simulated. `, change("Leave them out", { simulated: "false" })];
  return h("div", { class: "left-out" },
    isLimited && h("p", { class: "bad-text", role: "status" },
      `Only the newest conversations were looked at, back to ${timeText(until)} (${zoneName()}). Choose a shorter span, or run `,
      h("code", {}, said(`tavus-callbacks stats --since ${filters.since ?? SINCE} ${config.option ?? ""}`.trim())), ", which has no limit."),
    simulated && h("p", {}, simulated));
}

/** Returns how a figure links to the list of the conversations behind it. */
function linkTo({ since = SINCE, until, by, ...filters }) {
  return (more) => formatRoute(["conversations"], { ...filters, since, until, ...more });
}

function nothing(filters, answer) {
  const isFiltered = Object.keys(filters).length > 0;
  return [leftOut(filters, answer), empty(isFiltered ? "No conversations match" : "No conversations in the last 30 days",
    h("p", {}, isFiltered ? h("a", { href: "#/stats" }, "Clear the filters") : h("a", { href: "#/stats?since=365d" }, "Look at the last 365 days")),
    config.pages.includes("try") && h("p", {}, h("a", { href: "#/try" }, "Send a simulated conversation")))];
}

function filterForm(query, apply) {
  const field = (label, control) => h("label", { class: "field" }, label, control);
  const text = (name, placeholder, value = query[name]) => h("input", { name, placeholder, value, autocomplete: "off" });
  const [by, tag] = (query.by ?? "day").split(/:(.*)/s);
  const select = h("select", { name: "by", onchange: submit }, Object.entries(BY).map(([value, words]) => h("option", { value, selected: value === by }, words)));
  const tagField = field("Name of the tag", text("tag_name", "user", tag));
  const form = h("form", { class: "filters", role: "search", onsubmit: submit },
    field("Group by", select), tagField,
    field("Since", text("since", `${SINCE} or a time`)),
    field("Until", text("until", "1d or a time")),
    field("Tag", text("tag", "user:4711")),
    field("Label", text("label", "production")),
    h("label", { class: "field check" }, h("input", { type: "checkbox", name: "simulated", value: "false", checked: query.simulated === "false", onchange: submit }), "Hide simulated"),
    h("button", { type: "submit" }, "Show"),
    Object.keys(query).length > 0 && h("a", { href: "#/stats" }, "Clear"));
  tagField.hidden = by !== "tag";
  function submit(event) {
    event.preventDefault();
    const { tag_name: name, ...filters } = Object.fromEntries(new FormData(form));
    tagField.hidden = filters.by !== "tag";
    if (filters.by === "tag" && !name) return tagField.querySelector("input").focus();
    const key = { day: "", tag: `tag:${name}` }[filters.by] ?? filters.by;
    return apply(Object.fromEntries(Object.entries({ ...filters, by: key }).filter(([, value]) => value)));
  }
  return form;
}
