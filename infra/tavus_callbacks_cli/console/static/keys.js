// The keyboard: a page registers what its keys do; none of them works while a field has the focus.

import { h } from "/console/dom.js";

const HELP = { "?": { words: "this help", run: help } };
let actions = {};
let frameActions = {};

/** Sets the page's keys: a key with its `words` for the help and what to `run`; without `run` the browser acts. */
export function setKeys(keys, signal) {
  actions = keys;
  signal.addEventListener("abort", () => { if (actions === keys) actions = {}; });
}

/** Sets the keys that every page has. */
export function setFrameKeys(keys) {
  frameActions = { ...keys, ...HELP };
}

/** Goes where Escape goes. */
export function leave() {
  frameActions.Escape.run();
}

/** Runs the action of a pressed key. */
export function handleKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  // Space presses the button, opens the fold or plays the video that has the focus.
  if (event.key === " " && event.target.closest("button, summary, video")) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape" && !event.target.closest("dialog")) event.target.blur();
    return;
  }
  const action = actions[event.key] ?? frameActions[event.key];
  if (!action?.run) return;
  event.preventDefault();
  action.run();
}

function isTyping(element) {
  return element.closest("input, select, textarea, dialog, [contenteditable]") !== null;
}

/** Shows what the keys do. */
export function help() {
  const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys"),
    h("dl", {}, Object.entries({ ...actions, ...frameActions, ...actions }).map(([key, { words }]) => [
      h("dt", {}, h("kbd", {}, { " ": "Space", Escape: "Esc" }[key] ?? key)), h("dd", {}, words)])),
    h("p", { class: "dim" }, "Keys do nothing while a field has the focus."),
    h("button", { type: "button", class: "primary", autofocus: true, onclick: () => dialog.close() }, "Close"));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
