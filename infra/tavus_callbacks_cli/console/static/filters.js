// The forms above a list: filters, which are the query of the address, and the box that goes to an id.

import { fill, h, said } from "/console/dom.js";
import { sentence } from "/console/parts.js";
import { go } from "/console/router.js";
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
    h("summary", {}), form, h("p", { class: "clear" }, h("button", { type: "button", class: "quiet", onclick: () => go(path, keep) }, "Clear the filters")));
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
  setFilters(fold, query);
  return fold;
}

function field({ name, label, values, isTime, hint = isTime ? "2h, 3d or a time" : "" }) {
  if (!values) return h("label", { class: "field" }, label, h("input", { name, placeholder: hint, autocomplete: "off", spellcheck: "false", "data-time": isTime, oninput: (event) => event.target.setCustomValidity("") }));
  const words = Array.isArray(values) ? { "": "any", ...Object.fromEntries(values.map((value) => [value, value.replaceAll("_", " ")])) } : values;
  return h("label", { class: "field" }, label, h("select", { name }, Object.entries(words).map(([value, text]) => h("option", { value }, text))));
}

/** Shows another query in a form of filters; the summary of the fold names the filters that apply. */
export function setFilters(fold, query) {
  const controls = [...fold.querySelectorAll("[name]")];
  for (const each of controls) each.value = (each.dataset.time === undefined ? query[each.name] : typedTime(query[each.name])) ?? "";
  const given = controls.filter(({ name }) => query[name]);
  fold.querySelector(".clear").hidden = !given.length;
  fill(fold.querySelector("summary"), "Filters ", given.map(({ name, value }) => h("span", { class: "tag" }, said(`${name} ${value}`))));
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
export function readTime(text) {
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

/** Returns the box that goes to any id; a page that is left ends its search. */
export function jumpForm(signal) {
  const input = h("input", { name: "id", "aria-label": "Go to an id", placeholder: "Go to an id", autocomplete: "off", spellcheck: "false", oninput: () => fill(answer) });
  const answer = h("span", { class: "answer", role: "status" });
  async function jump(event) {
    event.preventDefault();
    const id = input.value.trim();
    if (!id) return;
    fill(answer, "Looking…");
    try {
      const { routeOf } = await import("/console/jump.js");
      const route = await routeOf(id, signal);
      if (route) go(route.path, route.query);
      else fill(answer, "Nothing has the id ", said(id), ".");
    } catch (error) {
      if (error.name !== "AbortError") fill(answer, sentence(error.message));
    }
  }
  return h("form", { class: "jump", role: "search", "aria-label": "Any id", onsubmit: jump }, input, answer);
}
