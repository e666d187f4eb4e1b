// Lists: filters in the address, rows in the memory of the history's entry, older rows and new ones behind buttons.

import { config, follow, get, tellLive, urlOf } from "/console/api.js";
import { fill, formatRoute, h, moment, replaceQuery, timeText, zoneName } from "/console/base.js";
import { empty, filterForm, leave, listCommand, loading, notice, openFilters, setKeys, showFilters } from "/console/parts.js";

const PAGE = 50;
const NEXT_PAGE = 200;
const MOST_REQUESTS = 8;
// A list that grows by itself starts again when it has more rows, and an address asks for no more.
const MOST_ROWS = 2000;
const TOO_LARGE = 409;
const TIMES = ["since", "until", "before"];
// A callback is in the list a moment after it was received: the waits between looks, in milliseconds.
const WAITS = [60, 150, 250, 400, 1000, 3000];

/** Shows the page of a list with filters (`fields`); returns the `list`, and how to take another query in place. */
export async function listPage({ root, path, query, memory, signal, title, fields = [], tools, above, keys, ...options }) {
  const form = fields.length > 0 && filterForm({ path, query, fields });
  const place = h("div");
  fill(root, h("div", { class: "head" }, h("h1", {}, title), tools), above, form, place);
  setKeys({ ...listKeys(root), ...keys }, signal);
  const list = new List({ root: place, path, signal, ...options });
  await update({ query, memory });
  list.follow();
  return { list, update };

  function update(next) {
    if (form) showFilters(form, { path, query: next.query, fields });
    const filters = Object.fromEntries(fields.filter(({ name }) => next.query[name]).map(({ name }) => [name, next.query[name]]));
    return list.open({ ...next, filters });
  }
}

/**
 * A list of `things`: `api`, `member` and `fixed` filters of the answers; `rowsOf` and `idOf` an item; `subjectOf` and
 * `receivedOf` its last callback; `concerns`, the callbacks that change it; `verb` of the command that lists the same;
 * `hint` or `none`, for no items; `isFeed`, if new rows need no click while nobody reads.
 */
export class List {
  constructor({ root, ...options }) {
    Object.assign(this, { fixed: {}, onError: notice, awaited: new Map(), fresh: [], title: document.title, ...options });
    this.body = h("tbody", { onclick: openRow });
    this.news = h("div", { class: "offer", role: "status" });
    const heads = this.columns.map((column) => [column].flat()).map(([words, kind]) => h("th", { scope: "col", class: kind }, words));
    this.card = h("div", { class: "card" }, h("table", { class: `table rows ${this.kind ?? ""}` }, h("thead", {}, h("tr", {}, heads)), this.body));
    this.foot = h("div", { class: "foot" });
    fill(root, this.news, this.card, this.foot);
  }

  /** Shows the rows of a query: from memory, or from the API. */
  async open({ query, memory, filters = {} }) {
    this.reading?.abort();
    this.reading = new AbortController();
    Object.assign(this, { query, memory, filters, fresh: [], readSignal: AbortSignal.any([this.signal, this.reading.signal]) });
    this.offerFresh();
    if (this.isPaused) replaceQuery({ live: "off" });
    if (memory.rows) {
      this.draw();
      this.lookAnew();
    } else {
      // A cursor belongs to exact times.
      const times = Object.entries(filters).map(([name, value]) => [name, TIMES.includes(name) ? moment(value) : value]);
      Object.assign(memory, { asked: { ...this.fixed, ...Object.fromEntries(times) }, cursor: undefined });
      this.card.setAttribute("aria-busy", "true");
      await this.more(Math.min(Number(query.rows) || 0, MOST_ROWS));
    }
    this.restore();
  }

  /** Reads on until there are so many rows. */
  async more(least = 0) {
    const { memory, api, member, readSignal: signal } = this;
    const isAsked = Boolean(memory.rows);
    const limit = isAsked && !least ? NEXT_PAGE : Math.min(Math.max(least, PAGE), NEXT_PAGE);
    fill(this.foot, loading());
    try {
      do {
        for await (const part of readPage({ api, member, filters: memory.asked, cursor: memory.cursor, limit, signal })) this.add(part);
      } while (memory.cursor && memory.rows.size < least);
      if (isAsked) replaceQuery({ rows: memory.rows.size });
      this.drawFoot();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.card.removeAttribute("aria-busy");
      this.card.hidden = !memory.rows;
      fill(this.foot, this.onError(error, { again: () => this.more(least) }));
    }
  }

