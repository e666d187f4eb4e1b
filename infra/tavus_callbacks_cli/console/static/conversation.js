// One conversation: the recording and the facts on the left; transcript, timeline and events on the right.

import { config, get, segment } from "/console/api.js";
import { command } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { facts, partName, statusBadge } from "/console/facts.js";
import { setKeys } from "/console/keys.js";
import { follow } from "/console/live.js";
import { badge, copyButton, loading, notice } from "/console/parts.js";
import { Player } from "/console/player.js";
import { formatRoute, replaceQuery, trail } from "/console/router.js";
import { transcript } from "/console/transcript.js";

const TABS = { __proto__: null, transcript: "Transcript", timeline: "Timeline", events: "Events" };
const SETTLE = 500;
const RESTS = 5;

/** Shows a conversation; returns how to take another query, such as another tab, in place. */
export async function show({ root, path, query, signal }) {
  const id = path[1];
  document.title = `${id} · ${config.target}`;
  if (segment(id) === null) {
    await (await import("/console/event.js")).showEventsOnly({ root, id, query, signal });
    return undefined;
  }
  fill(root, loading());
  const page = new Page({ root, id, query, signal });
  if (!await page.load()) return undefined;
  page.build(query);
  await page.showTab(query);
  signal.throwIfAborted();
  follow({ signal, onEvents: (events) => page.notify(events), onState: (state) => page.changeState(state) });
  return { update: ({ query: next }) => page.take(next) };
}

class Page {
  constructor({ root, id, query, signal }) {
    Object.assign(this, { root, id, query, signal, path: `/conversations/${segment(id)}`, settle: SETTLE, wasOff: false, hasNew: false });
  }

  /** Asks for the conversation; returns false if nothing is stored of it, and says so. */
  async load() {
    try {
      this.conversation = await get(this.path, {}, { signal: this.signal });
      return true;
    } catch (error) {
      if (error.status !== 404) throw error;
      const { showUnknown } = await import("/console/event.js");
      await showUnknown({ root: this.root, id: this.id, signal: this.signal });
      return false;
    }
  }

  build(query) {
    const { conversation, signal } = this;
    this.player = new Player({ conversation, query, signal });
    this.head = h("div", { class: "head" });
    this.facts = h("div", { class: "left-facts" });
    this.fresh = h("div", { role: "status" });
    this.panel = h("div", { class: "panel card", id: "panel", role: "tabpanel" });
    this.player.addEventListener("conversation", () => { this.conversation = this.player.conversation; this.showFacts(); });
    this.tabs = tabList((tab) => this.choose(tab));
    this.showFacts();
    fill(this.root, this.head,
      h("div", { class: "columns" },
        h("div", { class: "left" }, this.player.element, this.facts),
        h("div", { class: "right" }, this.tabs.element, this.fresh, this.panel)));
  }

  showFacts() {
    fill(this.head, heading(this.conversation, this.player));
    refill(this.facts, facts(this.conversation));
  }

  get keys() {
    const visit = (step) => () => neighbour(this.id, step)?.click();
    return {
      ...this.player.keys,
      J: { words: "next conversation of the list", run: visit(1) },
      K: { words: "previous conversation of the list", run: visit(-1) },
    };
  }

  // Tabs.

  choose(tab) {
    replaceQuery({ tab: tab === "transcript" ? null : tab, event: null });
    return this.showTab({ tab });
  }

  /** Takes the query of an address that somebody opened while the page is shown. */
  take(query) {
    const isSamePlace = (query.tab ?? null) === (this.query.tab ?? null) && (query.event ?? null) === this.query.event;
    if (["recording", "offset", "t"].some((name) => query[name] !== undefined)) this.player.restore(query);
    return isSamePlace ? undefined : this.showTab(query);
  }

  async showTab({ tab, event = null }) {
    this.query = { tab, event };
    const name = TABS[tab] ? tab : "transcript";
    this.tabs.mark(name);
    this.panel.setAttribute("aria-labelledby", `tab-${name}`);
    fill(this.panel, loading());
    const content = await this.tabContent(name, event);
    if (content) fill(this.panel, content);
  }

  /** Returns what a tab shows, or null if another tab was chosen in the meantime. */
  async tabContent(name, event) {
    this.shown?.abort();
    this.shown = new AbortController();
    const signal = AbortSignal.any([this.signal, this.shown.signal]);
    setKeys(this.keys, this.signal);
    try {
      const content = await { transcript: () => this.transcriptTab(signal), timeline: () => this.timelineTab(signal), events: () => this.eventsTab(event, signal) }[name]();
      return signal.aborted ? null : content;
    } catch (error) {
      return error.name === "AbortError" || signal.aborted ? null : notice(error, { again: () => this.showTab(this.query) });
    }
  }

  async transcriptTab(signal) {
    const tab = await transcript({ conversation: this.conversation, player: this.player, signal });
    if (!signal.aborted) setKeys({ ...this.keys, ...tab.keys }, this.signal);
    return tab.element;
  }

  async timelineTab(signal) {
    const { timelineTab } = await import("/console/timeline.js");
    const turns = this.conversation.transcript && await get(`${this.path}/transcript`, {}, { signal });
    return timelineTab({ conversation: this.conversation, transcript: turns, player: this.player, pages: await this.pages(), signal });
  }

