// Small parts that pages share: notices, badges, tags, copy buttons, times.

import { retryDelay, signIn } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { formatRoute } from "/console/router.js";
import { agoText, timeText, zoneName } from "/console/time.js";

/**
 * Returns what went wrong and a way on, for an ApiError; `again` is called by the button, and if `isRead`, by itself:
 * after signing in, and after a while if the fault may pass.
 */
export function notice(error, { again = () => location.reload(), isRead = true } = {}) {
  const { title, text, ...fault } = explain(error);
  const mayPass = fault.mayPass && isRead;
  const section = h("section", { class: "notice bad", role: "alert" },
    h("h2", {}, title),
    h("p", {}, sentence(text)),
    isSignedOut(error) && signInForm(),
    mayPass && h("p", { class: "dim" }, `The page tries again in ${Math.ceil(retryDelay(error))} s.`),
    h("p", {}, h("button", { type: "button", onclick: again }, "Try again")));
  const repeat = () => { if (section.isConnected) again(); };
  if (isRead) document.addEventListener("try-again", repeat, { once: true });
  if (mayPass) setTimeout(() => whenVisible(repeat), retryDelay(error) * 1000);
  return section;
}

function explain(error) {
  const detail = error.detail || error.message;
  if (error.status === 0) return { title: error.title, text: detail, mayPass: true };
  if (error.status === 429) return { title: "Too many requests", text: "The API limits how often it answers.", mayPass: true };
  if (error.status === 503) return { title: "The store does not answer", text: detail, mayPass: true };
  if (error.status >= 500) return { title: error.title, text: detail, mayPass: true };
  return { title: error.title ?? "Fault of this page", text: detail };
}

/** Returns whether the browser has no session: a 401 for the token of the target has another title. */
export function isSignedOut(error) {
  return error.status === 401 && ["Not signed in", "Wrong key"].includes(error.title);
}

function signInForm() {
  const input = h("input", { "aria-label": "Printed address, or its key", placeholder: "http://127.0.0.1:…/#key=…", required: true, autocomplete: "off", spellcheck: "false" });
  const failure = h("p", { class: "bad-text", role: "status" });
  async function submit(event) {
    event.preventDefault();
    try {
      await signIn(input.value);
    } catch (error) {
      fill(failure, sentence(error.message));
    }
  }
  return h("form", { class: "sign-in", onsubmit: submit }, input, h("button", { type: "submit", class: "primary" }, "Sign in"), failure);
}

function whenVisible(run) {
  if (document.visibilityState === "visible") run();
  else document.addEventListener("visibilitychange", run, { once: true });
}

/** Returns a sentence in which `backticks` mark code. */
export function sentence(text) {
  return said(String(text).split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part)));
}

/** Returns a page's words where there is nothing to show, with a way on. */
export function empty(title, ...children) {
  return h("section", { class: "notice" }, h("h2", {}, title), ...children);
}

/** Returns the words of a page that waits for an answer; after some seconds they say that it is slow. */
export function loading() {
  return h("p", { class: "loading dim", role: "status" }, "Loading…");
}

/** Returns a `<time>`: the absolute time, with the zone and how long ago in its tooltip. */
export function time(iso, options) {
  if (!iso) return h("span", { class: "dim" }, "–");
  return h("time", { datetime: iso, title: `${agoText(iso)} · ${zoneName()}` }, timeText(iso, options));
}

/** Returns a badge; `kind` is ok, bad, warn, live or plain. */
export function badge(text, kind = "plain") {
  return h("span", { class: `badge ${kind}` }, text);
}

/** Returns tags as links to the list of what carries them. */
export function tags(values, query = {}) {
  const pairs = Object.entries(values).flatMap(([name, value]) => [value].flat().map((each) => `${name}:${each}`));
  return pairs.map((tag) => h("a", { class: "tag", href: formatRoute(["conversations"], { ...query, tag }) }, said(tag)));
}

/** Returns a button that copies text and says so only if it worked. */
export function copyButton(label, text) {
  const button = h("button", { type: "button", class: "quiet copy", onclick: copy }, label);
  async function copy() {
    let outcome = "Copied";
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? await text() : text);
    } catch {
      outcome = "Not copied";
    }
    button.textContent = outcome;
    setTimeout(() => { button.textContent = label; }, 1500);
  }
  return button;
}
