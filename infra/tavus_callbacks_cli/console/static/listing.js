// Lists with filters and a position: the address has the filters, the cursor, the row with the focus (`at`) and the open row (`open`).

import { get, urlOf } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { leave } from "/console/keys.js";
import { loading, notice } from "/console/parts.js";
import { formatRoute, go, replaceQuery } from "/console/router.js";
import { isUtc, moment, timeText, zoneName } from "/console/time.js";

const PAGE = 50;
const MOST_REQUESTS = 8;
const TOO_LARGE = 409;

/**
 * Yields the answers that make one page of a list. An answer can be short before the end when filters apply, so this
 * asks again until it has half a page; it asks for less when the answer is too large.
 */
export async function* readPage({ api, member, filters, cursor, signal, limit = PAGE, most = MOST_REQUESTS }) {
  let [answer, count] = [{ cursor }, 0];
  for (let request = 0; request < most && count < PAGE / 2; request += 1) {
    try {
      answer = await get(api, { ...filters, cursor: answer.cursor, limit }, { signal });
    } catch (error) {
      if (error.status !== TOO_LARGE || limit === 1) throw error;
      limit = Math.ceil(limit / 4);
      continue;
    }
    count += answer[member].length;
    yield { items: answer[member], cursor: answer.cursor, until: answer.looked_until };
    if (!answer.cursor) return;
  }
}

/** Returns the filters of a query with its times, such as `7d`, as they are now. A cursor belongs to exact filters. */
export function fixTimes(filters, names) {
  return { ...filters, ...Object.fromEntries(names.map((name) => [name, moment(filters[name])])) };
}

/** Puts a button into a place that floats over the page, so that nothing moves; without words it removes the button. */
export function offer(place, words, onclick) {
  fill(place, words && h("button", { type: "button", class: "fresh", onclick }, words));
}

/** Returns the place of that button. */
export function offerPlace() {
  return h("div", { class: "offer", role: "status" });
}

/**
 * Shows a page of a list in `root` and returns its parts. `list` has `api`, `member` and `filters` for the API;
 * `path` and `fixed`, the filters for the address of an older page; `same`, the command that lists the same;
 * `columns`; `rows`, which returns the rows of an item; and `nothing`, what to show without items.
 */
export async function showList({ root, list, ...rest }) {
  const body = h("tbody", { onclick: openRow });
  const foot = h("div", { class: "foot" });
  const heads = list.columns.map((head) => h("th", { scope: "col" }, head));
  const card = h("div", { class: "card", hidden: true }, h("table", { class: "table rows" }, h("thead", {}, h("tr", {}, heads)), body));
  fill(root, card, foot);
  body.addEventListener("focusin", (event) => replaceQuery({ at: rowOf(event.target)?.dataset.id }));
  const view = { list, body, foot, card, ...rest };
  await load(view);
  view.signal.throwIfAborted();
  return { body, load: () => load(view) };
}

async function load(view) {
  const { list, query, signal, body, foot, card } = view;
  const page = { count: 0 };
  fill(foot, loading());
  try {
    for await (const part of readPage({ ...list, cursor: query.cursor, signal })) {
      if (!page.count) fill(body);
      body.append(...part.items.flatMap(list.rows));
      Object.assign(page, part, { count: page.count + part.items.length });
      card.hidden = page.count === 0;
      fill(foot, h("span", { role: "status" }, `Searching.${lookedText(part)}`));
    }
    fill(foot, footer(view, page));
    restore(view);
  } catch (error) {
    if (error.name === "AbortError") return;
    // A cursor of other filters is refused.
    fill(foot, (list.onError ?? notice)(error, { again: () => load(view) }), query.cursor && step(view, "Newest", null));
  }
}

