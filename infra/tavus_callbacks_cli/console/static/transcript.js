// The transcript: click a turn to play from it; the turn that is being spoken is highlighted and followed.

import { get, segment } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { badge, empty, notice } from "/console/parts.js";
import { clockText, spanText } from "/console/time.js";
import { tree } from "/console/tree.js";

const NAMES = { user: "User", assistant: "Replica", tool: "Tool", system: "System" };
// A video seeks to a whole number of its own ticks, which may be just before the turn.
const TICK = 0.01;
const CHUNK = 50;
const SCROLL_KEYS = ["PageUp", "PageDown"];

/** Returns the element of the Transcript tab, and the keys that it adds to those of the player; raises ApiError. */
export async function transcript({ conversation, player, signal }) {
  if (!conversation.transcript) return { element: noTranscript(conversation), keys: {} };
  const path = `/conversations/${segment(conversation.conversation_id)}/transcript`;
  return new Transcript({ ...await get(path, {}, { signal }), path, player, signal });
}

function noTranscript({ missing, status }) {
  const part = missing.find(({ what }) => what === "transcript");
  const usual = part ? `It usually arrives within ${spanText(part.usual_delay)} after the end.` : "Tavus sends it after the end.";
  return empty("No transcript", h("p", {}, `No transcript has arrived for this conversation. ${status === "active" ? "The conversation has not ended." : usual}`),
    h("p", {}, "It is offered here when it arrives. The Events tab shows what has arrived."));
}

/** Shows turns beside a player; follows the position unless somebody scrolls away. */
class Transcript {
  constructor({ turns, skipped = 0, repeated = 0, path, player, signal }) {
    Object.assign(this, { player, signal, path, current: null, isFollowing: true });
    this.entries = sortByStart(turns).map((turn) => ({ turn }));
    this.timed = this.entries.filter(({ turn }) => turn.start !== null);
    this.list = h("div", { class: "turns", role: "list", "aria-label": "Turns" }, chunks(this.entries.map(renderTurn)));
    this.resume = h("button", { type: "button", class: "primary follow", hidden: true, onclick: () => this.follow() }, "Follow the recording");
    this.element = h("div", { class: "transcript" },
      h("div", { class: "remarks" }, this.remarks(skipped, repeated), this.prompt()), this.list, this.resume);
    this.listen();
    // With one stop for the Tab key; arrows move it.
    if (this.timed.length) this.timed[0].button.tabIndex = 0;
    else this.list.tabIndex = 0;
    this.place();
    requestAnimationFrame(() => this.highlight());
  }

  listen() {
    const { player, list, signal } = this;
    player.addEventListener("position", () => this.highlight(), { signal });
    player.addEventListener("offset", () => this.place(), { signal });
    for (const name of ["wheel", "touchmove"]) list.addEventListener(name, () => this.pauseFollowing(), { signal, passive: true });
    // Outside of the turns there is only the scrollbar.
    list.addEventListener("pointerdown", (event) => { if (event.target === list) this.pauseFollowing(); }, { signal });
    list.addEventListener("click", (event) => this.click(event), { signal });
    list.addEventListener("keydown", (event) => this.press(event), { signal });
  }

  remarks(skipped, repeated) {
    const { entries, timed } = this;
    return [
      !entries.length && h("p", {}, "The transcript has no turns: nothing was said."),
      entries.length > 0 && !timed.length && h("p", {}, "The turns have no times, so they cannot be played or highlighted."),
      skipped > 0 && h("p", {}, `Entries that could not be read: ${skipped}. The Events tab shows them.`),
      repeated > 0 && h("p", {}, `Entries that came twice and are shown once: ${repeated}.`),
    ];
  }

  /** Returns the fold of the system prompt, which is asked for when it is opened. */
  prompt() {
    const text = h("div", {});
    const show = async () => {
      fill(text, h("p", { role: "status" }, "Loading…"));
      try {
        const { turns } = await get(this.path, { include: "system" }, { signal: this.signal });
        const prompts = turns.filter(({ role }) => role === "system");
        fill(text, prompts.length ? prompts.map((turn) => h("p", { class: "prompt", dir: "auto", tabindex: 0 }, turn.text)) : h("p", {}, "The transcript has no system prompt."));
      } catch (error) {
        if (error.name !== "AbortError") fill(text, notice(error, { again: show }));
      }
    };
    const fold = h("details", {}, h("summary", {}, "System prompt"), text);
    fold.addEventListener("toggle", () => { if (fold.open && !text.hasChildNodes()) show(); });
    return fold;
  }

  // Clicks and keys.

  entryOf(node) {
    const item = node.closest(".turn");
    return item ? this.entries[item.dataset.index] : null;
  }

  /** Plays from a turn, unless the click selects text or means something inside. */
  click({ target }) {
    const entry = this.entryOf(target);
    if (!entry || entry.turn.start === null) return;
    if (target.closest(".now")) this.player.isSaidNow(entry.turn);
    else if (target.closest(".at") || !(target.closest("summary, details, a") || String(getSelection()))) this.playFrom(entry);
  }

  playFrom(entry) {
    this.stopAt(entry);
    this.player.playFrom(entry.turn);
    if (this.player.covers(entry.turn)) this.follow();
  }

  press(event) {
    const { key, target } = event;
    if (SCROLL_KEYS.includes(key)) this.pauseFollowing();
    const moves = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    if (target.matches(".at") && key in moves) this.step(moves[key]);
    else if (target.matches(".at") && key === " ") this.player.toggle();
    else return;
    event.preventDefault();
  }