  add({ items, cursor, until }) {
    const { memory } = this;
    Object.assign(memory, { cursor, until });
    if (!memory.rows) {
      memory.rows = new Map(items.map((item) => [this.idOf(item), item]));
      this.draw();
    } else {
      for (const item of items) memory.rows.set(this.idOf(item), item);
      this.body.append(...items.flatMap(this.rowsOf));
    }
    fill(this.foot, h("span", { role: "status" }, `Searching${this.lookedText()}.`));
  }

  draw() {
    const { rows } = this.memory;
    this.onRows?.(rows);
    this.card.removeAttribute("aria-busy");
    this.card.hidden = !rows.size;
    fill(this.body, [...rows.values()].flatMap(this.rowsOf));
    this.drawFoot();
  }

  drawFoot() {
    const { foot, filters, memory: { rows, cursor, asked } } = this;
    if (!rows.size && !cursor) fill(foot, this.nothing());
    else fill(foot,
      h("span", {}, `${counted(rows.size, this.things)}${cursor ? `${this.lookedText()}.` : ". There are no more."}`),
      cursor && h("button", { type: "button", class: "more", onclick: () => this.more() }, rows.size ? "Show more" : "Look further back"),
      h("a", { href: urlOf(this.api, { ...asked, limit: PAGE }), target: "_blank" }, "JSON"),
      this.verb && listCommand(this.verb, filters));
  }

  nothing() {
    if (Object.keys(this.filters).length) {
      return empty(`No ${this.things} match`, h("p", {}, "No stored data matches these filters."), h("p", {}, h("a", { href: formatRoute(this.path) }, "Clear the filters")));
    }
    return this.none ?? empty(`No ${this.things} yet`, h("p", {}, this.hint), config.pages.includes("try") && h("p", {}, h("a", { href: "#/try" }, "Send a simulated callback")));
  }

  lookedText() {
    const { until } = this.memory;
    return until ? `, back to ${timeText(until)} (${zoneName()})` : "";
  }

  /** Opens the row that the address names; a page that is reached by going back keeps its scroll. */
  restore() {
    const { memory, query: { open } } = this;
    const button = open && this.find(open)?.querySelector("[aria-expanded=false]");
    if (!button) return;
    button.click();
    if (memory.scroll === undefined) button.scrollIntoView({ block: "center" });
    memory.scroll ??= scrollY;
  }

  find(id) {
    return [...this.body.rows].find((row) => row.dataset.id === id);
  }

  // New callbacks

  follow() {
    if (!this.concerns) return;
    document.addEventListener("try-again", () => this.lookAnew(), { signal: this.signal });
    this.setPaused(this.query.live === "off");
  }

  /** Pauses or resumes what is new. Callbacks may have arrived before the connection stands. */
  setPaused(isPaused) {
    this.isPaused = isPaused;
    this.following?.abort();
    if (isPaused) return tellLive("paused");
    this.following = new AbortController();
    const signal = AbortSignal.any([this.signal, this.following.signal]);
    return follow({ signal, onEvents: (events) => this.look(events), onState: (state) => state === "on" && this.lookAnew() });
  }

  lookAnew() {
    this.awaited.set("", "");
    this.look([]);
  }

  /** Looks for what callbacks are about, until the rows have these callbacks. */
  look(events) {
    for (const event of events) if (this.concerns(event)) this.awaited.set(event.subject, event.received_at);
    if (!this.awaited.size || this.isPaused || !this.concerns) return;
    this.step = 0;
    this.timer ??= setTimeout(() => this.lookAgain(), WAITS[0]);
  }

  async lookAgain() {
    const began = performance.now();
    this.step += 1;
    try {
      if (this.memory.rows && !this.isPaused) await this.readNew();
      if (this.hasFailed) tellLive("on");
      this.hasFailed = false;
    } catch (error) {
      if (error.name !== "AbortError") {
        this.hasFailed = true;
        tellLive("off", error);
      }
    }
    this.timer = null;
    // A row that does not fit the filters never comes.
    if (this.step >= WAITS.length) this.awaited.clear();
    if (!this.awaited.size || this.signal.aborted) return;
    // A busy stack is asked less often.
    this.timer = setTimeout(() => this.lookAgain(), Math.max(WAITS[this.step], 3 * (performance.now() - began)));
  }