  async eventsTab(chosen, signal) {
    const { eventsTab } = await import("/console/event.js");
    return eventsTab({ id: this.id, pages: await this.pages(), chosen, signal });
  }

  /** Returns the events as far as they are loaded, for both tabs that show them. */
  async pages() {
    const { EventPages } = await import("/console/event.js");
    this.eventPages ??= new EventPages(this.id, this.signal);
    return this.eventPages;
  }

  // New callbacks: facts and player change by themselves, the tab waits for a click.

  notify(events) {
    if (events.some(({ kind, subject }) => kind === "conversation" && subject === this.id)) this.timer ??= setTimeout(() => this.refresh(), this.settle);
  }

  /** Callbacks that arrived while nobody listened are not notified. */
  changeState(state) {
    if (state === "on" && this.wasOff) this.refresh();
    this.wasOff = state !== "on";
  }

  async refresh() {
    this.timer = null;
    const before = this.conversation;
    const start = Date.now();
    try {
      if (!await this.load()) return this.player.drop();
    } catch (error) {
      if (error.name !== "AbortError") fill(this.fresh, notice(error, { again: () => this.refresh() }));
      return undefined;
    }
    // A conversation of 3,000 events takes a second to read, so it is not read all the time.
    this.settle = Math.max(SETTLE, (Date.now() - start) * RESTS);
    // The first answer of the feed repeats the newest callback, so not everything that is notified is new.
    if (JSON.stringify(before) !== JSON.stringify(this.conversation)) {
      this.hasNew = true;
      this.player.update(this.conversation);
      this.showFacts();
    }
    return fill(this.fresh, this.hasNew && h("button", { type: "button", class: "fresh", onclick: () => this.showNew() }, "New callbacks – show"));
  }

  /** Shows the tab again; what was open stays open, and nothing scrolls. */
  async showNew() {
    this.hasNew = false;
    fill(this.fresh, loading());
    await this.eventPages?.reload();
    const content = await this.tabContent(TABS[this.query.tab] ? this.query.tab : "transcript", null);
    fill(this.fresh);
    if (content) refill(this.panel, content);
  }
}

/** Returns a link to a neighbour in the list that was shown last, or null. Going back still leads to the list. */
function neighbour(id, step, words = "") {
  const ids = [...trail.rows.keys()];
  const other = ids.includes(id) ? ids[ids.indexOf(id) + step] : undefined;
  if (other === undefined) return null;
  const href = formatRoute(["conversations", other]);
  return h("a", { href, title: `${other} (${step > 0 ? "J" : "K"})`, onclick: (event) => { event.preventDefault(); location.replace(href); } }, words);
}

function heading(conversation, player) {
  const { conversation_id: id } = conversation;
  const link = () => {
    replaceQuery(player.state);
    return location.href;
  };
  return [
    h("nav", { "aria-label": "Breadcrumb", class: "breadcrumb" }, h("a", { href: "#/conversations" }, "Conversations"), h("span", { "aria-hidden": "true" }, " /")),
    h("h1", {}, said(id, { class: "mono" })),
    statusBadge(conversation.status), conversation.simulated && badge("simulated", "outline"),
    conversation.missing.map(({ what, overdue }) => badge(`${partName(what)} missing`, overdue ? "bad" : "warn")),
    h("div", { class: "head-tools" }, neighbour(id, -1, "‹ Previous"), neighbour(id, 1, "Next ›"),
      copyButton("Copy id", id), copyButton("Copy link", link), copyButton("Copy command", command("show", id)),
      h("a", { href: `${config.api}/conversations/${segment(id)}`, target: "_blank", rel: "noopener" }, "JSON")),
  ];
}

/** Replaces content; open folds, the scroll position of lists and the focus stay. */
function refill(element, content) {
  const open = new Set([...element.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent));
  const scrolled = element.querySelector(".turns")?.scrollTop ?? 0;
  const focus = element.contains(document.activeElement) ? document.activeElement.textContent : null;
  fill(element, content);
  for (const summary of element.querySelectorAll("summary")) if (open.has(summary.textContent)) summary.parentElement.open = true;
  if (scrolled) element.querySelector(".turns")?.scrollTo(0, scrolled);
  if (focus) [...element.querySelectorAll("summary, a, button")].find((each) => each.textContent === focus)?.focus({ preventScroll: true });
}

/** Returns the tabs: the Tab key stops at the chosen one, arrows choose another. */
function tabList(choose) {
  const tabs = Object.entries(TABS).map(([name, words]) => h("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", "data-name": name, onclick: () => choose(name),
  }, words));
  function mark(name) {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab.dataset.name === name));
      tab.tabIndex = tab.dataset.name === name ? 0 : -1;
    }
  }
  function press(event) {
    const at = tabs.indexOf(event.target);
    const next = { ArrowRight: tabs[(at + 1) % tabs.length], ArrowLeft: tabs.at(at - 1), Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    next.focus();
    choose(next.dataset.name);
  }
  return { mark, element: h("div", { class: "tabs", role: "tablist", "aria-label": "About this conversation", onkeydown: press }, tabs) };
}
