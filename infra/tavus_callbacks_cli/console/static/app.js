// The frame around all pages: sign in, header, routes, keys.

import { config, loadConfig } from "/console/api.js";
import { notice } from "/console/parts.js";
import { fill, h } from "/console/dom.js";
import { formatRoute, go, parseRoute } from "/console/router.js";
import { handleKey } from "/console/keys.js";
import { isUtc, switchZone, zoneName } from "/console/time.js";

const PAGES = {
  conversations: { title: "Conversations", load: (path) => import(path.length > 1 ? "/console/conversation.js" : "/console/conversations.js") },
  events: { title: "Events", load: () => import("/console/events.js") },
  resources: { title: "Resources", load: (path) => import(path.length > 2 ? "/console/resource.js" : "/console/resources.js") },
  stats: { title: "Stats", load: () => import("/console/stats.js") },
  problems: { title: "Problems", load: () => import("/console/problems.js") },
  quarantine: { title: "Quarantine", load: () => import("/console/quarantine.js") },
  try: { title: "Try", load: () => import("/console/try.js") },
};

const main = h("main", { id: "main", tabindex: "-1" });
let current = null;

async function start() {
  await signIn();
  try {
    await loadConfig();
  } catch (error) {
    fill(main, notice(error));
    document.body.append(main);
    return;
  }
  document.body.append(header(), main);
  addEventListener("hashchange", show);
  document.addEventListener("keydown", handleKey);
  await show();
}

/** Exchanges the key in the fragment for a cookie, and removes it from the address before anything else runs. */
async function signIn() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  history.replaceState(null, "", location.pathname);
  await fetch("/console/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key }) });
}

function header() {
  const links = config.pages.map((name) => h("a", { href: formatRoute([name]), "data-page": name }, PAGES[name].title));
  const zone = h("button", { type: "button", class: "quiet", title: "Switch between local time and UTC", onclick: changeZone }, zoneName());
  function changeZone() {
    switchZone();
    fill(zone, zoneName());
    zone.setAttribute("aria-pressed", String(isUtc()));
    show();
  }
  return h("header", { class: "bar" },
    h("a", { class: "skip", href: location.hash || "#/", onclick: (event) => { event.preventDefault(); main.focus(); } }, "Skip to content"),
    h("a", { class: "brand", href: "#/conversations" }, "tavus-callbacks"),
    h("nav", { "aria-label": "Pages" }, links),
    h("span", { class: "target", title: "The target of this console" }, config.target),
    zone);
}

/** Shows the page of the address. A page returns `update`, which may take a new query without a new page, and `leave`. */
async function show() {
  const { path, query } = parseRoute(location.hash);
  const name = path[0];
  if (!config.pages.includes(name)) return go(["conversations"]);
  for (const link of document.querySelectorAll("nav [data-page]")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  current?.abort();
  current = new AbortController();
  const { signal } = current;
  const module = await PAGES[name].load(path);
  if (signal.aborted) return undefined;
  document.title = `${PAGES[name].title} · tavus-callbacks`;
  const root = h("div", { class: `page ${name}` });
  fill(main, root);
  try {
    await module.show({ root, path, query, signal });
  } catch (error) {
    if (error.name !== "AbortError") fill(root, notice(error, { again: show }));
  }
  return undefined;
}

start();
