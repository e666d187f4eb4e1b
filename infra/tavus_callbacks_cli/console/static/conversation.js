// One conversation: the recording and the facts on the left; transcript, timeline and events on the right.

import { config, follow, get, segment } from "/console/api.js";
import { clockText, fill, h, replaceQuery, said, spanText } from "/console/base.js";
import { facts, partName, statusBadge, timelineTab } from "/console/facts.js";
import { replayButton } from "/console/operator.js";
import { badge, command, copyButton, empty, loading, notice, setKeys } from "/console/parts.js";
import { Player } from "/console/player.js";
import { fold, tree } from "/console/tree.js";

const TABS = { __proto__: null, transcript: "Transcript", timeline: "Timeline", events: "Events" };
const SETTLE = 500;
const NAMES = { user: "User", assistant: "Replica", tool: "Tool", system: "System" };
// A video seeks to a whole number of its own ticks, which may be just before the turn.
const TICK = 0.01;
const CHUNK = 50;

/** Shows a conversation; returns how to take another query, such as another tab, in place. */
export async function show({ root, path, query, signal }) {
  const id = path[1];
  document.title = `${id} · ${config.target}`;
  if (segment(id) === null) {
    await (await import("/console/events.js")).showEventsOnly({ root, id, query, signal });
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

  async load() {
    try {
      this.conversation = await get(this.path, {}, this);
      return true;
    } catch (error) {
      if (error.status !== 404) throw error;
      await (await import("/console/events.js")).showUnknown(this);
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

  async eventsContent(chosen, context) {
    const { EventPages, eventsTab } = await import("/console/events.js");
    this.pages ??= new EventPages(this.id, this.signal);
    if (chosen === "events") return eventsTab({ ...context, pages: this.pages, chosen: this.query.event });
    const turns = this.conversation.transcript && await get(`${this.path}/transcript`, {}, context);
    return timelineTab({ ...context, pages: this.pages, transcript: turns });
  }

  // Facts and player change by themselves, the tab waits for a click.

  notify(events) {
    if (events.some(({ kind, subject }) => kind === "conversation" && subject === this.id)) this.timer ??= setTimeout(() => this.refresh(), this.settle);
  }

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
    // 3,000 events take a second to read.
    this.settle = Math.max(SETTLE, (Date.now() - start) * 5);
    // The feed begins with the newest callback, which is not new.
    if (before === JSON.stringify(this.conversation)) return undefined;
    this.player.update(this.conversation);
    this.showFacts();
    return fill(this.fresh, h("button", { type: "button", class: "fresh", onclick: () => this.showNew() }, "New callbacks – show"));
  }

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
      h("a", { href: `${config.api}/conversations/${segment(id)}`, target: "_blank", rel: "noopener" }, "JSON"),
      config.actions.includes("replay") && replayButton("conversation", id)),
  ];
}

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

async function transcript({ conversation, player, signal }) {
  const { conversation_id: id, transcript: summary, missing, status } = conversation;
  if (summary) return new Transcript(await get(`/conversations/${segment(id)}/transcript`, {}, { signal }), player, signal).element;
  const part = missing.find(({ what }) => what === "transcript");
  const usual = part ? `It usually arrives within ${spanText(part.usual_delay)} after the end.` : "Tavus sends it after the end.";
  return empty("No transcript", h("p", {}, status === "active" ? "The conversation has not ended. " : "", usual), h("p", {}, "The Events tab shows what has arrived."));
}

class Transcript {
  constructor({ turns, skipped = 0 }, player, signal) {
    Object.assign(this, { player, current: null, isFollowing: true });
    this.entries = sortByStart(turns).map((turn) => ({ turn }));
    this.timed = this.entries.filter(({ turn }) => turn.start !== null);
    const pause = () => this.pauseFollowing();
    this.list = h("div", {
      class: "turns", role: "list", "aria-label": "Turns", onwheel: pause, ontouchmove: pause,
      onpointerdown: ({ target }) => { if (target === this.list) pause(); },
      onclick: (event) => this.click(event), onkeydown: (event) => this.press(event),
    }, chunks(this.entries.map(renderTurn)));
    this.resume = h("button", { type: "button", class: "primary follow", hidden: true, onclick: () => this.follow() }, "Follow the recording");
    this.element = h("div", { class: "transcript" }, h("div", { class: "remarks" }, this.remarks(skipped)), this.list, this.resume);
    player.addEventListener("position", () => this.highlight(), { signal });
    player.addEventListener("offset", () => this.place(), { signal });
    // With one stop for the Tab key; arrows move it.
    this.stop = this.timed[0];
    (this.stop?.button ?? this.list).tabIndex = 0;
    this.place();
    requestAnimationFrame(() => this.highlight());
  }

