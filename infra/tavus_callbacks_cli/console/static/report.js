// The report of sums: tiles, and figures with their numbers as a table and as CSV. The page Stats shows it, and so does
// the file of `stats --html`.

import { h, s, said } from "/console/dom.js";
import { spanText } from "/console/time.js";

const DAY = 86_400_000;
const MOST_BARS = 12;
const MOST_ROWS = 200;
const MOST_LABELS = 7;
const TICKS = 4;
const GROUPS = { day: "Day (UTC)", label: "Token label", "end-reason": "End reason" };
const COLUMNS = [
  ["conversations", "Conversations", number],
  ["ended", "Ended", number],
  ["seconds", "Time", spanText],
  ["user_turns", "User turns", number],
  ["replica_turns", "Replica turns", number],
  ["user_words", "User words", number],
  ["replica_words", "Replica words", number],
  ["median_response_seconds", "Median response", spanText],
  ["missing_transcript", "Without transcript", number],
];

/** Returns a number for people, with commas. */
export function number(value) {
  return value.toLocaleString("en");
}

/** Returns the report of an answer of `GET /stats`; `link` returns the address of the conversations that a filter chooses. */
export function report({ total, by, groups, durations, responses, end_reasons: reasons }, link = () => null) {
  if (!total.conversations) return [h("p", {}, "No conversations match.")];
  const missing = ["shutdown", "transcript", "perception", "recording"].map((part) => ({ name: part, value: total[`missing_${part}`], href: link({ missing: part }) }));
  return [
    tiles(total),
    h("div", { class: "figures" },
      groupFigure(by, groups, link),
      durations && histogram("Length", durations, total, "a known length"),
      responses && histogram("Median response of the replica", responses, total, "turn times"),
      reasons && by !== "end-reason" && ranking("Why they ended", "Reason", Object.entries(reasons).map(([name, value]) => ({ name, value })), "No conversation has ended."),
      ranking("Missing parts", "Part", missing, "No part is missing.")),
    !reasons && h("p", { class: "foot" }, "This stack is older than the console. Deploy it again to get all plots."),
  ];
}

