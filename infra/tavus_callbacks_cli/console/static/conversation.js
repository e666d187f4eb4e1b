// One conversation: the recording and the facts on the left; transcript, timeline and events on the right.

import { get, segment } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { setKeys } from "/console/keys.js";
import { markdown } from "/console/markdown.js";
import { badge, copyButton, empty, notice, tags, time } from "/console/parts.js";
import { Player } from "/console/player.js";
import { formatRoute, replaceQuery } from "/console/router.js";
import { spanText, zoneName } from "/console/time.js";
import { transcript } from "/console/transcript.js";

const TABS = { transcript: "Transcript", timeline: "Timeline", events: "Events" };

export async function show({ root, path, query, signal }) {
  const id = path[1];
  if (segment(id) === null) {
    fill(root, empty("No address for this id", h("p", {}, "A path cannot hold this id. List its events by kind and subject instead.")));
    return;
  }
  fill(root, h("p", { role: "status", class: "dim" }, "Loading…"));
  const conversation = await get(`/conversations/${segment(id)}`, {}, { signal });
  const player = new Player({ conversation, query, signal });
  const panel = h("div", { class: "panel card", id: "panel", role: "tabpanel" });
  const chosen = TABS[query.tab] ? query.tab : "transcript";
  fill(root,
    heading(conversation),
    h("div", { class: "columns" },
      h("div", { class: "left" }, player.element, facts(conversation)),
      h("div", { class: "right" }, tabList(chosen, showTab), panel)));
  let tabs = null;
  await showTab(chosen);

  async function showTab(tab) {
    tabs?.abort();
    tabs = new AbortController();
    const shown = AbortSignal.any([signal, tabs.signal]);
    replaceQuery({ tab: tab === "transcript" ? null : tab });
    panel.setAttribute("aria-labelledby", `tab-${tab}`);
    fill(panel, h("p", { role: "status", class: "dim" }, "Loading…"));
    setKeys(keys(player), signal);
    try {
      fill(panel, await { transcript: turns, timeline, events }[tab](shown));
    } catch (error) {
      if (error.name !== "AbortError") fill(panel, notice(error, { again: () => showTab(tab) }));
    }
  }

  async function turns(shown) {
    const tab = await transcript({ conversation, player, signal: shown });
    setKeys({ ...keys(player), ...tab.keys }, signal);
    return tab.element;
  }

  async function timeline() {
    const module = await import("/console/timeline.js");
    return module.timeline({ conversation, signal });
  }

  async function events() {
    const module = await import("/console/conversation_events.js");
    return module.events({ conversation, signal });
  }
}

function heading(conversation) {
  return h("div", { class: "head" },
    h("h1", {}, h("a", { href: "#/conversations", title: "Back to the list" }, "Conversations"), " / ", said(conversation.conversation_id, { class: "mono" })),
    copyButton("Copy id", conversation.conversation_id),
    copyButton("Copy link", () => location.href));
}

/** Returns the tabs: the Tab key stops at the chosen one, arrows choose another. */
function tabList(current, choose) {
  const tabs = Object.entries(TABS).map(([name, words]) => h("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", "data-name": name, onclick: (event) => select(event.currentTarget),
  }, words));
  const mark = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
    }
  };
  function select(tab) {
    mark(tab);
    choose(tab.dataset.name);
  }
  function press(event) {
    const at = tabs.indexOf(event.target);
    const next = { ArrowRight: tabs[(at + 1) % tabs.length], ArrowLeft: tabs.at(at - 1), Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    next.focus();
    select(next);
  }
  mark(tabs.find((tab) => tab.dataset.name === current));
  return h("div", { class: "tabs", role: "tablist", "aria-label": "About this conversation", onkeydown: press }, tabs);
}

function facts(conversation) {
  return h("div", { class: "facts card" }, h("dl", {},
    fact("Status", badge(conversation.status.replaceAll("_", " "))),
    fact(`Joined (${zoneName()})`, time(conversation.joined_at)),
    fact(`Ended (${zoneName()})`, time(conversation.ended_at)),
    fact("Length", spanText(conversation.duration)),
    conversation.ending && fact("Ending", said(conversation.ending.plain)),
    fact("Tags", tags(conversation.tags)),
    conversation.perception?.analysis && fact("Perception", markdown(String(conversation.perception.analysis)))));
}

function fact(name, ...values) {
  return [h("dt", {}, name), h("dd", {}, values)];
}

function keys(player) {
  return { ...player.keys, Escape: { words: "back to the list", run: () => history.back() } };
}
