// The report of sums, for the page Stats and for `stats --html`: tiles, and figures with their table and CSV.

import { h, s, said, spanText } from "/console/base.js";

const DAY = 86_400_000;
const MOST_BARS = 12;
const MOST_LABELS = 7;
const GROUPS = { day: "Day (UTC)", label: "Token label", "end-reason": "End reason" };
const COLUMNS = {
  conversations: "Conversations", ended: "Ended", seconds: "Time", user_turns: "User turns", replica_turns: "Replica turns",
  user_words: "User words", replica_words: "Replica words", median_response_seconds: "Median response", missing_transcript: "Without transcript",
};
const dim = (...text) => h("p", { class: "dim" }, text);

/** Returns a number for people, with commas. */
export function number(value) {
  return value.toLocaleString("en");
}

/** Returns the report of an answer of `GET /stats`; `link` returns the address of the conversations that a filter chooses. */
export function report({ total, by, groups, durations, responses, end_reasons: reasons }, link = () => null) {
  if (!total.conversations) return [h("p", {}, "No conversations match.")];
  const rows = (names, value, href) => names.map((name) => ({ name, value: value(name), href: href?.(name) }));
  const missing = rows(["shutdown", "transcript", "perception", "recording"], (part) => total[`missing_${part}`], (part) => link({ missing: part }));
  return [
    tiles(total),
    h("div", { class: "figures" },
      groupFigure(by, groups, link),
      durations && histogram("Length", durations, total, "a known length"),
      responses && histogram("Median response of the replica", responses, total, "turn times"),
      reasons && by !== "end-reason" && ranking("Why they ended", "Reason", rows(Object.keys(reasons), (name) => reasons[name])),
      ranking("Missing parts", "Part", missing)),
  ];
}

