// The keyboard: a page registers what its keys do; none of them works while an input has the focus.

import { fill, h } from "/console/dom.js";

const EVERYWHERE = { "?": "this help", Escape: "back, or close", "/": "filters" };
let actions = {};

/** Sets the page's keys: a key with its words for the help and what to do. */
export function setKeys(keys, signal) {
  actions = keys;
  signal.addEventListener("abort", () => { if (actions === keys) actions = {}; });
}

export function handleKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  // Space presses the button, opens the fold or plays the video that has the focus.
  if (event.key === " " && event.target.closest("button, summary, video")) return;
  if (event.key === "?") return help();
  const action = actions[event.key];
  if (action) {
    event.preventDefault();
    action.run();
  }
}

function isTyping(element) {
  return element.closest("input, select, textarea, dialog, [contenteditable]") !== null;
}

function help() {
  const rows = Object.entries(actions).map(([key, { words }]) => [key, words]);
  const all = [...rows, ...Object.entries(EVERYWHERE).filter(([key]) => !actions[key])];
  const dialog = h("dialog", { class: "help", "aria-label": "Keys" },
    h("h2", {}, "Keys"),
    h("dl", {}, all.map(([key, words]) => [h("dt", {}, h("kbd", {}, key === " " ? "Space" : key)), h("dd", {}, words)])),
    h("form", { method: "dialog" }, h("button", {}, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
