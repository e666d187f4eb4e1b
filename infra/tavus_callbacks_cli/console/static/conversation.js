// One conversation: the recording and the facts on the left; transcript, timeline and events on the right.

import { get, segment } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { setKeys } from "/console/keys.js";
import { markdown } from "/console/markdown.js";
import { badge, copyButton, empty, notice, tags, time } from "/console/parts.js";
import { Player } from "/console/player.js";
import { formatRoute, replaceQuery } from "/console/router.js";
import { spanText, zoneName } from "/console/time.js";
import { Transcript } from "/console/transcript.js";

const TABS = { transcript: "Transcript", timeline: "Timeline", events: "Events" };

export async function show({ root, path, query, signal }) {
  const id = path[1];
  if (segment(id) === null) {
    fill(root, empty("No address for this id", h("p", {}, "A path cannot hold this id. List its events by kind and subject instead.")));
    return;
  }
  fill(root, h("p", { role: "status", class: "dim" }, "Loading…"));
  const conversation = await get(`/conversations/${segment(id)}`, {}, { signal });
  const player = new Player({ conversation, signal, offset: query.offset === undefined ? null : Number(query.offset) });
  const panel = h("div", { class: "panel card", role: "tabpanel" });
  fill(root,
    heading(conversation),
    h("div", { class: "columns" },
      h("div", { class: "left" }, player.element, facts(conversation)),
      h("div", { class: "right" }, tabList(query.tab ?? "transcript", (tab) => showTab(tab)), panel)));
  setKeys(keys(player), signal);
  await showTab(query.tab ?? "transcript");

  async function showTab(tab) {
    replaceQuery({ tab: tab === "transcript" ? null : tab });
    fill(panel, h("p", { role: "status", class: "dim" }, "Loading…"));
    try {
      fill(panel, await { transcript, timeline, events }[tab]());
    } catch (error) {
      if (error.name !== "AbortError") fill(panel, notice(error, { again: () => showTab(tab) }));
    }
  }

  async function transcript() {
    if (!conversation.transcript) return empty("No transcript", h("p", {}, "No transcript has arrived for this conversation."));
    const { turns } = await get(`/conversations/${segment(id)}/transcript`, {}, { signal });
    const view = new Transcript({ turns, player, signal });
    if (query.t) player.prepare(Number(query.t));
    return view.element;
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

function tabList(current, choose) {
  const buttons = Object.entries(TABS).map(([name, words]) => h("button", {
    type: "button", role: "tab", "aria-selected": String(name === current), onclick: (event) => {
      for (const each of buttons) each.setAttribute("aria-selected", String(each === event.currentTarget));
      choose(name);
    },
  }, words));
  return h("div", { class: "tabs", role: "tablist" }, buttons);
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
  return {
    " ": { words: "play or pause", run: () => player.toggle() },
    "[": { words: "turns earlier by 0.1 s", run: () => player.nudge(-1) },
    "]": { words: "turns later by 0.1 s", run: () => player.nudge(1) },
    Escape: { words: "back to the list", run: () => history.back() },
  };
}