function footer(view, page) {
  const { list, query } = view;
  if (!page.count && !page.cursor && !query.cursor) return list.nothing();
  return [
    h("span", {}, `${page.count || "None"} shown.${page.cursor ? lookedText(page) : " There are no more."}`),
    query.cursor && step(view, "Newest", null),
    page.cursor && step(view, "Older", page.cursor, "more"),
    h("a", { href: urlOf(list.api, { ...list.filters, cursor: query.cursor, limit: PAGE }), target: "_blank" }, "JSON"),
    list.same,
  ];
}

function step({ list, query }, words, cursor, kind = "") {
  return h("a", { class: `step ${kind}`, href: formatRoute(list.path, { ...query, ...(cursor && list.fixed), at: null, open: null, cursor }) }, words);
}

function lookedText({ until }) {
  return until ? ` Looked back to ${timeText(until)} (${zoneName()}).` : "";
}

function rowOf(element) {
  const row = element.closest("tr");
  return row?.classList.contains("details") ? row.previousElementSibling : row;
}

/** Opens the row and focuses the row that the address names; a page that is reached by going back keeps its scroll. */
function restore({ body, memory, query: { at, open } }) {
  const rows = [...body.rows];
  if (open) rows.find((row) => row.dataset.id === open)?.querySelector("[aria-expanded=false]")?.click();
  const target = at && rows.find((row) => row.dataset.id === at)?.querySelector(".open");
  if (!target) return;
  target.focus({ preventScroll: true });
  if (memory.scroll === undefined) target.scrollIntoView({ block: "center" });
  memory.scroll ??= scrollY;
}

/** Opens a row that is clicked beside its links; a click that ends a selection of text opens nothing. */
export function openRow(event) {
  if (event.target.closest("a, button, .details") || getSelection().toString()) return;
  event.target.closest("tr").querySelector(".open").click();
}

/** Returns a cell with the name of its column, which narrow pages show. */
export function cell(label, ...children) {
  return h("td", { "data-label": label }, children);
}

/** Returns a row whose button opens `details` below it; one row of a list is open at a time. */
export function foldingRow({ id, words, cells, details, isDim = false }) {
  const below = h("tr", { class: "details", hidden: true }, h("td", { colspan: "20" }));
  const button = h("button", { type: "button", class: "open", "aria-expanded": "false", onclick: toggle }, words);
  function toggle() {
    const isOpen = button.getAttribute("aria-expanded") === "false";
    if (isOpen) {
      for (const other of row.parentElement.querySelectorAll(".open[aria-expanded=true]")) other.click();
      fill(below.cells[0], details());
    }
    button.setAttribute("aria-expanded", String(isOpen));
    below.hidden = !isOpen;
    replaceQuery({ open: isOpen ? id : null });
  }
  const row = h("tr", { "data-id": id, class: isDim && "simulated" }, cells(button));
  return [row, below];
}

/** Returns the keys of a list. */
export function listKeys(root) {
  const move = (step) => () => {
    const rows = [...root.querySelectorAll("tbody .open")];
    const at = rows.indexOf(rowOf(document.activeElement)?.querySelector(".open"));
    const next = at < 0 ? 0 : at + step;
    if (next === rows.length) root.querySelector(".more")?.click();
    rows[Math.max(0, Math.min(rows.length - 1, next))]?.focus();
  };
  return {
    j: { words: "next row", run: move(1) },
    k: { words: "previous row", run: move(-1) },
    Enter: { words: "open the row" },
    n: { words: "show what is new", run: () => root.querySelector(".fresh")?.click() },
    "/": { words: "filters", run: () => openFilters(root) },
    Escape: { words: "close the open row, leave a field, go back", run: () => closeRow(root) },
  };
}

function closeRow(root) {
  const open = root.querySelector(".open[aria-expanded=true]");
  if (open) open.click();
  else leave();
}

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
    `${label}: `, said(controls[name].selectedOptions?.[0]?.text ?? (controls[name].value || query[name])), h("span", { "aria-hidden": "true" }, " ×")));
  fill(element.querySelector(".chips"), chips, chips.length > 1 && h("a", { href: formatRoute(path, keep) }, "Clear all"));
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