function tiles(total) {
  const share = total.user_share_by_words;
  const values = {
    Conversations: number(total.conversations),
    Ended: number(total.ended),
    "Total time": spanText(total.seconds),
    "Median length": spanText(total.median_seconds),
    "Median response": spanText(total.median_response_seconds),
    Turns: number(total.user_turns + total.replica_turns),
    Words: number(total.user_words + total.replica_words),
    "Words by users": share === null ? "–" : `${Math.round(share * 100)} %`,
  };
  return h("dl", { class: "tiles" }, Object.entries(values).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function groupFigure(by, groups, link) {
  const head = GROUPS[by] ?? by;
  const title = `Conversations by ${by in GROUPS ? head[0].toLowerCase() + head.slice(1) : by}`;
  const rows = groups.map((group) => ({ ...group, name: group.group, value: group.conversations, href: groupLink(by, group.group, link) }));
  if (by !== "day") rows.sort((a, b) => b.value - a.value);
  const note = (by === "label" || by.startsWith("tag:")) && "A conversation with several values counts once for each.";
  return figure({ title, rows, note, plot: by === "day" ? columns(days(rows), title) : bars(rows), heads: { group: head, ...COLUMNS }, names: Object.keys(groups[0]) });
}

function groupLink(by, group, link) {
  if (group === "(none)") return null;
  if (by === "day") return link({ since: `${group}T00:00:00Z`, until: new Date(Date.parse(group) + DAY).toISOString() });
  if (by === "label") return link({ label: group });
  return by.startsWith("tag:") ? link({ tag: `${by.slice(4)}:${group}` }) : null;
}

function days(rows) {
  const last = Date.parse(rows.at(-1).name);
  const first = Math.min(Date.parse(rows[0].name), last - 6 * DAY);
  return Array.from({ length: (last - first) / DAY + 1 }, (_, index) => {
    const name = new Date(first + index * DAY).toISOString().slice(0, 10);
    return { value: 0, ...rows.find((row) => row.name === name), name, label: name.slice(5) };
  });
}

function histogram(title, { bounds, counts }, total, words) {
  const text = (seconds) => (seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`);
  const rows = counts.map((value, index) => {
    const label = text(bounds[index - 1] ?? 0);
    return { name: label + (index < bounds.length ? ` to ${text(bounds[index])}` : " and more"), label, value };
  });
  const without = counts.reduce((rest, count) => rest - count, total.conversations);
  return figure({ title, rows, heads: { name: title, value: "Conversations" }, plot: columns(rows, title), note: without > 0 && `Not shown: ${number(without)} without ${words}.` });
}

function ranking(title, head, rows) {
  const ranked = rows.filter(({ value }) => value > 0).sort((a, b) => b.value - a.value);
  return figure({ title, rows: ranked, heads: { name: head, value: "Conversations" }, plot: bars(ranked) });
}

function columns(rows, title) {
  const most = Math.max(...rows.map(({ value }) => value));
  if (!most) return null;
  const every = Math.ceil(rows.length / MOST_LABELS);
  // The table has the same links for the keyboard: parts of a picture take no focus.
  const column = ({ name, value, href }, index) => s("g", { class: href && "link", onclick: href && (() => { location.hash = href; }) },
    s("title", {}, `${name}: ${number(value)}`),
    s("rect", { class: "hit", x: index, width: 1, height: 100 }),
    s("rect", { x: index + 0.1, width: 0.8, y: 100 - (100 * value) / most, height: (100 * value) / most }));
  return h("div", { class: "columns-plot" }, h("div", { class: "ticks" }, h("span", {}, "0"), h("span", {}, number(most))),
    s("svg", { viewBox: `0 0 ${rows.length} 100`, preserveAspectRatio: "none", role: "img", "aria-label": title }, rows.map(column)),
    h("div", { class: "labels" }, rows.map(({ label }, index) => h("span", {}, index % every ? "" : label))));
}

function bars(rows) {
  if (!rows.length) return null;
  const bar = ({ name, value, href }) => h("li", {},
    s("svg", { "aria-hidden": "true" }, s("rect", { width: `${(value / rows[0].value) * 100}%`, height: "100%", rx: 4 })),
    h(href ? "a" : "span", { href, class: "name" }, said(name)), h("span", {}, number(value)));
  return [h("ul", { class: "bars" }, rows.slice(0, MOST_BARS).map(bar)), rows.length > MOST_BARS && dim(`${number(rows.length - MOST_BARS)} more in the table.`)];
}

function figure({ title, plot, note, heads, rows, names = Object.keys(heads) }) {
  const save = () => download(`${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}.csv`, csv([names, ...rows.map((row) => names.map((name) => row[name]))]));
  return h("figure", { class: "card" },
    h("figcaption", {}, h("h2", {}, said(title))), plot ?? dim("None."), note && dim(note),
    plot && h("div", { class: "numbers" }, table(title, heads, rows), h("button", { type: "button", class: "quiet", "aria-label": `${title}: CSV`, onclick: save }, "CSV")));
}

function table(title, heads, rows) {
  const body = h("tbody");
  const cell = (row, name, index) => {
    const value = row[name];
    const text = value === null ? "–" : typeof value !== "number" ? said(value) : name.endsWith("seconds") ? spanText(value) : number(value);
    return h("td", { "data-label": heads[name], class: index > 0 && "number" }, index === 0 && row.href ? h("a", { href: row.href }, text) : text);
  };
  // A table that nobody opens costs no nodes.
  const open = () => { if (!body.children.length) body.append(...rows.map((row) => h("tr", {}, Object.keys(heads).map((name, index) => cell(row, name, index))))); };
  return h("details", { ontoggle: open }, h("summary", {}, "Table"), h("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": `${title}: table` },
    h("table", { class: "table" }, h("thead", {}, h("tr", {}, Object.values(heads).map((head, index) => h("th", { scope: "col", class: index > 0 && "number" }, head)))), body)));
}

/** Returns rows as CSV; a spreadsheet (at commas or semicolons) reads no text as a formula, a terminal none as a command. */
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
