// JSON as a tree: objects and lists fold, text stays text.

import { h, said } from "/console/dom.js";

const OPEN_DEPTH = 2;
const MOST_ITEMS = 200;
const MOST_CHARACTERS = 500;

/** Returns the tree of a JSON value; what is deeper than two levels is folded. `name` stands before the value. */
export function tree(value, depth = 0, name = null) {
  const label = name !== null && [said(name, { class: "name" }), ": "];
  if (value === null || typeof value !== "object") return h("span", {}, label, leaf(value));
  const entries = Object.entries(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const mark = (text) => h("span", { class: "punctuation" }, text);
  if (!entries.length) return h("span", {}, label, mark(open + close));
  const list = h("ul", {});
  return lazy(
    h("details", { open: depth < OPEN_DEPTH },
      h("summary", {}, label, mark(`${open} ${entries.length.toLocaleString("en")} ${close}`)), list),
    () => addInParts(list, entries, ([key, each]) => h("li", {}, tree(each, depth + 1, key))));
}

/** Calls `build` when a `<details>` is open for the first time: a fold that nobody opens costs no nodes. */
export function lazy(details, build) {
  let isBuilt = false;
  function open() {
    if (isBuilt || !details.open) return;
    isBuilt = true;
    build();
  }
  details.addEventListener("toggle", open);
  open();
  return details;
}

/** Adds an element per item to a list, 200 at a time; a button adds the next ones. */
export function addInParts(list, items, render, from = 0) {
  list.append(...items.slice(from, from + MOST_ITEMS).map(render));
  const rest = items.length - from - MOST_ITEMS;
  if (rest <= 0) return;
  const more = h("li", {}, h("button", { type: "button", class: "quiet", onclick: next }, `Show more (${rest.toLocaleString("en")} left)`));
  function next() {
    more.remove();
    addInParts(list, items, render, from + MOST_ITEMS);
  }
  list.append(more);
}

function leaf(value) {
  const kind = value === null ? "null" : typeof value;
  if (kind !== "string") return h("span", { class: `leaf ${kind}` }, isRounded(value) ? `≈ ${value}` : String(value));
  if (value.length <= MOST_CHARACTERS) return said(value, { class: "leaf string" });
  // A browser lays out a text of 256 KB in a second, so most of it waits for a click.
  const text = said(`${value.slice(0, MOST_CHARACTERS)}…`, { class: "leaf string" });
  const button = h("button", { type: "button", class: "quiet", onclick: all }, `Show all ${value.length.toLocaleString("en")} characters`);
  function all() {
    text.textContent = value;
    button.remove();
  }
  return h("span", {}, text, " ", button);
}

/** Returns whether a browser cannot hold a number exactly. */
function isRounded(value) {
  return typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
}
