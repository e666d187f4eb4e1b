// One conversation: the recording and the facts on the left; transcript, timeline and events on the right.

import { config, get, segment } from "/console/api.js";
import { command } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { facts, partName, statusBadge } from "/console/facts.js";
import { setKeys } from "/console/keys.js";
import { follow } from "/console/live.js";
import { badge, copyButton, loading, notice } from "/console/parts.js";
import { Player } from "/console/player.js";
import { replaceQuery } from "/console/router.js";
import { transcript } from "/console/transcript.js";

const TABS = { __proto__: null, transcript: "Transcript", timeline: "Timeline", events: "Events" };
const SETTLE = 500;

/** Shows a conversation; returns how to take another query, such as another tab, in place. */
export async function show({ root, path, query, signal }) {
  const id = path[1];
  document.title = `${id} · ${config.target}`;
  if (segment(id) === null) {
    await (await import("/console/event.js")).showEventsOnly({ root, id, query, signal });
    return undefined;
  }
  fill(root, loading());
  const page = new Page({ root, id, signal });
  if (!await page.load()) return undefined;
  page.build(query);
  await page.showTab(query);
  signal.throwIfAborted();
  follow({ signal, onEvents: (events) => page.notify(events), onState: (state) => page.changeState(state) });
  return { update: ({ query: next }) => page.take(next) };
}

class Page {
  constructor({ root, id, signal }) {
    Object.assign(this, { root, id, signal, path: `/conversations/${segment(id)}`, settle: SETTLE, wasOff: false });
  }

  /** Asks for the conversation; returns false if nothing is stored of it, and says so. */
  async load() {
    try {
      this.conversation = await get(this.path, {}, this);
      return true;
    } catch (error) {
      if (error.status !== 404) throw error;
      await (await import("/console/event.js")).showUnknown(this);
      return false;
    }
  }

