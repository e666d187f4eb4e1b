// The lane as a picture: speech by speaker, marks, and what the recording covers. One slider moves through all points.

import { fill, h, s, said } from "/console/dom.js";
import { clockText, timeText } from "/console/time.js";

const FRAME = ["joined", "speech", "ended", "recording"];
const HALVES = { user: 18, assistant: 36 };
const LINES = ["joined", "ended"];
// Shapes differ, so that nobody needs the colours.
const SHAPES = { tool: "M-4-4h8v8h-8z", objective: "M0-5l5 5l-5 5l-5-5z", guardrail: "M0-5l5 9h-10z", canvas: "M-5-2h10v4h-10z", other: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0" };
const LEGEND = { joined: "joined, ended", tool: "tool", objective: "objective", guardrail: "guardrail", canvas: "card", other: "other" };
const PAGE_STEP = 10;

/** Draws points; arrows move through them, Enter or a click plays from one. */
export class Strip {
  constructor({ points, clock, player, signal }) {
    Object.assign(this, { clock, player, index: 0 });
    this.element = h("div", { class: "strip" });
    // What follows the call minutes later would squeeze the call, so it is in the list only.
    if (!this.span(points.filter(({ kind }) => FRAME.includes(kind))) && !this.span(points)) return;
    this.points = points.filter(({ at }) => at >= this.from && at <= this.to);
    this.build();
    player.addEventListener("position", () => this.follow(), { signal });
    this.follow();
  }

  /** Takes the time from the first to the last of some points; returns whether there is any. */
  span(points) {
    this.from = points.reduce((least, { at }) => Math.min(least, at), Infinity);
    this.to = points.reduce((most, { until }) => Math.max(most, until), -Infinity);
    return this.to > this.from;
  }

  build() {
    this.cursor = s("line", { class: "cursor", y1: 0, y2: 76 });
    this.head = s("line", { class: "head", y1: 0, y2: 76 });
    this.picture = s("svg", { "aria-hidden": "true" },
      s("rect", { class: "ground", y: 14, width: "100%", height: 42, rx: 4 }), this.points.map((each) => this.mark(each)), this.ticks(), this.head, this.cursor);
    this.slider = h("div", {
      class: "slider", role: "slider", tabindex: 0, "aria-label": "Points of the call", "aria-valuemin": 1, "aria-valuemax": this.points.length,
      onkeydown: (event) => this.press(event), onclick: (event) => this.click(event), onpointermove: (event) => this.select(this.nearest(event)),
    }, this.picture);
    this.caption = h("p", { class: "caption" });
    fill(this.element, this.slider, this.caption, this.legend());
    this.select(0);
  }

  /** Returns a time's place as a percentage of the width. */
  x(at) {
    return `${(100 * (at - this.from)) / (this.to - this.from)}%`;
  }

  mark({ kind, role, at, until }) {
    const width = `${Math.max(0.15, (100 * (until - at)) / (this.to - this.from))}%`;
    if (kind === "recording") return until > at && s("rect", { class: "recording", x: this.x(at), width, y: 3, height: 6, rx: 3 });
    if (kind === "speech") return s("rect", { class: `speech ${role}`, x: this.x(at), width, y: HALVES[role] ?? HALVES.user, height: 16 });
    if (LINES.includes(kind)) return s("line", { class: kind, x1: this.x(at), x2: this.x(at), y1: 12, y2: 58 });
    return s("svg", { class: "shape", x: this.x(at), y: 67, overflow: "visible" }, s("path", { class: kind, d: SHAPES[kind] ?? SHAPES.other }));
  }

  ticks() {
    const anchors = ["start", "middle", "middle", "middle", "end"];
    return anchors.map((anchor, index) => {
      const at = this.from + ((this.to - this.from) * index) / (anchors.length - 1);
      const { zero } = this.clock;
      const words = zero === null ? timeText(new Date(at).toISOString(), { date: false }) : clockText((at - zero) / 1000);
      return s("text", { class: index % 2 && "minor", x: `${index * 25}%`, y: 90, "text-anchor": anchor }, words);
    });
  }

  legend() {
    const roles = new Set(this.points.map((each) => each.role));
    const kinds = new Set(this.points.map(({ kind }) => (kind === "ended" ? "joined" : kind)));
    const entry = (name, shape) => h("li", {}, s("svg", { width: 14, height: 12, "aria-hidden": "true" }, shape), name);
    const bar = (name, words) => entry(words, s("rect", { class: name, y: 2, width: 14, height: 8 }));
    return h("ul", { class: "legend" },
      roles.has("user") && bar("speech user", "user"), roles.has("assistant") && bar("speech assistant", "replica"),
      kinds.has("recording") && bar("recording", "recording"),
      Object.entries(LEGEND).filter(([kind]) => kinds.has(kind)).map(([kind, words]) => entry(words, LINES.includes(kind)
        ? s("line", { class: kind, x1: 7, x2: 7, y1: 0, y2: 12 })
        : s("svg", { x: 7, y: 6, overflow: "visible" }, s("path", { class: kind, d: SHAPES[kind] })))));
  }

  nearest(event) {
    const box = this.slider.getBoundingClientRect();
    const at = this.from + ((this.to - this.from) * (event.clientX - box.left)) / box.width;
    const distance = (each) => Math.max(each.at - at, at - each.until, 0) + Math.abs(each.at - at) / 1e6;
    let best = 0;
    this.points.forEach((each, index) => { if (distance(each) < distance(this.points[best])) best = index; });
    return best;
  }

  select(index) {
    this.index = Math.max(0, Math.min(this.points.length - 1, index));
    const chosen = this.points[this.index];
    const name = chosen.speaker ?? chosen.name;
    const words = this.clock.zero === null ? timeText(chosen.iso, { date: false }) : clockText((chosen.at - this.clock.zero) / 1000);
    for (const side of ["x1", "x2"]) this.cursor.setAttribute(side, this.x(chosen.at));
    this.slider.setAttribute("aria-valuenow", this.index + 1);
    this.slider.setAttribute("aria-valuetext", `${words} ${name} ${chosen.text}`.slice(0, 200));
    fill(this.caption, h("span", { class: "dim" }, `${words} `), h("strong", {}, said(name)), " ", said(chosen.text));
  }

  press(event) {
    const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: PAGE_STEP, PageDown: -PAGE_STEP, Home: -Infinity, End: Infinity };
    if (event.key in moves) this.select(this.index + moves[event.key]);
    else if (event.key === "Enter") this.clock.play(this.points[this.index]);
    else return;
    event.preventDefault();
  }

  click(event) {
    this.select(this.nearest(event));
    this.clock.play(this.points[this.index]);
  }

  /** Moves the line of the player. */
  follow() {
    const { position } = this.player;
    const at = position === null || this.clock.origin === null ? null : this.clock.origin + position * 1000;
    const isShown = at !== null && at >= this.from && at <= this.to;
    this.head.classList.toggle("hidden", !isShown);
    if (isShown) for (const side of ["x1", "x2"]) this.head.setAttribute(side, this.x(at));
  }
}
