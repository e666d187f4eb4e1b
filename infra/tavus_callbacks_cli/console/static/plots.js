// Plots: columns for values in an order, bars for values with names. Each figure has its numbers as a table and as CSV.

import { h, s, said } from "/console/dom.js";

const MOST_BARS = 12;
const MOST_ROWS = 200;
const MOST_LABELS = 7;
const TICKS = 4;

/** Returns a number for people, with commas. */
export function number(value) {
  return value.toLocaleString("en");
}

/**
 * Returns a figure; `empty` stands in place of a plot without values. `table` has `columns` (each with the member `name`, its `head`, how to `show` a value and the `link` of a row) and
 * `rows`; `names` are the members in the CSV, by default those of the columns.
 */
export function figure({ title, plot, empty, note, table }) {
  return h("figure", { class: "card" },
    h("figcaption", {}, h("h2", {}, said(title))),
    plot ?? h("p", { class: "dim" }, empty),
    note && h("p", { class: "dim" }, note),
    plot && h("div", { class: "numbers" }, numbers(title, table)));
}

/**
 * Returns columns for bars in an order; each has a `name` for its tooltip, a `label` for the axis, a `value`, and a
 * `href` if it leads somewhere. The label is below the middle of its column, or below its left edge.
 */
export function columns(bars, about, { isLabelAtEdge = false } = {}) {
  if (!bars.some(({ value }) => value)) return null;
  const ticks = tickValues(Math.max(...bars.map(({ value }) => value)));
  const top = ticks.at(-1);
  const every = bars.length > 2 * MOST_LABELS ? Math.ceil(bars.length / MOST_LABELS) : 1;
  // A table below has the same links for the keyboard: parts of a picture take no focus.
  const bar = ({ name, value, href }, index) => s("g", { class: href && "link", onclick: href && (() => { location.hash = href; }) },
    s("title", {}, `${name}: ${number(value)}`),
    s("rect", { class: "hit", x: index, width: 1, height: 100 }),
    s("rect", { x: index + 0.1, width: 0.8, y: 100 - (value / top) * 100, height: (value / top) * 100 }));
  const line = (tick) => s("line", { x2: bars.length, y1: 100 - (tick / top) * 100, y2: 100 - (tick / top) * 100 });
  return h("div", { class: "columns-plot" },
    h("div", { class: "ticks", "aria-hidden": "true" }, ticks.map((tick) => h("span", {}, number(tick)))),
    s("svg", { viewBox: `0 0 ${bars.length} 100`, preserveAspectRatio: "none", role: "img", "aria-label": about }, ticks.map(line), bars.map(bar)),
    h("div", { class: `labels${every > 1 ? "" : " few"}${isLabelAtEdge ? " edges" : ""}`, "aria-hidden": "true" },
      bars.map(({ label }, index) => h("span", {}, index % every ? "" : label))));
}

/** Returns bars for values with names, in the given order, the largest first; a `href` makes the name a link. */
export function bars(values) {
  if (!values.length) return null;
  const bar = ({ name, value, href }) => h("li", {},
    s("svg", { "aria-hidden": "true" }, s("rect", { width: `${(value / values[0].value) * 100}%`, height: "100%", rx: 4 })),
    h(href ? "a" : "span", { href, class: "name" }, said(name)),
    h("span", {}, number(value)));
  const rest = values.length - MOST_BARS;
  return [
    h("ul", { class: "bars" }, values.slice(0, MOST_BARS).map(bar)),
    rest > 0 && h("p", { class: "dim" }, `${number(rest)} more in the table.`),
  ];
}

/** Returns rows as CSV; a spreadsheet reads none of their texts as a formula, a terminal none as a command. */
function csv(names, rows) {
  return [names, ...rows].map((row) => `${row.map(csvCell).join(",")}\n`).join("");
}

function csvCell(value) {
  if (typeof value !== "string") return String(value ?? "");
  const text = value.replace(/^[=+\-@\t\r]/, "'$&").replace(/[\p{C}\u2028\u2029]/gu, escapeCharacter);
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function escapeCharacter(character) {
  return `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`;
}

/** Returns round values from 0 to at least `most`, about TICKS of them. */
function tickValues(most) {
  const rough = Math.max(most / TICKS, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
}

function numbers(title, { columns: heads, rows, names = heads.map(({ name }) => name) }) {
  const body = h("tbody");
  const add = (from, to) => body.append(...rows.slice(from, to).map((row) => h("tr", {}, heads.map((head) => cell(head, row)))));
  const rest = rows.length > MOST_ROWS && h("button", { type: "button", onclick: showRest }, `Show all ${number(rows.length)}`);
  function showRest() {
    add(MOST_ROWS);
    rest.remove();
  }
  const area = h("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": `${title}: table` },
    h("table", { class: "table" }, h("thead", {}, h("tr", {}, heads.map(({ head }, index) => h("th", { scope: "col", class: index > 0 && "number" }, head)))), body), rest);
  // A table that nobody opens costs no nodes.
  const fold = h("details", { ontoggle: () => { if (!body.children.length) add(0, MOST_ROWS); } }, h("summary", {}, "Table"), area);
  return [fold, downloadButton(title, () => csv(names, rows.map((row) => names.map((name) => row[name]))))];
}

function cell({ name, head, show = (value) => value, link = () => null }, row) {
  const value = row[name];
  const href = link(row);
  if (typeof value === "string") return h("td", { "data-label": head }, href ? h("a", { href }, said(value)) : said(value));
  return h("td", { "data-label": head, class: "number" }, value === null ? "–" : show(value));
}

function downloadButton(title, text) {
  return h("button", { type: "button", class: "quiet", "aria-label": `${title}: CSV`, onclick: download }, "CSV");
  function download() {
    const link = h("a", { download: `${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}.csv` });
    // The browser makes this address from our own text, so it does not go through `safeUrl`.
    link.href = URL.createObjectURL(new Blob([text()], { type: "text/csv" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}