function tiles(total) {
  const share = total.user_share_by_words;
  const values = {
    Conversations: number(total.conversations),
    Ended: number(total.ended),
    "Total time": total.seconds < 36_000 ? spanText(total.seconds) : `${number(Math.round(total.seconds / 3600))} h`,
    "Median length": spanText(total.median_seconds),
    "Median response": spanText(total.median_response_seconds),
    Turns: number(total.user_turns + total.replica_turns),
    Words: number(total.user_words + total.replica_words),
    "Words by users": share === null ? "–" : `${Math.round(share * 100)} %`,
  };
  return h("dl", { class: "tiles" }, Object.entries(values).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function groupFigure(by, groups, link) {
  const isDay = by === "day";
  const head = GROUPS[by] ?? by;
  const title = `Conversations by ${by in GROUPS ? head[0].toLowerCase() + head.slice(1) : by}`;
  const rows = groups.map((group) => ({ ...group, name: group.group, value: group.conversations, href: groupLink(by, group.group, link) }));
  if (!isDay) rows.sort((a, b) => b.value - a.value);
  return figure({
    title, rows,
    plot: isDay ? columns(days(rows), title) : bars(rows),
    note: (by === "label" || by.startsWith("tag:")) && "A conversation with several values counts in each.",
    heads: [["group", head], ...COLUMNS],
    names: Object.keys(groups[0]),
  });
}

function groupLink(by, group, link) {
  if (group === "(none)") return null;
  if (by === "day") return link({ since: `${group}T00:00:00Z`, until: new Date(Date.parse(group) + DAY).toISOString() });
  if (by === "label") return link({ label: group });
  return by.startsWith("tag:") ? link({ tag: `${by.slice(4)}:${group}` }) : null;
}

/** Returns a bar for each day from the first to the last, so that gaps show; at least a week. */
function days(rows) {
  const given = new Map(rows.map((row) => [row.name, row]));
  const last = Date.parse(rows.at(-1).name);
  const first = Math.min(Date.parse(rows[0].name), last - 6 * DAY);
  return Array.from({ length: (last - first) / DAY + 1 }, (_, index) => {
    const name = new Date(first + index * DAY).toISOString().slice(0, 10);
    return { name, value: 0, ...given.get(name), label: name.slice(5) };
  });
}

function histogram(title, { bounds, counts }, total, words) {
  const text = (seconds) => (seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`);
  const range = (low, high) => (high === undefined ? `${text(low)} and more` : `${text(low)} to ${text(high)}`);
  const rows = counts.map((value, index) => ({ name: range(bounds[index - 1] ?? 0, bounds[index]), label: text(bounds[index - 1] ?? 0), value }));
  const without = counts.reduce((rest, count) => rest - count, total.conversations);
  return figure({ title, rows, heads: countHeads(title), plot: columns(rows, title, "edges"), empty: "No conversation has this value.", note: without > 0 && `Not shown: ${number(without)} without ${words}.` });
}

function ranking(title, head, values, empty) {
  const rows = values.filter(({ value }) => value).sort((a, b) => b.value - a.value);
  return figure({ title, rows, heads: countHeads(head), plot: bars(rows), empty });
}

function countHeads(head) {
  return [["name", head], ["value", "Conversations", number]];
}

/** Returns columns side by side; each has a `name`, a `value`, a `label` for the axis, and a `href` if it leads somewhere. */
function columns(rows, title, place = "middles") {
  const most = Math.max(...rows.map(({ value }) => value));
  if (!most) return null;
  const ticks = tickValues(most);
  const height = (value) => (value / ticks.at(-1)) * 100;
  const every = rows.length > 2 * MOST_LABELS ? Math.ceil(rows.length / MOST_LABELS) : 1;
  // The table has the same links for the keyboard: parts of a picture take no focus.
  const column = ({ name, value, href }, index) => s("g", { class: href && "link", onclick: href && (() => { location.hash = href; }) },
    s("title", {}, `${name}: ${number(value)}`),
    s("rect", { class: "hit", x: index, width: 1, height: 100 }),
    s("rect", { x: index + 0.1, width: 0.8, y: 100 - height(value), height: height(value) }));
  return h("div", { class: "columns-plot" },
    h("div", { class: "ticks", "aria-hidden": "true" }, ticks.map((tick) => h("span", {}, number(tick)))),
    s("svg", { viewBox: `0 0 ${rows.length} 100`, preserveAspectRatio: "none", role: "img", "aria-label": title },
      ticks.map((tick) => s("line", { x2: rows.length, y1: 100 - height(tick), y2: 100 - height(tick) })), rows.map(column)),
    h("div", { class: `labels ${every > 1 ? "" : `few ${place}`}`, "aria-hidden": "true" }, rows.map(({ label }, index) => h("span", {}, index % every ? "" : label))));
}

/** Returns round values from 0 to at least `most`, about TICKS of them. */
function tickValues(most) {
  const rough = Math.max(most / TICKS, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
}

function bars(rows) {
  if (!rows.length) return null;
  const bar = ({ name, value, href }) => h("li", {},
    s("svg", { "aria-hidden": "true" }, s("rect", { width: `${(value / rows[0].value) * 100}%`, height: "100%", rx: 4 })),
    h(href ? "a" : "span", { href, class: "name" }, said(name)),
    h("span", {}, number(value)));
  const rest = rows.length - MOST_BARS;
  return [h("ul", { class: "bars" }, rows.slice(0, MOST_BARS).map(bar)), rest > 0 && h("p", { class: "dim" }, `${number(rest)} more in the table.`)];
}

/** Returns a figure. `heads` are the columns of its table: member, head, and how to show a value; `names` those of the CSV. */
function figure({ title, plot, empty, note, heads, rows, names = heads.map(([name]) => name) }) {
  const save = () => download(`${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}.csv`, csv([names, ...rows.map((row) => names.map((name) => row[name]))]));
  return h("figure", { class: "card" },
    h("figcaption", {}, h("h2", {}, said(title))),
    plot ?? h("p", { class: "dim" }, empty),
    note && h("p", { class: "dim" }, note),
    plot && h("div", { class: "numbers" }, table(title, heads, rows), h("button", { type: "button", class: "quiet", "aria-label": `${title}: CSV`, onclick: save }, "CSV")));
}

function table(title, heads, rows) {
  const body = h("tbody");
  const add = (from, to) => body.append(...rows.slice(from, to).map((row) => h("tr", {}, heads.map((head, index) => cell(head, row, index === 0)))));
  const rest = rows.length > MOST_ROWS && h("button", { type: "button", onclick: () => { add(MOST_ROWS); rest.remove(); } }, `Show all ${number(rows.length)}`);
  // A table that nobody opens costs no nodes.
  return h("details", { ontoggle: () => { if (!body.children.length) add(0, MOST_ROWS); } }, h("summary", {}, "Table"),
    h("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": `${title}: table` },
      h("table", { class: "table" }, h("thead", {}, h("tr", {}, heads.map(([, head], index) => h("th", { scope: "col", class: index > 0 && "number" }, head)))), body), rest));
}

function cell([name, head, show], row, isFirst) {
  const value = row[name];
  if (isFirst) return h("td", { "data-label": head }, row.href ? h("a", { href: row.href }, said(value)) : said(value));
  return h("td", { "data-label": head, class: "number" }, value === null ? "–" : show(value));
}

/**
 * Returns rows as CSV; a spreadsheet reads none of their texts as a formula, a terminal none as a command.
 * Some spreadsheets separate at semicolons, so a text with one is quoted.
 */
function csv(rows) {
  const escape = (character) => `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`;
  const text = (value) => {
    if (typeof value !== "string") return value ?? "";
    const safe = value.replace(/^[=+\-@\t\r]/, "'$&").replace(/[\p{C}\u2028\u2029]/gu, escape);
    return /[",;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => `${row.map(text).join(",")}\n`).join("");
}

function download(name, text) {
  const link = h("a", { download: name });
  // The browser makes this address from our own text, so it does not go through `safeUrl`.
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
