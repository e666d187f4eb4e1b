// Markdown of an analysis as DOM nodes: headings, lists, emphasis, code. Links, images and HTML stay text.

import { h, said } from "/console/dom.js";

/** Returns the nodes of a text in Markdown. */
export function markdown(text) {
  const blocks = [];
  let paragraph = [];
  let list = null;
  let code = null;
  function end() {
    if (paragraph.length) blocks.push(h("p", { dir: "auto" }, inline(paragraph.join(" "))));
    if (list) blocks.push(h(list.tag, {}, list.items.map((item) => h("li", { dir: "auto" }, inline(item)))));
    [paragraph, list] = [[], null];
  }
  for (const line of text.split(/\r?\n/)) {
    const fence = /^\s*```/.test(line);
    const heading = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    const item = /^\s*(?:([-*+])|\d{1,9}[.)])\s+(.*)$/.exec(line);
    if (code) {
      if (fence) {
        blocks.push(h("pre", { dir: "auto" }, code.join("\n")));
        code = null;
      } else code.push(line);
    } else if (fence) {
      end();
      code = [];
    } else if (heading) {
      end();
      blocks.push(h("h4", { dir: "auto" }, inline(heading[2])));
    } else if (item) {
      const tag = item[1] ? "ul" : "ol";
      if (list?.tag !== tag) {
        end();
        list = { tag, items: [] };
      }
      list.items.push(item[2]);
    } else if (!line.trim()) end();
    else if (list) list.items[list.items.length - 1] += ` ${line.trim()}`;
    else paragraph.push(line.trim());
  }
  if (code) blocks.push(h("pre", { dir: "auto" }, code.join("\n")));
  end();
  return blocks;
}

// Only the marks around a word count, so `a * b` and `snake_case` stay as they are.
const MARKS = /(`[^`]+`)|(\*\*(?=\S)(?:[^*]|\*(?!\*))+?\*\*|__(?=\S)[^_]+?__)|(?<!\w)([*_])(?=\S)([^*_]+?)\3(?!\w)/g;

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
