// The transcript: click a turn to play from it; the turn that is being spoken is highlighted and followed.

import { get, segment } from "/console/api.js";
import { h, said } from "/console/dom.js";
import { badge, empty } from "/console/parts.js";
import { clockText, spanText } from "/console/time.js";
import { fold, tree } from "/console/tree.js";

const NAMES = { user: "User", assistant: "Replica", tool: "Tool", system: "System" };
// A video seeks to a whole number of its own ticks, which may be just before the turn.
const TICK = 0.01;
const CHUNK = 50;

/** Returns the element of the Transcript tab; raises ApiError. */
export async function transcript({ conversation, player, signal }) {
  const { conversation_id: id, transcript: summary, missing, status } = conversation;
  if (summary) return new Transcript(await get(`/conversations/${segment(id)}/transcript`, {}, { signal }), player, signal).element;
  const part = missing.find(({ what }) => what === "transcript");
  const usual = part ? `It usually arrives within ${spanText(part.usual_delay)} after the end.` : "Tavus sends it after the end.";
  return empty("No transcript", h("p", {}, status === "active" ? "The conversation has not ended. " : "", usual), h("p", {}, "The Events tab shows what has arrived."));
}

/** Shows turns beside a player; follows the position unless somebody scrolls away. */
class Transcript {
  constructor({ turns, skipped = 0, repeated = 0 }, player, signal) {
    Object.assign(this, { player, current: null, isFollowing: true });
    this.entries = sortByStart(turns).map((turn) => ({ turn }));
    this.timed = this.entries.filter(({ turn }) => turn.start !== null);
    const pause = () => this.pauseFollowing();
    this.list = h("div", {
      class: "turns", role: "list", "aria-label": "Turns", onwheel: pause, ontouchmove: pause,
      // Outside of the turns there is only the scrollbar.
      onpointerdown: ({ target }) => { if (target === this.list) pause(); },
      onclick: (event) => this.click(event), onkeydown: (event) => this.press(event),
    }, chunks(this.entries.map(renderTurn)));
    this.resume = h("button", { type: "button", class: "primary follow", hidden: true, onclick: () => this.follow() }, "Follow the recording");
    this.element = h("div", { class: "transcript" }, h("div", { class: "remarks" }, this.remarks(skipped, repeated)), this.list, this.resume);
    player.addEventListener("position", () => this.highlight(), { signal });
    player.addEventListener("offset", () => this.place(), { signal });
    // With one stop for the Tab key; arrows move it.
    this.stop = this.timed[0];
    (this.stop?.button ?? this.list).tabIndex = 0;
    this.place();
    requestAnimationFrame(() => this.highlight());
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

  /** Plays from a turn, unless the click selects text or means something inside. */
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

  /** Scrolls the list, and not the page, to the current turn. */
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

  /** Dims the turns that are not in the recording. */
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
      h("span", { class: "who" }, turn.speaker ? said(turn.speaker) : NAMES[turn.role] ?? turn.role),
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

/** Returns turns in order of their starts; a turn without one stays behind the turn before it. */
function sortByStart(turns) {
  let start = 0;
  return turns.map((turn) => [start = turn.start ?? start, turn]).sort(([a], [b]) => a - b).map(([, turn]) => turn);
}
