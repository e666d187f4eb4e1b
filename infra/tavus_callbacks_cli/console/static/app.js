// The frame around all pages: sign in, header, routes, history, keys.

import { ApiError, config, loadConfig, signIn, tryAgain } from "/console/api.js";
import { fill, h, s, said } from "/console/dom.js";
import { handleKey, help, setFrameKeys } from "/console/keys.js";
import { loading, notice, sentence } from "/console/parts.js";
import { formatRoute, go, parseRoute, splitKey } from "/console/router.js";
import { switchZone, zoneName } from "/console/time.js";

const PAGES = {
  conversations: { title: "Conversations", load: (path) => import(path.length > 1 ? "/console/conversation.js" : "/console/conversations.js") },
  events: { title: "Events", load: () => import("/console/events.js") },
  resources: { title: "Resources", load: (path) => import(path.length > 2 ? "/console/resource.js" : "/console/resources.js") },
  stats: { title: "Stats", load: () => import("/console/stats.js") },
  problems: { title: "Problems", load: () => import("/console/problems.js") },
  quarantine: { title: "Quarantine", load: () => import("/console/quarantine.js") },
  try: { title: "Try", load: () => import("/console/try.js") },
};
const LIVE = { on: ["Live", "New callbacks show by themselves."], off: ["Not live", "New callbacks do not arrive."], idle: ["Paused", "Nobody moved for 30 minutes. Move to go on."], paused: ["Paused", "Resume to see new events."] };

const main = h("main", { id: "main", tabindex: "-1" });
const banner = h("div", { class: "banner" });
const live = h("span", { class: "live", hidden: true });
// What each entry of this tab's history remembers, by its number: its scroll position, its focus, and a page's own data.
const memories = new Map();
let shown = null;

async function start() {
  const refusal = await takeKey();
  document.body.replaceChildren(bar(), banner, main);
  try {
    await loadConfig();
  } catch (error) {
    const reason = error.status === 401 ? refusal ?? error : error;
    fill(main, h("h1", {}, "Console"), notice(reason, { again: start }));
    return;
  }
  document.body.replaceChildren(bar(links()), banner, main);
  setFrameKeys({
    Escape: { words: "leave a field, close a dialog, go back", run: goBack },
    g: { words: "go to an id", run: () => document.querySelector(".jump input").focus() },
  });
  await show();
}

/**
 * Exchanges the key in the address for a cookie, and removes it from the address before anything else runs. A key
 * without a route, pasted into an open page, leaves the page at its old route. Returns the refusal, or null.
 */
async function takeKey(before = "") {
  const { key, rest } = splitKey(location.hash);
  if (key === null) return null;
  const state = !rest && shown ? { at: shown.at } : history.state;
  history.replaceState(state, "", location.pathname + (rest || before));
  try {
    await signIn(key);
  } catch (error) {
    return error;
  }
  return null;
}

function links() {
  return config.pages.map((name) => h("a", { href: formatRoute([name]), "data-page": name }, PAGES[name].title));
}

function bar(pages = null) {
  const zone = h("button", { type: "button", class: "quiet", title: "Switch between local time and UTC", onclick: changeZone }, zoneName());
  function changeZone() {
    switchZone();
    fill(zone, zoneName());
    remember();
    show({ isAgain: true });
  }
  return h("header", { class: "bar" },
    h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, "Skip to content"),
    h("a", { class: "brand", href: "#/conversations", "aria-label": "tavus-callbacks, the conversations" }, logo(), h("span", {}, "tavus-callbacks")),
    pages && h("nav", { "aria-label": "Pages" }, pages),
    pages && jumpForm(),
    pages && h("div", { class: "about" },
      h("span", { class: "target", title: `This console shows ${config.target}.` }, config.target), live, zone,
      h("button", { type: "button", class: "quiet", "aria-label": "Keys", title: "Keys (?)", onclick: help }, "?")));
}

/** Returns the box that goes to any id. */
function jumpForm() {
  const input = h("input", { name: "id", "aria-label": "Go to an id", placeholder: "Go to an id", autocomplete: "off", spellcheck: "false", oninput: () => fill(answer) });
  const answer = h("span", { class: "answer", role: "status" });
  async function jump(event) {
    event.preventDefault();
    const id = input.value.trim();
    if (!id) return undefined;
    fill(answer, "Looking…");
    try {
      const { routeOf } = await import("/console/jump.js");
      const route = await routeOf(id);
      if (!route) return fill(answer, "Nothing has the id ", said(id), ".");
      fill(answer);
      input.value = "";
      go(route.path, route.query);
    } catch (error) {
      fill(answer, sentence(error.message));
    }
    return undefined;
  }
  return h("form", { class: "jump", role: "search", "aria-label": "Any id", onsubmit: jump }, input, answer);
}