  /** Moves the focus by some turns. */
  step(count) {
    const { timed } = this;
    if (!timed.length) return;
    const from = timed.indexOf(this.stop ?? this.current ?? timed[0]);
    const isFirst = !this.list.contains(document.activeElement);
    const entry = timed[Math.max(0, Math.min(timed.length - 1, isFirst ? from : from + count))];
    this.pauseFollowing();
    this.stopAt(entry);
    entry.button.focus();
  }

  /** Makes a turn the one stop of the Tab key. */
  stopAt(entry) {
    (this.stop ?? this.timed[0]).button.tabIndex = -1;
    this.stop = entry;
    entry.button.tabIndex = 0;
  }

  get keys() {
    return {
      j: { words: "next turn", run: () => this.step(1) },
      k: { words: "previous turn", run: () => this.step(-1) },
      f: { words: "follow the recording", run: () => this.follow() },
      n: { words: "the turn with the focus is being said now", run: () => this.sayNow() },
    };
  }

  sayNow() {
    const entry = this.entryOf(document.activeElement ?? this.list) ?? this.stop;
    if (entry) this.player.isSaidNow(entry.turn);
  }

  // Following the player.

  highlight() {
    const { position } = this.player;
    this.element.classList.toggle("plays", this.player.video !== null);
    const entry = position === null ? null : lastBefore(this.timed, position + TICK);
    if (entry === this.current) return;
    this.current?.element.removeAttribute("aria-current");
    this.current = entry;
    entry?.element.setAttribute("aria-current", "true");
    if (entry && this.isFollowing) this.reveal(entry);
  }

  /** Scrolls the list, and not the page, to a turn. */
  reveal({ element }) {
    const { list } = this;
    const top = () => element.getBoundingClientRect().top - list.getBoundingClientRect().top + list.scrollTop - list.clientHeight / 3;
    list.scrollTop = top();
    // Turns that have not been drawn have an estimated height: now they are drawn.
    requestAnimationFrame(() => { if (this.isFollowing) list.scrollTop = top(); });
  }

  pauseFollowing() {
    if (!this.player.video || this.list.scrollHeight <= this.list.clientHeight) return;
    this.isFollowing = false;
    this.resume.hidden = false;
  }

  follow() {
    this.isFollowing = true;
    this.resume.hidden = true;
    if (this.current) this.reveal(this.current);
  }

  /** Dims the turns that are not in the recording. */
  place() {
    const { player } = this;
    this.element.classList.toggle("unplaced", player.isPlayable && player.offset === null);
    const isPlaced = player.isPlayable && player.offset !== null;
    for (const { turn, element } of this.timed) element.classList.toggle("outside", isPlaced && !player.covers(turn));
  }
}

function renderTurn(entry, index) {
  const { turn } = entry;
  const isTimed = turn.start !== null;
  if (isTimed) entry.button = h("button", { type: "button", class: "at", tabindex: -1, "aria-label": `Play from ${clockText(turn.start)}` }, clockText(turn.start));
  entry.element = h("div", { class: `turn ${turn.role}`, role: "listitem", "data-index": index },
    entry.button ?? h("span", {}),
    h("div", { class: "words" },
      h("span", { class: "who" }, turn.speaker ? said(turn.speaker) : NAMES[turn.role] ?? turn.role),
      turn.role === "tool" ? fold(turn.text) : turn.text && h("p", { dir: "auto" }, turn.text),
      turn.scene && h("p", { class: "scene", dir: "auto" }, turn.scene),
      turn.tool_calls.map(toolCall)),
    isTimed && h("button", { type: "button", class: "now quiet", title: "The recording is at the start of this turn now" }, "Said now"));
  return entry.element;
}

/** Browsers leave out the layout of whole chunks that are out of sight. That is four times as fast as turn by turn. */
function chunks(turns) {
  return Array.from({ length: Math.ceil(turns.length / CHUNK) }, (_, index) =>
    h("div", { class: "chunk", role: "none" }, turns.slice(index * CHUNK, (index + 1) * CHUNK)));
}

function toolCall(call) {
  return foldOf([badge("tool"), " ", said(call.name ?? "unnamed")], () => [
    tree(call.arguments), call.answers.map(({ text }) => [h("p", { class: "dim" }, "Answer"), json(text)])]);
}

function fold(text) {
  return foldOf("Answer", () => json(text));
}

/** Returns a fold whose content is made when it is opened. */
function foldOf(summary, build) {
  const content = h("div", { class: "tree" });
  const details = h("details", { class: "tool" }, h("summary", {}, summary), content);
  details.addEventListener("toggle", () => { if (!content.hasChildNodes()) fill(content, build()); }, { once: true });
  return details;
}

function json(text) {
  try {
    return tree(JSON.parse(text));
  } catch {
    return h("p", { dir: "auto" }, text);
  }
}

/** Returns turns in order of their starts; a turn without one stays behind the turn before it. */
function sortByStart(turns) {
  let start = 0;
  const pairs = turns.map((turn) => [start = turn.start ?? start, turn]);
  return pairs.sort(([one], [other]) => one - other).map(([, turn]) => turn);
}

/** Returns the last entry that starts at a position or before it, or null. */
function lastBefore(entries, position) {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle].turn.start <= position) low = middle + 1;
    else high = middle;
  }
  return low ? entries[low - 1] : null;
}