  build(query) {
    const { conversation, signal } = this;
    this.player = new Player({ conversation, query, signal });
    this.player.addEventListener("conversation", () => { this.conversation = this.player.conversation; this.showFacts(); });
    this.head = h("div", { class: "head" });
    this.facts = h("div", { class: "left-facts" });
    this.fresh = h("div", { role: "status" });
    this.panel = h("div", { class: "panel card", id: "panel", role: "tabpanel" });
    this.tabs = Object.entries(TABS).map(([name, words]) => h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => this.choose(name) }, words));
    this.showFacts();
    setKeys(this.player.keys, signal);
    fill(this.root, this.head, h("div", { class: "columns" },
      h("div", { class: "left" }, this.player.element, this.facts),
      h("div", { class: "right" }, h("div", { class: "tabs", role: "tablist", "aria-label": "About this conversation", onkeydown: (event) => this.press(event) }, this.tabs), this.fresh, this.panel)));
  }

  showFacts() {
    fill(this.head, heading(this.conversation, this.player));
    refill(this.facts, facts(this.conversation));
  }

  /** Arrows choose a tab; the Tab key stops at the chosen one. */
  press(event) {
    const { tabs } = this;
    const at = tabs.indexOf(event.target);
    const next = { ArrowRight: tabs[(at + 1) % tabs.length], ArrowLeft: tabs.at(at - 1), Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.click();
  }

  choose(name) {
    const tab = name === "transcript" ? undefined : name;
    replaceQuery({ tab, event: undefined });
    return this.showTab({ tab });
  }

  /** Takes the query of an address that somebody opened while the page is shown. */
  take(query) {
    if (["recording", "offset", "t"].some((name) => name in query)) this.player.restore(query);
    return query.tab === this.query.tab && query.event === this.query.event ? undefined : this.showTab(query);
  }

  async showTab({ tab, event }) {
    this.query = { tab, event };
    const chosen = TABS[tab] ? tab : "transcript";
    for (const button of this.tabs) {
      const isChosen = button.id === `tab-${chosen}`;
      button.setAttribute("aria-selected", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${chosen}`);
    fill(this.panel, loading());
    const content = await this.tabContent(chosen);
    if (content) fill(this.panel, content);
  }

  /** Returns what a tab shows, or null if another tab was chosen in the meantime. */
  async tabContent(chosen) {
    this.shown?.abort();
    this.shown = new AbortController();
    const signal = AbortSignal.any([this.signal, this.shown.signal]);
    const { id, conversation, player } = this;
    try {
      const content = chosen === "transcript" ? await transcript({ conversation, player, signal }) : await this.eventsContent(chosen, { id, conversation, player, signal });
      return signal.aborted ? null : content;
    } catch (error) {
      return signal.aborted ? null : notice(error, { again: () => this.showTab(this.query) });
    }
  }

  /** Returns the tabs that share the events as far as they are loaded. */
  async eventsContent(chosen, context) {
    const { EventPages, eventsTab } = await import("/console/event.js");
    this.pages ??= new EventPages(this.id, this.signal);
    if (chosen === "events") return eventsTab({ ...context, pages: this.pages, chosen: this.query.event });
    const turns = this.conversation.transcript && await get(`${this.path}/transcript`, {}, context);
    const { timelineTab } = await import("/console/timeline.js");
    return timelineTab({ ...context, pages: this.pages, transcript: turns });
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
    const before = JSON.stringify(this.conversation);
    const start = Date.now();
    try {
      if (!await this.load()) return this.player.drop();
    } catch (error) {
      if (error.name !== "AbortError") fill(this.fresh, notice(error, { again: () => this.refresh() }));
      return undefined;
    }
    // A conversation of 3,000 events takes a second to read, so it is not read all the time.
    this.settle = Math.max(SETTLE, (Date.now() - start) * 5);
    // The first answer of the feed repeats the newest callback, so not everything that is notified is new.
    if (before === JSON.stringify(this.conversation)) return undefined;
    this.player.update(this.conversation);
    this.showFacts();
    return fill(this.fresh, h("button", { type: "button", class: "fresh", onclick: () => this.showNew() }, "New callbacks – show"));
  }

  /** Shows the tab again; what was open stays open, and nothing scrolls. */
  async showNew() {
    fill(this.fresh, loading());
    await this.pages?.reload();
    const content = await this.tabContent(TABS[this.query.tab] ? this.query.tab : "transcript");
    fill(this.fresh);
    if (content) refill(this.panel, content);
  }
}

function heading({ conversation_id: id, status, simulated, missing }, player) {
  const link = () => {
    replaceQuery(player.state);
    return location.href;
  };
  return [
    h("nav", { "aria-label": "Breadcrumb", class: "breadcrumb" }, h("a", { href: "#/conversations" }, "Conversations"), h("span", { "aria-hidden": "true" }, " /")),
    h("h1", {}, said(id, { class: "mono" })),
    statusBadge(status), simulated && badge("simulated", "outline"), missing.map(({ what, overdue }) => badge(`${partName(what)} missing`, overdue ? "bad" : "warn")),
    h("div", { class: "head-tools" }, copyButton("Copy id", id), copyButton("Copy link", link), copyButton("Copy command", command("show", id)),
      h("a", { href: `${config.api}/conversations/${segment(id)}`, target: "_blank", rel: "noopener" }, "JSON")),
  ];
}

/** Replaces content; open folds, the scroll position of lists and the focus stay. */
function refill(element, content) {
  const summaries = () => [...element.querySelectorAll("summary, a, button")];
  const open = summaries().filter((each) => each.parentElement.open).map((each) => each.textContent);
  const scrolled = element.querySelector(".turns")?.scrollTop;
  const focus = element.contains(document.activeElement) && document.activeElement.textContent;
  fill(element, content);
  for (const each of summaries()) if (open.includes(each.textContent)) each.parentElement.open = true;
  if (scrolled) element.querySelector(".turns")?.scrollTo(0, scrolled);
  if (focus) summaries().find((each) => each.textContent === focus)?.focus({ preventScroll: true });
}
