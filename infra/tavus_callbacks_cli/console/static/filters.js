// The form of a list's filters, which are the query of the address.

import { fill, h, said } from "/console/dom.js";
import { formatRoute, go } from "/console/router.js";
import { isUtc, moment, timeText } from "/console/time.js";

/** The filter that every list has. */
export const SIMULATED = { name: "simulated", label: "Simulated", values: { "": "shown", false: "hidden", true: "only" } };

/**
 * Returns the form of a list's filters; each field has `name`, `label` and `values` (a list, or words by value),
 * `isTime` or `hint`. A submission goes to `path`, with the query members of `keep`.
 */
export function filterForm({ path, query, fields, keep = {} }) {
  const form = h("form", { class: "filters", role: "search", "aria-label": "Filters", onsubmit: submit, onchange: submit }, fields.map(field), h("button", { type: "submit" }, "Filter"));
  const fold = h("details", { class: "filter-fold", open: matchMedia("(min-width: 721px)").matches },
    h("summary", {}, "Filters"), form);
  const element = h("div", { class: "filtering" }, fold, h("div", { class: "chips" }));
  showFilters(element, { path, query, fields, keep });
  function submit(event) {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    for (const { name } of fields.filter(({ isTime }) => isTime)) {
      const input = form.elements[name];
      const time = readTime(values[name]);
      input.setCustomValidity(time === null ? `'${values[name]}' is not a time. Use 2h, 3d or 2026-11-28T10:00Z.` : "");
      if (!input.reportValidity()) return;
      values[name] = time;
    }
    go(path, { ...keep, ...values });
  }
  return element;
}

function field({ name, label, values, isTime, hint = isTime ? "2h, 3d or a time" : "" }) {
  if (!values) return h("label", { class: "field" }, label, h("input", { name, placeholder: hint, autocomplete: "off", spellcheck: "false", oninput: (event) => event.target.setCustomValidity("") }));
  const words = Array.isArray(values) ? { "": "any", ...Object.fromEntries(values.map((value) => [value, value.replaceAll("_", " ")])) } : values;
  return h("label", { class: "field" }, label, h("select", { name }, Object.entries(words).map(([value, text]) => h("option", { value }, text))));
}

/** Shows a query in a form of filters: in its fields, and as links that each remove one filter. */
export function showFilters(element, { path, query, fields, keep = {} }) {
  const controls = element.querySelector("form").elements;
  for (const { name, isTime } of fields) controls[name].value = (isTime ? typedTime(query[name]) : query[name]) ?? "";
  const given = Object.fromEntries(fields.filter(({ name }) => query[name]).map(({ name }) => [name, query[name]]));
  const chips = fields.filter(({ name }) => query[name]).map(({ name, label }) => h("a", { class: "tag", href: formatRoute(path, { ...keep, ...given, [name]: null }), title: "Remove this filter" },
    `${label}: `, said(wordsOf(controls[name])), h("span", { "aria-hidden": "true" }, " ×")));
  fill(element.querySelector(".chips"), chips, chips.length > 1 && h("a", { href: formatRoute(path, keep) }, "Clear all"));
}

function wordsOf(control) {
  return control.selectedOptions?.[0]?.text ?? control.value;
}

/** Moves the focus to the first filter of a page. */
export function openFilters(root) {
  const fold = root.querySelector(".filter-fold");
  if (!fold) return;
  fold.open = true;
  fold.querySelector("select, input").focus();
}

/**
 * Returns a span such as `3d` as it is, a time in ISO 8601, "" for an empty text, null for anything else. A time
 * without a zone is in the zone that is shown: a link with it then means the same time everywhere.
 */
function readTime(text) {
  if (!text || moment(text) !== text) return text;
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return null;
  const [, day, clock = "00:00", zone = isUtc() ? "Z" : ""] = /^(.{10})(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))? ?(Z|[+-]\d\d:?\d\d)?$/i.exec(text) ?? [];
  const at = new Date(`${day}T${clock}${zone}`);
  return Number.isNaN(at.getTime()) ? null : at.toISOString().replace(".000Z", "Z");
}

/** Returns a filter's time as somebody types it, in the zone that is shown. */
function typedTime(text) {
  return /^\d{4}-.*T.*Z$/.test(text ?? "") ? timeText(text).replace(/:00$/, "") : text;
}