  remarks(skipped) {
    const { entries, timed } = this;
    return [
      !entries.length && h("p", {}, "The transcript has no turns: nothing was said."),
      entries.length > 0 && !timed.length && h("p", {}, "The turns have no times, so they cannot be played or highlighted."),
      skipped > 0 && h("p", {}, `Entries that could not be read: ${skipped}. The Events tab shows them.`),
    ];
  }

  click({ target }) {
    const entry = this.entries[target.closest(".turn")?.dataset.index];
    if (!entry || entry.turn.start === null) return;
    if (target.closest(".now")) this.player.isSaidNow(entry.turn);
    else if (target.closest(".at") || !(target.closest("details, a") || String(getSelection()))) {
      this.stopAt(entry);
      this.player.playFrom(entry.turn);
      if (this.player.covers(entry.turn)) this.follow();
    }
  }

  press(event) {
    if (event.key.startsWith("Page")) this.pauseFollowing();
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || !event.target.matches(".at")) return;
    event.preventDefault();
    const at = this.timed.indexOf(this.stop) + step;
    this.pauseFollowing();
    this.stopAt(this.timed[Math.max(0, Math.min(this.timed.length - 1, at))]);
    this.stop.button.focus();
  }

  stopAt(entry) {
    this.stop.button.tabIndex = -1;
    this.stop = entry;
    entry.button.tabIndex = 0;
  }

  highlight() {
    const { position, video } = this.player;
    this.element.classList.toggle("plays", video !== null);
    const entry = position === null ? null : this.timed.findLast(({ turn }) => turn.start <= position + TICK);
    if (entry === this.current) return;
    this.current?.element.removeAttribute("aria-current");
    this.current = entry;
    entry?.element.setAttribute("aria-current", "true");
    this.reveal();
  }

  reveal() {
    const { list } = this;
    const scroll = () => {
      if (this.current && this.isFollowing) list.scrollTop += this.current.element.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 3;
    };
    scroll();
    // Turns that have not been drawn have an estimated height: now they are drawn.
    requestAnimationFrame(scroll);
  }

  pauseFollowing() {
    if (!this.player.video || this.list.scrollHeight <= this.list.clientHeight) return;
    this.isFollowing = this.resume.hidden = false;
  }

  follow() {
    this.isFollowing = this.resume.hidden = true;
    this.reveal();
  }

  place() {
    const { isPlayable, offset } = this.player;
    this.element.classList.toggle("unplaced", isPlayable && offset === null);
    for (const { turn, element } of this.timed) element.classList.toggle("outside", isPlayable && offset !== null && !this.player.covers(turn));
  }
}

function renderTurn(entry, index) {
  const { turn } = entry;
  const isTimed = turn.start !== null;
  if (isTimed) entry.button = h("button", { type: "button", class: "at", tabindex: -1, "aria-label": `Play from ${clockText(turn.start)}` }, clockText(turn.start));
  return entry.element = h("div", { class: `turn ${turn.role}`, role: "listitem", "data-index": index },
    entry.button ?? h("span"),
    h("div", { class: "words" },
      h("span", { class: "who" }, said(turn.speaker || (NAMES[turn.role] ?? turn.role))),
      turn.role === "tool" ? fold("Answer", () => json(turn.text)) : turn.text && h("p", { dir: "auto" }, turn.text),
      turn.scene && h("p", { class: "scene", dir: "auto" }, turn.scene),
      turn.tool_calls.map((call) => fold([badge("tool"), " ", said(call.name ?? "unnamed")], () => [
        tree(call.arguments), call.answers.map(({ text }) => [h("p", { class: "dim" }, "Answer"), json(text)])]))),
    isTimed && h("button", { type: "button", class: "now quiet", title: "The recording is at the start of this turn now" }, "Said now"));
}

/** Browsers leave out the layout of whole chunks that are out of sight. That is four times as fast as turn by turn. */
function chunks(turns) {
  return Array.from({ length: Math.ceil(turns.length / CHUNK) }, (_, index) => h("div", { class: "chunk", role: "none" }, turns.slice(index * CHUNK, (index + 1) * CHUNK)));
}

function json(text) {
  try {
    return tree(JSON.parse(text));
  } catch {
    return h("p", { dir: "auto" }, text);
  }
}

function sortByStart(turns) {
  let start = 0;
  return turns.map((turn) => [start = turn.start ?? start, turn]).sort(([a], [b]) => a - b).map(([, turn]) => turn);
}
