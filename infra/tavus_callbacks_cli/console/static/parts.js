// Small parts that pages share: notices, badges, tags, copy buttons, times.

import { h, said } from "/console/dom.js";
import { formatRoute } from "/console/router.js";
import { agoText, timeText, zoneName } from "/console/time.js";

/** Returns what went wrong and a way on, for an ApiError; `again` is called by the button. */
export function notice(error, { again = () => location.reload() } = {}) {
  const { title, text } = explain(error);
  return h("section", { class: "notice bad", role: "alert" },
    h("h2", {}, title),
    h("p", {}, said(text)),
    h("p", {}, h("button", { type: "button", onclick: again }, "Try again")));
}

function explain(error) {
  const detail = error.detail ?? error.message;
  const seconds = error.retryAfter ? ` Wait ${error.retryAfter} s, then try again.` : " Try again in a moment.";
  if (error.status === 0) return { title: "No answer", text: detail };
  if (error.status === 401) return { title: "Not signed in", text: detail };
  if (error.status === 404) return { title: "Not found", text: detail };
  if (error.status === 429) return { title: "Too many requests", text: `The API limits its rate.${seconds}` };
  if (error.status === 503) return { title: "The store does not answer", text: `${detail}${seconds}` };
  return { title: error.title ?? "Something went wrong", text: detail };
}

/** Returns a page's words where there is nothing to show, with a way on. */
export function empty(title, ...children) {
  return h("section", { class: "notice" }, h("h2", {}, title), ...children);
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