function logo() {
  return s("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 8 }),
    s("path", { class: "bubble", d: "M8 11a3 3 0 0 1 3-3h10a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-6l-5 4v-4a2 2 0 0 1-2-2z" }),
    s("path", { d: "m14 11.5 5 3-5 3z" }));
}

/** Returns the memory of the current entry of the history; a new entry has the number after the last one. */
function memoryOfEntry() {
  const at = history.state?.at ?? (shown ? shown.at + 1 : 0);
  if (history.state?.at === undefined) {
    history.replaceState({ at }, "");
    for (const later of memories.keys()) if (later >= at) memories.delete(later);
  }
  if (!memories.has(at)) memories.set(at, {});
  return { at, memory: memories.get(at) };
}

function remember() {
  if (!shown) return;
  shown.memory.scroll = scrollY;
  shown.memory.focus = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
}

/**
 * Shows the page of the address. `show` of a page gets root, path, query, `memory` (an object that lasts as long as
 * this entry of the history) and a signal. It may return `update({query, memory})` to take another query in place.
 */
async function show({ isAgain = false } = {}) {
  const { path, query } = parseRoute(location.hash);
  if (!path.length) return location.replace(formatRoute(["conversations"]));
  const { at, memory } = memoryOfEntry();
  const key = path.join("/");
  const page = !isAgain && shown?.key === key ? shown.page : null;
  const isFirst = shown === null;
  if (!page?.update) shown?.controller.abort();
  shown = { at, memory, key, page, controller: page?.update ? shown.controller : new AbortController() };
  const visit = shown;
  markLink(path[0]);
  fill(banner);
  if (page?.update) {
    await page.update({ query, memory });
  } else {
    if (!isFirst && !isAgain) main.focus();
    await open(visit, { path, query, memory, signal: visit.controller.signal });
  }
  if (shown === visit) restore(memory);
  return undefined;
}

async function open(visit, { path, ...rest }) {
  const name = path[0];
  const root = h("div", { class: `page ${name}` }, loading());
  fill(main, root);
  live.hidden = true;
  const title = config.pages.includes(name) ? PAGES[name].title : "No such page";
  document.title = `${title} · ${config.target}`;
  if (!config.pages.includes(name)) {
    fill(root, h("h1", {}, title), h("p", {}, h("a", { href: "#/conversations" }, "Go to the conversations")));
    return;
  }
  try {
    const module = await load(name, path);
    rest.signal.throwIfAborted();
    visit.page = await module.show({ root, path, ...rest }) ?? null;
  } catch (error) {
    if (error.name !== "AbortError") fill(root, h("h1", {}, title), notice(error, { again: () => show({ isAgain: true }) }));
  }
}

async function load(name, path) {
  try {
    return await PAGES[name].load(path);
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new ApiError(0, "No answer", "The server does not answer. Is it still running?");
  }
}

function markLink(name) {
  for (const link of document.querySelectorAll("nav [data-page]")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Puts a page where the reader left it; a page that is new begins at its top. */
function restore({ scroll = 0, focus }) {
  if (focus) main.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  scrollTo(0, scroll);
}

/** Leaves the page of one thing for the page before it, or for its list if this tab began here. */
function goBack() {
  const { path } = parseRoute(location.hash);
  if (path.length < 2) return;
  if (shown.at > 0) history.back();
  else go([path[0]]);
}

async function followAddress({ oldURL }) {
  const { key, rest } = splitKey(location.hash);
  const refusal = await takeKey(new URL(oldURL).hash);
  if (refusal) fill(banner, notice(refusal));
  // Notices of the open page repeat their request after a sign-in by themselves.
  if (!config.pages || (key !== null && !rest)) return;
  remember();
  await show();
}

function showLive({ detail: { state, error } }) {
  const [words, title] = LIVE[state];
  live.hidden = false;
  live.className = `live ${state}`;
  live.title = title;
  fill(live, words);
  if (!error) fill(banner);
  // A field keeps the key that somebody types.
  else if (!document.querySelector("main .notice.bad, .sign-in")) fill(banner, notice(error, { again: tryAgain }));
}

function showFault({ reason, error }) {
  const fault = reason ?? error;
  if (fault && fault.name !== "AbortError") fill(banner, notice(fault));
}

history.scrollRestoration = "manual";
addEventListener("hashchange", followAddress);
addEventListener("online", tryAgain);
addEventListener("unhandledrejection", showFault);
addEventListener("error", showFault);
document.addEventListener("keydown", (event) => handleKey(event));
document.addEventListener("live", showLive);
start();
