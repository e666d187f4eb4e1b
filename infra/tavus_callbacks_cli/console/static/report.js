// The report of sums: tiles and figures. The page Stats shows it, and so does the file of `stats --html`.

import { h } from "/console/dom.js";
import { bars, columns, figure, number } from "/console/plots.js";
import { spanText } from "/console/time.js";

const DAY = 86_400_000;
const PARTS = ["shutdown", "transcript", "perception", "recording"];
const WORDS = { day: "Day (UTC)", label: "Token label", "end-reason": "End reason" };
const COLUMNS = [
  { name: "conversations", head: "Conversations", show: number },
  { name: "ended", head: "Ended", show: number },
  { name: "seconds", head: "Time", show: spanText },
  { name: "user_turns", head: "User turns", show: number },
  { name: "replica_turns", head: "Replica turns", show: number },
  { name: "user_words", head: "User words", show: number },
  { name: "replica_words", head: "Replica words", show: number },
  { name: "median_response_seconds", head: "Median response", show: spanText },
  { name: "missing_transcript", head: "Without transcript", show: number },
];

/**
 * Returns the report of an answer of `GET /stats`; `link` returns the address of the conversations that a filter
 * chooses, or nothing.
 */
export function report({ total, by, groups, durations, responses, end_reasons: reasons }, link = () => null) {
  if (!total.conversations) return [h("p", {}, "No conversations match.")];
  const known = (histogram) => histogram.counts.reduce((sum, count) => sum + count, 0);
  const without = (histogram, words) => {
    const count = total.conversations - known(histogram);
    return count > 0 && `${number(count)} without ${words} are left out.`;
  };
  return [
    tiles(total),
    h("div", { class: "figures" },
      groupFigure(by, groups, link),
      histogramFigure("Length", durations, without(durations, "a known length")),
      histogramFigure("Median response of the replica", responses, without(responses, "times of their turns")),
      by !== "end-reason" && nameFigure("Why they ended", "Reason", Object.entries(reasons).map(([name, value]) => ({ name, value })), "No conversation has ended."),
      nameFigure("Missing parts", "Part", PARTS.map((part) => ({ name: part, value: total[`missing_${part}`], href: link({ missing: part }) })), "No part is missing.")),
  ];
}

function tiles(total) {
  const share = total.user_share_by_words;
  const values = {
    Conversations: number(total.conversations),
    Ended: number(total.ended),
    "Time together": hoursText(total.seconds),
    "Median length": spanText(total.median_seconds),
    "Median response": spanText(total.median_response_seconds),
    Turns: number(total.user_turns + total.replica_turns),
    Words: number(total.user_words + total.replica_words),
    "Words by users": share === null ? "–" : `${Math.round(share * 100)} %`,
  };
  return h("dl", { class: "tiles" }, Object.entries(values).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function hoursText(seconds) {
  return seconds < 36_000 ? spanText(seconds) : `${number(Math.round(seconds / 3600))} h`;
}

function groupFigure(by, groups, link) {
  const words = WORDS[by] ?? by;
  const title = `Conversations by ${words === by ? by : words[0].toLowerCase() + words.slice(1)}`;
  const rows = by === "day" ? groups : groups.toSorted((a, b) => b.conversations - a.conversations);
  const named = rows.map(({ group, conversations }) => ({ name: group, value: conversations, href: groupLink(by, group, link) }));
  const first = { name: "group", head: words, link: ({ group }) => groupLink(by, group, link) };
  return figure({
    title,
    plot: by === "day" ? columns(days(named), title) : bars(named),
    note: (by === "label" || by.startsWith("tag:")) && "A conversation with several values counts in each.",
    table: {
      columns: [first, ...COLUMNS],
      rows,
      names: Object.keys(rows[0]),
    },
  });
}

function groupLink(by, group, link) {
  if (group === "(none)") return null;
  if (by === "day") return link({ since: `${group}T00:00:00Z`, until: new Date(Date.parse(group) + DAY).toISOString() });
  if (by === "label") return link({ label: group });
  return by.startsWith("tag:") ? link({ tag: `${by.slice(4)}:${group}` }) : null;
}

/** Returns a bar for each day from the first to the last, so that gaps show; at least a week. */
function days(bars) {
  const given = Object.fromEntries(bars.map((bar) => [bar.name, bar]));
  const last = Date.parse(bars.at(-1).name);
  const first = Math.min(Date.parse(bars[0].name), last - 6 * DAY);
  return Array.from({ length: Math.round((last - first) / DAY) + 1 }, (_, index) => {
    const name = new Date(first + index * DAY).toISOString().slice(0, 10);
    return { name, value: 0, ...given[name], label: name.slice(5) };
  });
}

function histogramFigure(title, { bounds, counts }, note) {
  const rows = counts.map((value, index) => ({ name: rangeText(bounds[index - 1], bounds[index]), label: boundText(bounds[index - 1] ?? 0), value }));
  return figure({ title, plot: columns(rows, title, { isLabelAtEdge: true }), empty: "No conversation has this value.", note, table: countTable(title, rows) });
}

function nameFigure(title, head, values, empty) {
  const rows = values.filter(({ value }) => value).sort((a, b) => b.value - a.value);
  return figure({ title, plot: bars(rows), empty, table: countTable(head, rows) });
}

function countTable(head, rows) {
  return { columns: [{ name: "name", head }, { name: "value", head: "Conversations", show: number }], rows };
}

function rangeText(low, high) {
  if (low === undefined) return `under ${boundText(high)}`;
  return high === undefined ? `${boundText(low)} and more` : `${boundText(low)} to ${boundText(high)}`;
}

function boundText(seconds) {
  if (seconds < 60) return seconds ? `${seconds} s` : "0";
  return seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`;
}
