// Parts that pages share: notices, badges, links to subjects, commands, keys, filters.

import { config, retryDelay, signIn } from "/console/api.js";
import { agoText, fill, formatRoute, go, h, isUtc, moment, said, timeText, zoneName } from "/console/base.js";

/** Returns an error and a way on: a button calls `again`; what is only read is repeated after a while, and after a sign-in. */
export function notice(error, { again = () => location.reload(), isRead = true } = {}) {
  const { title, text, mayPass } = explain(error);
  const repeats = isRead && mayPass;
  const section = h("section", { class: "notice bad", role: "alert" },
    h("h2", {}, title), h("p", {}, sentence(text)), isSignedOut(error) && signInForm(),
    repeats && h("p", { class: "dim" }, `The page tries again in ${Math.ceil(retryDelay(error))} s.`),
    h("p", {}, h("button", { type: "button", onclick: () => again() }, "Try again")));
  const repeat = () => section.isConnected && again();
  if (isRead) document.addEventListener("try-again", repeat, { once: true });
  if (repeats) setTimeout(() => whenVisible(repeat), retryDelay(error) * 1000);
  return section;
}

function explain({ status, title = "Fault of this page", detail, message }) {
  if (status === 429) return { title: "Too many requests", text: "The API limits how often it answers.", mayPass: true };
  return { title: status === 503 ? "The store does not answer" : title, text: detail || message, mayPass: status === 0 || status >= 500 };
}

/** Returns whether the browser has no session: a 401 for the token of the target has another title. */
export function isSignedOut({ status, title }) {
  return status === 401 && ["Not signed in", "Wrong key"].includes(title);
}

function signInForm() {
  const input = h("input", { "aria-label": "The printed address, or its key", placeholder: "http://127.0.0.1:…/#key=…", required: true, autocomplete: "off", spellcheck: "false" });
  const failure = h("p", { class: "bad-text", role: "status" });
  const submit = (event) => {
    event.preventDefault();
    signIn(input.value).catch((error) => fill(failure, sentence(error.message)));
  };
  return h("form", { class: "sign-in row", onsubmit: submit }, input, h("button", { class: "primary" }, "Sign in"), failure);
}

function whenVisible(run) {
  if (document.visibilityState === "visible") run();
  else document.addEventListener("visibilitychange", run, { once: true });
}

/** Returns a sentence in which `backticks` mark code. */
export function sentence(text) {
  return said(String(text).split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part)));
}

/** Returns the words of a page that has nothing to show, with a way on. */
export function empty(title, ...children) {
  return h("section", { class: "notice" }, h("h2", {}, title), children);
}

/** Returns the words of a page that waits; after some seconds they say that the answer is slow. */
export function loading() {
  return h("p", { class: "loading dim", role: "status" }, "Loading…");
}

/** Returns a time; its tooltip says how long ago that is. */
export function time(iso, options) {
  if (!iso) return h("span", { class: "dim" }, "–");
  return h("time", { datetime: iso, title: `${agoText(iso)} · ${zoneName()}` }, timeText(iso, options));
}

/** Returns a badge; `kind` is ok, bad, warn, live, outline or plain. */
export function badge(text, kind = "plain") {
  return h("span", { class: `badge ${kind}` }, text);
}

/** Returns terms and values of a definition list. */
export function fact(name, ...values) {
  return [h("dt", {}, name), h("dd", {}, values)];
}

/** Returns tags as links to a list with this tag, or as text without a `path`. */
export function tags(values, path = ["conversations"]) {
  const pairs = Object.entries(values).flatMap(([name, value]) => [value].flat().map((each) => `${name}:${each}`));
  return pairs.map((tag) => h(path ? "a" : "span", { class: "tag", href: path && formatRoute(path, { tag }) }, said(tag)));
}

/** Returns a button that copies text and says so only if it worked. */
export function copyButton(label, text) {
  const button = h("button", { type: "button", class: "quiet copy", onclick: copy }, label);
  async function copy() {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? await text() : text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  }
  return button;
}

/** Returns the path from a list to one of its things, as the head of a page. */
export function breadcrumb(href, words, id) {
  return [
    h("nav", { "aria-label": "Breadcrumb", class: "breadcrumb" }, h("a", { href }, words), h("span", { "aria-hidden": "true" }, " /")),
    h("h1", {}, said(id, { class: "mono" })),
  ];
}

