// JSON as a tree: objects and lists fold, text stays text.

import { fill, h, said } from "/console/base.js";

const OPEN_DEPTH = 2;
const MOST_ITEMS = 200;
const MOST_CHARACTERS = 500;

/** Returns the tree of a JSON value; `name` stands before the value. */
export function tree(value, depth = 0, name = null) {
  const label = name !== null && [said(name, { class: "name" }), ": "];
  if (value === null || typeof value !== "object") return h("span", {}, label, leaf(value));
  const entries = Object.entries(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const mark = (text) => h("span", { class: "punctuation" }, text);
  if (!entries.length) return h("span", {}, label, mark(open + close));
  const list = h("ul");
  return lazy(
    h("details", { open: depth < OPEN_DEPTH }, h("summary", {}, label, mark(`${open} ${entries.length.toLocaleString("en")} ${close}`)), list),
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

/** Returns a fold whose content is built when it is opened. */
export function fold(summary, build, kind = "tree") {
  const body = h("div", { class: kind });
  return lazy(h("details", {}, h("summary", {}, summary), body), () => fill(body, build()));
}

/** Adds an element per item to a list, 200 at a time; a button adds the next ones. */
export function addInParts(list, items, render, from = 0) {
  const next = from + MOST_ITEMS;
  list.append(...items.slice(from, next).map(render));
  if (items.length <= next) return;
  const more = h("li", {}, h("button", { type: "button", class: "quiet", onclick: () => {
    more.remove();
    addInParts(list, items, render, next);
  } }, `Show more (${(items.length - next).toLocaleString("en")} left)`));
  list.append(more);
}

function leaf(value) {
  const kind = value === null ? "null" : typeof value;
  // A browser cannot hold every number exactly.
  if (kind !== "string") return h("span", { class: kind }, Math.abs(value) > Number.MAX_SAFE_INTEGER ? `≈ ${value}` : String(value));
  // It lays out a text of 256 KB in a second, so most of it waits for a click.
  const isLong = value.length > MOST_CHARACTERS;
  const text = said(isLong ? `${value.slice(0, MOST_CHARACTERS)}…` : value, { class: "string" });
  const button = isLong && h("button", { type: "button", class: "quiet", onclick: () => {
    text.textContent = value;
    button.remove();
  } }, `Show all ${value.length.toLocaleString("en")} characters`);
  return h("span", {}, text, " ", button);
}
