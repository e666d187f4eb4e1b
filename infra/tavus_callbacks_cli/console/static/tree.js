// JSON as a tree: objects and lists fold, text stays text.

import { h } from "/console/dom.js";

const OPEN_DEPTH = 2;
const MOST = 200;

/** Returns the tree of a JSON value; what is deeper than two levels is folded. */
export function tree(value, depth = 0) {
  if (value === null || typeof value !== "object") return leaf(value);
  const entries = Array.isArray(value) ? value.map((each, index) => [index, each]) : Object.entries(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (!entries.length) return h("span", { class: "punctuation" }, open + close);
  const list = h("ul", {});
  // A fold that nobody opens costs no nodes.
  const fold = h("details", { class: "fold", open: depth < OPEN_DEPTH },
    h("summary", {}, h("span", { class: "punctuation" }, `${open} ${entries.length} ${close}`)), list);
  let isBuilt = false;
  function build() {
    if (isBuilt || !fold.open) return;
    isBuilt = true;
    add(0);
  }
  function add(from) {
    list.append(...entries.slice(from, from + MOST).map(([name, each]) => h("li", {},
      h("span", { class: "name" }, `${name}: `), tree(each, depth + 1))));
    const rest = entries.length - from - MOST;
    if (rest > 0) {
      const button = h("button", { type: "button", class: "quiet", onclick: () => { item.remove(); add(from + MOST); } }, `${rest} more`);
      const item = h("li", {}, button);
      list.append(item);
    }
  }
  fold.addEventListener("toggle", build);
  build();
  return fold;
}

function leaf(value) {
  const kind = value === null ? "null" : typeof value;
  return h("bdi", { dir: "auto", class: `leaf ${kind}` }, typeof value === "string" ? value : String(value));
}
