// The transcript: click a turn to play from it; the turn being spoken is highlighted and followed.

import { fill, h, said } from "/console/dom.js";
import { badge } from "/console/parts.js";
import { clockText } from "/console/time.js";
import { tree } from "/console/tree.js";

const NAMES = { user: "User", assistant: "Replica", tool: "Tool", system: "System" };

/** Shows turns beside a player; follows the position unless somebody scrolls away. */
export class Transcript {
  constructor({ turns, player, signal }) {
    // The API keeps the sender's order among turns without times; a search needs the order of starts.
    this.turns = turns.map((turn) => ({ turn })).sort((one, other) => (one.turn.start ?? Infinity) - (other.turn.start ?? Infinity));
    this.timed = this.turns.filter(({ turn }) => turn.start !== null);
    this.player = player;
    this.current = null;
    this.isFollowing = true;
    this.list = h("ol", { class: "turns" }, this.turns.map((entry) => this.renderTurn(entry)));
    this.resume = h("button", { type: "button", class: "follow", hidden: true, onclick: () => this.follow() }, "Follow the recording");
    this.element = h("div", { class: "transcript" }, this.list, this.resume);
    player.addEventListener("position", () => this.highlight(), { signal });
    player.addEventListener("offset", () => this.dim(), { signal });
    for (const name of ["wheel", "touchmove"]) this.list.addEventListener(name, () => this.pauseFollowing(), { signal, passive: true });
    this.dim();
  }

  renderTurn(entry) {
    const { turn } = entry;
    const isPlayable = turn.start !== null;
    const start = isPlayable
      ? h("button", { type: "button", class: "at", onclick: () => this.player.playFrom(turn.start) }, clockText(turn.start))
      : h("span", { class: "at" });
    entry.start = start;
    entry.element = h("li", { class: `turn ${turn.role}`, onclick: (event) => this.click(event, turn) },
      start,
      h("div", { class: "words" },
        h("span", { class: "who" }, turn.speaker ? said(turn.speaker) : NAMES[turn.role] ?? turn.role),
        turn.text && h("p", { dir: "auto" }, turn.text),
        turn.scene && h("p", { class: "scene", dir: "auto" }, turn.scene),
        turn.tool_calls.map(renderToolCall)));
    return entry.element;
  }

  /** Plays from a turn, unless the click selects text or means something inside. */
  click(event, turn) {
    if (turn.start === null || event.target.closest("button, summary, details, a") || String(getSelection())) return;
    this.player.playFrom(turn.start);
  }

  highlight() {
    const { position } = this.player;
    const entry = position === null ? null : last(this.timed, position);
    if (entry === this.current) return;
    this.current?.element.removeAttribute("aria-current");
    this.current = entry;
    entry?.element.setAttribute("aria-current", "true");
    if (entry && this.isFollowing) this.scrollTo(entry);
  }

  scrollTo({ element }) {
    const { list } = this;
    list.scrollTo({ top: element.offsetTop - list.offsetTop - list.clientHeight / 3, behavior: "instant" });
  }

  pauseFollowing() {
    if (!this.player.video) return;
    this.isFollowing = false;
    this.resume.hidden = false;
  }

  follow() {
    this.isFollowing = true;
    this.resume.hidden = true;
    if (this.current) this.scrollTo(this.current);
  }

  /** Dims the turns that are not in the recording. */
  dim() {
    const isKnown = this.player.offset !== null;
    for (const { turn, element } of this.turns) element.classList.toggle("outside", isKnown && turn.start !== null && !this.player.covers(turn.start));
  }
}

function renderToolCall(call) {
  return h("details", { class: "tool" },
    h("summary", {}, badge("tool"), " ", said(call.name ?? "unnamed")),
    h("div", { class: "tree" }, tree(call.arguments)),
    call.answers?.length ? h("div", { class: "tree" }, tree(call.answers)) : null);
}

/** Returns the last entry that starts at a position or before it, or null. */
function last(entries, position) {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle].turn.start <= position) low = middle + 1;
    else high = middle;
  }
  return low ? entries[low - 1] : null;
}
