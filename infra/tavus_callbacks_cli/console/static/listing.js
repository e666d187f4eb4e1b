// Lists with a position: the address has the filters, the cursor, the row with the focus (`at`) and the open row (`open`).

import { get } from "/console/api.js";
import { fill, h } from "/console/dom.js";
import { openFilters } from "/console/filters.js";
import { notice } from "/console/parts.js";
import { formatRoute, replaceQuery } from "/console/router.js";
import { timeText, zoneName } from "/console/time.js";

const PAGE = 50;
const MOST_REQUESTS = 8;
const TOO_LARGE = 409;

/**
 * Reads one page of a list. A page of the API can be short before the end when filters apply, so this asks again
 * until it has half a page; it asks for less when the answer is too large.
 */
export async function readPage({ api, member, query, signal, most = MOST_REQUESTS }) {
  const items = [];
  let [answer, limit] = [{ cursor: query.cursor }, PAGE];
  for (let request = 0; request < most; request += 1) {
    try {
      answer = await get(api, { ...query, cursor: answer.cursor, limit }, { signal });
    } catch (error) {
      if (error.status !== TOO_LARGE || limit === 1) throw error;
      limit = Math.ceil(limit / 4);
      continue;
    }
    items.push(...answer[member]);
    if (!answer.cursor || items.length >= PAGE / 2) break;
  }
  return { items, cursor: answer.cursor, until: answer.looked_until };
}

/**
 * Shows a page of a list in `root` and returns its parts. `list` has `api`, `member` and `filters` for the API;
 * `columns`; `rows`, which returns the rows of an item; `nothing`, what to show without items; and `path`.
 */
export async function showList({ root, query, signal, list }) {
  const body = h("tbody");
  const foot = h("div", { class: "foot" });
  const heads = list.columns.map((head) => h("th", { scope: "col" }, head));
  const card = h("div", { class: "card", hidden: true }, h("table", { class: "table" }, h("thead", {}, h("tr", {}, heads)), body));
  fill(root, card, foot);
  body.addEventListener("focusin", (event) => replaceQuery({ at: rowOf(event.target)?.dataset.id }));

  async function load() {
    fill(foot, h("span", { role: "status" }, "Loading…"));
    let page;
    try {
      page = await readPage({ ...list, query: { ...list.filters, cursor: query.cursor }, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      fill(foot, (list.onError ?? notice)(error, { again: load }));
      return;
    }
    fill(body, page.items.map(list.rows));
    card.hidden = page.items.length === 0;
    fill(foot, footer(page));
    restore(body, query);
  }

  function footer({ items, cursor, until }) {
    const here = { ...query, at: null, open: null };
    if (!items.length && !cursor && !query.cursor) return list.nothing();
    const looked = cursor && until ? ` Looked back to ${timeText(until)} (${zoneName()}).` : "";
    return [
      h("span", {}, `${items.length || "None"} shown.${cursor ? looked : " That is the end of the list."}`),
      query.cursor && h("a", { class: "step", href: formatRoute(list.path, { ...here, cursor: null }) }, "Newest"),
      cursor && h("a", { class: "step", href: formatRoute(list.path, { ...here, cursor }) }, "Older"),
    ];
  }

  await load();
  return { body, card, load };
}

function rowOf(element) {
  const row = element.closest("tr");
  return row?.classList.contains("details") ? row.previousElementSibling : row;
}

function restore(body, { at, open }) {
  const rows = [...body.rows];
  if (open) rows.find((row) => row.dataset.id === open)?.querySelector("[aria-expanded=false]")?.click();
  const target = at && rows.find((row) => row.dataset.id === at)?.querySelector(".open");
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "center" });
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
    rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))]?.focus();
  };
  return {
    j: { words: "next row", run: move(1) },
    k: { words: "previous row", run: move(-1) },
    Enter: { words: "open the row", run: () => document.activeElement.click() },
    "/": { words: "filters", run: () => openFilters(root) },
    Escape: { words: "close the open row", run: () => { root.querySelector(".open[aria-expanded=true]")?.click(); } },
  };
}