// Subjects. Kinds without a list of the read API have events only.

export const LISTS = { __proto__: null, video: "videos", replica: "replicas", document: "documents", lipsync: "lipsync", replacement: "replacements", transcription: "transcriptions", speech: "speech" };
export const TITLES = { __proto__: null, videos: "Videos", replicas: "Replicas", documents: "Documents", lipsync: "Lip syncs", replacements: "Replacements", transcriptions: "Transcriptions", speech: "Speech" };
export const KINDS = ["conversation", ...Object.keys(LISTS), "objective", "guardrail"];

/** Returns the path of a subject's page. */
export function subjectPath(kind, subject) {
  return kind === "conversation" ? ["conversations", subject] : ["resources", LISTS[kind] ?? kind, subject];
}

/** Returns a link to a subject's page. */
export function subjectLink(kind, subject) {
  return h("a", { class: "mono", href: formatRoute(subjectPath(kind, subject)) }, said(subject));
}

// Commands to paste into a terminal. Ids come from strangers: each stays one argument, and none of it is executed.

const RENAMED = { event_type: "event-type", before: "until" };
const OPTIONS = ["kind", "event_type", "label", "tag", "status", "missing", "since", "until", "before", "by"];
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/;
const HIDDEN = /(?! )[\p{C}\p{Z}]/u;
const ESCAPED = /(?! )[\p{C}\p{Z}]|[\\'!]/gu;

/** Returns one argument for bash and zsh, by the rules of output/shell.py. */
function argument(text) {
  if (HIDDEN.test(text)) return `$'${text.replace(ESCAPED, octal)}'`;
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

function octal(character) {
  const bytes = new TextEncoder().encode(character === "\0" ? "\ufffd" : character);
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** Returns a command for the target of this console; `id` is null if it is about no single thing. */
export function command(verb, id, ...flags) {
  return line(verb, id, [...flags, config.option]);
}

/** Returns a command that needs AWS credentials: a URL gives none, so a stack has to be named. */
export function operatorCommand(verb, id, ...flags) {
  return line(verb, id, [...flags, config.option || "--stack NAME"]);
}

function line(verb, id, flags) {
  const names = id === null ? [] : [argument(id)];
  // An id that begins with a dash would be read as an option.
  const words = id?.startsWith("-") ? [...flags, "--", ...names] : [...names, ...flags];
  return ["tavus-callbacks", verb, ...words].filter(Boolean).join(" ");
}

/** Returns a command to read and to copy. */
export function commandLine(text) {
  return h("div", { class: "command" }, h("code", {}, said(text)), copyButton("Copy", text));
}

/** Returns the command that lists the same; null if it has no option for one of the filters. */
export function listCommand(verb, filters, ...flags) {
  const given = Object.entries(filters).filter(([, value]) => value);
  if (given.some(([name]) => !OPTIONS.includes(name))) return null;
  return commandLine(command(verb, null, ...given.map(([name, value]) => `--${RENAMED[name] ?? name} ${argument(value)}`), ...flags));
}

// Keys: a page registers what they do; none of them works while a field has the focus.

let pageKeys = {};
let frameKeys = {};

/** Sets a page's keys: each has `words` for the help and what to `run`; without `run` the browser acts. */
export function setKeys(keys, signal) {
  pageKeys = keys;
  signal.addEventListener("abort", () => { if (pageKeys === keys) pageKeys = {}; });
}

/** Sets the keys that every page has. */
export function setFrameKeys(keys) {
  frameKeys = { ...keys, "?": { words: "this help", run: help } };
}

/** Goes where Escape goes. */
export function leave() {
  frameKeys.Escape.run();
}

/** Runs the action of a pressed key. */
export function handleKey(event) {
  const { key, target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  // Space presses the button, opens the fold or plays the video that has the focus.
  if (key === " " && target.closest("button, summary, video")) return;
  if (target.closest("input, select, textarea, dialog, [contenteditable]")) {
    if (key === "Escape" && !target.closest("dialog")) target.blur();
    return;
  }
  const action = pageKeys[key] ?? frameKeys[key];
  if (!action?.run) return;
  event.preventDefault();
  action.run();
}

/** Shows what the keys do. */
export function help() {
  const close = () => dialog.close();
  const dialog = showDialog("Keys", [
    h("dl", {}, Object.entries({ ...pageKeys, ...frameKeys, ...pageKeys }).map(([key, { words }]) => fact(h("kbd", {}, { " ": "Space", Escape: "Esc" }[key] ?? key), words))),
    h("p", { class: "dim" }, "Keys do nothing while a field has the focus."),
    h("button", { type: "button", class: "primary", autofocus: true, onclick: close }, "Close")]);
}

/** Opens a dialog that is gone when it is closed. */
export function showDialog(title, content) {
  const dialog = h("dialog", { "aria-label": title, onclose: () => dialog.remove() }, h("h2", {}, title), content);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// The form of a list's filters, and the times that people type into it.

/** The filter that every list has. */
export const SIMULATED = { name: "simulated", label: "Simulated", values: { "": "shown", false: "hidden", true: "only" } };

/** Returns a form whose submission goes to `path`; a field has `values` (a list, or words by value), `isTime` or `hint`. */
export function filterForm({ path, query, fields, keep = {} }) {
  const form = h("form", { class: "filters", role: "search", "aria-label": "Filters", onsubmit: submit, onchange: submit }, fields.map(field), h("button", {}, "Filter"));
  const fold = h("details", { class: "filter-fold", open: matchMedia("(min-width: 1001px)").matches }, h("summary", {}, "Filters"), form);
  const element = h("div", { class: "filtering" }, fold, h("div", { class: "row chips" }));
  showFilters(element, { path, query, fields, keep });
  return element;

  function submit(event) {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    for (const { name } of fields.filter(({ isTime }) => isTime)) {
      const input = form.elements[name];
      const time = readTime(values[name]);
      input.setCustomValidity(time === null ? `'${values[name]}' is not a time. Use 2h, 3d or 2026-11-28T10:00Z.` : "");
      if (!input.reportValidity()) return;
      values[name] = time;
    }
    go(path, { ...keep, ...values });
  }
}

function field({ name, label, values, isTime, hint = isTime && "2h, 3d or a time" }) {
  if (!values) return h("label", { class: "field" }, label, h("input", { name, placeholder: hint, autocomplete: "off", spellcheck: "false", oninput: ({ target }) => target.setCustomValidity("") }));
  const words = Array.isArray(values) ? { "": "any", ...Object.fromEntries(values.map((value) => [value, value.replaceAll("_", " ")])) } : values;
  return h("label", { class: "field" }, label, h("select", { name }, Object.entries(words).map(([value, text]) => h("option", { value }, text))));
}

/** Shows a query in the form, and as links that each remove one filter. */
export function showFilters(element, { path, query, fields, keep = {} }) {
  const controls = element.querySelector("form").elements;
  for (const { name, isTime } of fields) controls[name].value = (isTime ? typedTime(query[name]) : query[name]) ?? "";
  const given = fields.filter(({ name }) => query[name]);
  const values = Object.fromEntries(given.map(({ name }) => [name, query[name]]));
  const chips = given.map(({ name, label }) => h("a", { class: "tag", href: formatRoute(path, { ...keep, ...values, [name]: null }), title: "Remove this filter" },
    `${label}: `, said(controls[name].selectedOptions?.[0]?.text ?? (controls[name].value || query[name])), h("span", { "aria-hidden": "true" }, " ×")));
  fill(element.querySelector(".chips"), chips, chips.length > 1 && h("a", { href: formatRoute(path, keep) }, "Clear all"));
}

/** Moves the focus to the first filter of a page. */
export function openFilters(root) {
  const fold = root.querySelector(".filter-fold");
  if (!fold) return;
  fold.open = true;
  fold.querySelector("select, input").focus();
}

/** Returns a span such as `3d` as it is, a time in ISO 8601, which means the same everywhere, or null. */
function readTime(text) {
  if (!text || moment(text) !== text) return text;
  const [, day, clock = "00:00", zone = isUtc() ? "Z" : ""] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))? ?(Z|[+-]\d\d:?\d\d)?$/i.exec(text) ?? [];
  const at = new Date(`${day}T${clock}${zone}`);
  return Number.isNaN(at.getTime()) ? null : at.toISOString().replace(".000Z", "Z");
}

/** Returns a filter's time as somebody types it, in the zone that is shown. */
function typedTime(text) {
  return /^\d{4}-.*T.*Z$/.test(text ?? "") ? timeText(text).replace(/:00$/, "") : text;
}
