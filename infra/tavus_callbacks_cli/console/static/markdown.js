// Markdown of an analysis as DOM nodes: headings, lists, emphasis, code. Links, images and HTML stay text.

import { h } from "/console/dom.js";

// None of these can backtrack over a long line.
const FENCE = /^\s*```/;
const HEADING = /^ {0,3}#{1,6}\s+(?=\S)/;
const ITEM = /^\s*(?:([-*+])|\d{1,9}[.)])\s+(?=\S)/;
const RULE = /^ {0,3}([-*_])( ?\1){2,}\s*$/;

// Only the marks around a word count, so `a * b` and `snake_case` stay as they are.
const MARKS = /(`[^`]+`)|(\*\*(?=\S)(?:[^*]|\*(?!\*))+?\*\*|__(?=\S)[^_]+?__)|(?<!\w)([*_])(?=\S)([^*_]+?)\3(?!\w)/g;

/** Returns the nodes of a text in Markdown. */
export function markdown(text) {
  const reader = new Reader();
  for (const line of text.split(/\r?\n/)) reader.read(line);
  return reader.end();
}

/** Reads line by line; a paragraph, a list or a code block stays open until another block begins. */
class Reader {
  constructor() {
    this.blocks = [];
    this.open = null;
  }

  read(line) {
    if (this.open?.tag === "pre") this.readCode(line);
    else if (FENCE.test(line)) this.start("pre");
    else if (RULE.test(line)) this.start("hr").close();
    else if (HEADING.test(line)) this.start("h3").add(line.replace(HEADING, "")).close();
    else if (ITEM.test(line)) this.readItem(line);
    else if (!line.trim()) this.close();
    else if (this.open?.tag === "ul" || this.open?.tag === "ol") this.open.lines.push(`${this.open.lines.pop()} ${line.trim()}`);
    else (this.open ? this : this.start("p")).add(line.trim());
  }

  readCode(line) {
    if (FENCE.test(line)) this.close();
    else this.add(line);
  }

  readItem(line) {
    const [mark, bullet] = ITEM.exec(line);
    const tag = bullet ? "ul" : "ol";
    if (this.open?.tag !== tag) this.start(tag);
    this.add(line.slice(mark.length));
  }

  start(tag) {
    this.close();
    this.open = { tag, lines: [] };
    return this;
  }

  add(line) {
    this.open.lines.push(line);
    return this;
  }

  close() {
    if (this.open) this.blocks.push(block(this.open));
    this.open = null;
  }

  end() {
    this.close();
    return this.blocks;
  }
}

function block({ tag, lines }) {
  if (tag === "hr") return h("hr");
  if (tag === "pre") return h("pre", { dir: "auto" }, lines.join("\n"));
  if (tag === "ul" || tag === "ol") return h(tag, {}, lines.map((line) => h("li", { dir: "auto" }, inline(line))));
  return h(tag, { dir: "auto" }, inline(lines.join(" ")));
}

function inline(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(MARKS)) {
    nodes.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[1]) nodes.push(h("code", {}, match[1].slice(1, -1)));
    else if (match[2]) nodes.push(h("strong", {}, match[2].slice(2, -2)));
    else nodes.push(h("em", {}, match[4]));
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}
