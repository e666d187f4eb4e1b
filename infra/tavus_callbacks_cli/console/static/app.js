// The frame around all pages: sign in, header, routes, history, keys.

import { config, endPause, get, loadConfig, noAnswer, segment, signIn, tryAgain } from "/console/api.js";
import { fill, formatRoute, go, h, parseRoute, s, said, splitKey, switchZone, zoneName } from "/console/base.js";
import { LISTS, handleKey, help, loading, notice, sentence, setFrameKeys, subjectPath } from "/console/parts.js";

const operator = () => import("/console/operator.js");
const PAGES = {
  conversations: ["Conversations", (path) => import(path.length > 1 ? "/console/conversation.js" : "/console/conversations.js")],
  events: ["Events", () => import("/console/events.js")],
  resources: ["Resources", () => import("/console/resources.js")],
  stats: ["Stats", () => import("/console/stats.js")],
  problems: ["Problems", operator],
  quarantine: ["Quarantine", operator],
  try: ["Try", () => import("/console/try.js")],
};
const LIVE = { on: ["Live", "New callbacks appear automatically."], off: ["Not live", "New callbacks do not arrive."], idle: ["Paused", "Updates pause after 30 minutes without activity. Move the mouse to continue."], paused: ["Paused", "Resume to see new events."] };
const EVENT = /^([a-z]+)\.(.+)\.[^.]+-[0-9a-f]{32}$/;

const main = h("main", { id: "main", tabindex: "-1" });
const banner = h("div", { class: "banner" });
const live = h("span", { class: "live", hidden: true });
// The state of each entry of this tab's history, by its number: its scroll position, its focus, and a page's own data.
const memories = new Map();
let shown = null;

async function start() {
  const refusal = await takeKey();
  document.body.replaceChildren(bar(false), banner, main);
  try {
    await loadConfig();
  } catch (error) {
    const reason = error.status === 401 ? refusal ?? error : error;
    fill(main, h("h1", {}, "Console"), notice(reason, { again: start }));
    return;
  }
  document.body.replaceChildren(bar(true), banner, main);
  setFrameKeys({
    Escape: { words: "leave a field, close a dialog, go back", run: goBack },
    g: { words: "go to an id", run: () => document.querySelector(".jump input").focus() },
  });
  await show();
}

/** Exchanges the key in the address for a cookie, and removes it; without a route, the page stays. Returns the refusal. */
async function takeKey(before = "") {
  const { key, rest } = splitKey(location.hash);
  if (key === null) return null;
  const state = !rest && shown ? { at: shown.at } : history.state;
  history.replaceState(state, "", location.pathname + (rest || before));
  return signIn(key).then(() => null, (error) => error);
}

// The header.

function bar(isSignedIn) {
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
    isSignedIn && [
      h("nav", { "aria-label": "Pages" }, config.pages.map((name) => h("a", { href: formatRoute([name]), "data-page": name }, PAGES[name][0]))),
      jumpForm(),
      h("div", { class: "about" },
        h("span", { class: "target", title: `This console shows ${config.target}.` }, config.target), live, zone,
        h("button", { type: "button", class: "quiet", "aria-label": "Keys", title: "Keys (?)", onclick: help }, "?"))]);
}

function logo() {
  return s("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 8 }),
    s("path", { class: "bubble", d: "M8 11a3 3 0 0 1 3-3h10a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-6l-5 4v-4a2 2 0 0 1-2-2z" }),
    s("path", { d: "m14 11.5 5 3-5 3z" }));
}

/** Returns the box that goes to any id. */
function jumpForm() {
  const answer = h("span", { class: "answer", role: "status" });
  const input = h("input", { name: "id", "aria-label": "Go to an id", placeholder: "Go to an id", autocomplete: "off", spellcheck: "false", oninput: () => fill(answer) });
  async function jump(event) {
    event.preventDefault();
    const id = input.value.trim();
    if (!id) return;
    fill(answer, "Looking…");
    try {
      const route = await routeOf(id);
      fill(answer, !route && ["Nothing is stored under the id ", said(id), "."]);
      if (!route) return;
      input.value = "";
      go(...route);
    } catch (error) {
      fill(answer, sentence(error.message));
    }
  }
  return h("form", { class: "jump", role: "search", "aria-label": "Any id", onsubmit: jump }, input, answer);
}

/** Returns the route of what has an id, or null. */
async function routeOf(id) {
  const [, kind, subject] = EVENT.exec(id) ?? [];
  if (kind) return [subjectPath(kind, subject), kind === "conversation" ? { tab: "events" } : {}];
  const { conversations } = await get("/conversations", { ids: id.replace(/[%,]/g, encodeURIComponent) });
  if (conversations.length) return [subjectPath("conversation", id)];
  for (const [other, list] of Object.entries(LISTS)) {
    if (segment(id) !== null && await exists(`/${list}/${segment(id)}`)) return [subjectPath(other, id)];
  }
  const named = await get("/conversations", { replica: id, limit: 1 });
  return named.conversations.length ? [["conversations"], { replica: id }] : null;
}

function exists(path) {
  return get(path).then(() => true, (error) => {
    if (error.status === 404) return false;
    throw error;
  });
}

// Routes and history.

/** Returns the number and the memory of the current entry of the history; a new entry comes after the last one. */
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

/** Shows the page of the address; a page may return `update` to take another query in place. */
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
  const isPage = config.pages.includes(name);
  const [title, load] = isPage ? PAGES[name] : ["No such page"];
  document.title = `${title} · ${config.target}`;
  if (!isPage) {
    fill(root, h("h1", {}, title), h("p", {}, h("a", { href: "#/conversations" }, "Go to the conversations")));
    return;
  }
  try {
    const module = await load(path).catch((error) => { throw error instanceof SyntaxError ? error : noAnswer(); });
    rest.signal.throwIfAborted();
    visit.page = await module.show({ root, path, ...rest }) ?? null;
  } catch (error) {
    if (error.name !== "AbortError") fill(root, h("h1", {}, title), notice(error, { again: () => show({ isAgain: true }) }));
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
  endPause();
  await show();
}

function showLive({ detail: { state, error } }) {
  const [words, title] = LIVE[state];
  Object.assign(live, { hidden: false, className: `live ${state}`, title, textContent: words });
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
document.addEventListener("keydown", handleKey);
// In the capture phase: before the link or the button asks for anything.
document.addEventListener("click", ({ target }) => { if (target.closest("a, button, summary")) endPause(); }, true);
document.addEventListener("live", showLive);
start();