  /** Reads the newest page: rows are replaced in place, unknown ones before them wait for the button. */
  async readNew() {
    const { memory, api, member, awaited, readSignal: signal } = this;
    const { value: { items, cursor } } = await readPage({ api, member, filters: memory.asked, signal }).next();
    const first = items.findIndex((item) => memory.rows.has(this.idOf(item)));
    this.fresh = first < 0 ? items : items.slice(0, first);
    // If no known row is among them, rows between them and the known ones are unknown too.
    this.hasGap = first < 0 && memory.rows.size > 0 && Boolean(cursor);
    awaited.delete("");
    for (const item of items) {
      this.replace(item);
      if (this.receivedOf(item) >= awaited.get(this.subjectOf(item))) awaited.delete(this.subjectOf(item));
    }
    this.offerFresh();
  }

  replace(item) {
    const { rows } = this.memory;
    const id = this.idOf(item);
    if (!rows.has(id) || JSON.stringify(rows.get(id)) === JSON.stringify(item)) return;
    rows.set(id, item);
    const old = this.find(id);
    // An open row is being read.
    if (old.querySelector("[aria-expanded=true]")) return;
    const hadFocus = old.contains(document.activeElement);
    const added = [this.rowsOf(item)].flat();
    if (added.length > 1) old.nextElementSibling.remove();
    old.replaceWith(...added);
    if (hadFocus) added[0].querySelector(".open").focus({ preventScroll: true });
  }

  offerFresh() {
    const { fresh, memory, body, hasGap } = this;
    // Rows stay in place after a reader has scrolled, or chosen or opened one.
    const isReading = scrollY > 40 || body.contains(document.activeElement) || body.querySelector("[aria-expanded=true]");
    const count = fresh.length && `${fresh.length}${hasGap ? "+" : ""}`;
    if (count && (!memory.rows.size || (this.isFeed && !isReading))) return this.showFresh();
    document.title = count ? `(${count}) ${this.title}` : this.title;
    return this.offer(count && `${count} new – show`, () => this.showFresh({ isAsked: true }));
  }

  /** Shows a button above the rows; nothing moves. Without words it removes the button. */
  offer(words, onclick) {
    fill(this.news, Boolean(words) && h("button", { type: "button", class: "fresh", onclick }, words));
  }

  async showFresh({ isAsked = false } = {}) {
    const { memory, fresh } = this;
    this.fresh = [];
    this.offerFresh();
    if (isAsked) scrollTo(0, 0);
    if (this.hasGap || memory.rows.size > MOST_ROWS) {
      await this.reload();
    } else {
      memory.rows = new Map([...fresh.map((item) => [this.idOf(item), item]), ...memory.rows]);
      this.onRows?.(memory.rows);
      this.body.prepend(...fresh.flatMap(this.rowsOf));
      this.card.hidden = false;
      this.drawFoot();
    }
    if (isAsked) this.body.querySelector(".open")?.focus({ preventScroll: true });
  }

  /** Reads the list again from its first page. */
  reload() {
    const { memory, filters, query } = this;
    replaceQuery({ rows: null });
    return this.open({ query: { ...query, rows: null }, memory: Object.assign(memory, { rows: null }), filters });
  }
}

/** Yields answers until there is half a page: filters make answers short. Asks for less when an answer is too large. */
async function* readPage({ api, member, filters, cursor, signal, limit = PAGE }) {
  let count = 0;
  for (let request = 0; request < MOST_REQUESTS && count < PAGE / 2; request += 1) {
    try {
      const answer = await get(api, { ...filters, cursor, limit }, { signal });
      cursor = answer.cursor;
      count += answer[member].length;
      yield { items: answer[member], cursor, until: answer.looked_until };
      if (!cursor) return;
    } catch (error) {
      if (error.status !== TOO_LARGE || limit === 1) throw error;
      limit = Math.ceil(limit / 4);
    }
  }
}

// Rows

function rowOf(element) {
  const row = element.closest("tr");
  return row?.matches(".details") ? row.previousElementSibling : row;
}

/** Opens a row that is clicked beside its links; a click that ends a selection of text opens nothing. */
function openRow({ target }) {
  if (target.closest("a, button, .details") || getSelection().toString()) return;
  target.closest("tr").querySelector(".open").click();
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
    const isOpen = below.hidden;
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

/** Returns a number of things, such as `1 event` or `2,000 events`. */
export function counted(number, things) {
  return `${number.toLocaleString("en")} ${number === 1 ? things.replace(/s$/, "") : things}`;
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
    Escape: { words: "close the open row, leave a field, go back", run: () => { const open = root.querySelector(".open[aria-expanded=true]"); if (open) open.click(); else leave(); } },
  };
}
