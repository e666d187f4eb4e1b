// Actions of the operator. Each shows first what it would do, and does it when asked again.

import { act } from "/console/api.js";
import { fill, h, said } from "/console/dom.js";
import { badge, notice } from "/console/parts.js";
import { formatRoute } from "/console/router.js";

const OUTCOMES = { fileable: "ok", filed: "ok", refused: "bad", erased: "warn", "would be posted": "ok", taken: "ok", "no answer": "bad", "not posted": "warn" };

/** Returns a button that files an entry of quarantine, or all of them; `onDone` is called when something was filed. */
export function redriveButton(entryId, onDone) {
  return h("button", { type: "button", onclick: () => confirmAction({
    title: entryId ? "Redrive this entry" : "Redrive the quarantine",
    name: "redrive",
    content: { entry_id: entryId },
    list: (answer) => answer.quarantine.map((each) => ({ ...each, id: each.quarantine_id, text: each.reason ?? each.event_id, event: each.outcome === "filed" && each.event_id })),
    isPossible: ({ outcome }) => outcome === "fileable",
    describe: (count, all, isDry) => `${count} of ${all} ${isDry ? "can be filed. What is refused stays in quarantine." : "are filed."}`,
    verb: (count) => `File ${count}`,
    isDone: ({ outcome }) => outcome !== "refused",
    onDone,
  }) }, entryId ? "Redrive…" : "Redrive all…");
}

/** Returns a button that posts the stored bodies of a subject to an address. */
export function replayButton(kind, subject) {
  const url = h("input", { type: "url", name: "to", required: true, placeholder: "http://localhost:5000/webhook", autocomplete: "off" });
  return h("button", { type: "button", onclick: () => confirmAction({
    title: "Replay the events",
    intro: h("p", {}, "This posts the stored bodies to your address, in order of receipt, without retries."),
    field: url,
    name: "replay",
    content: { kind, subject },
    list: (answer) => answer.events.map((each) => ({ ...each, id: each.event_id, text: each.reason ?? (each.status_code ? `Status ${each.status_code}` : each.event_type) })),
    isPossible: ({ outcome }) => outcome === "would be posted",
    describe: (count, all, isDry) => `${count} of ${all} ${isDry ? "would be posted." : "were accepted."}`,
    verb: (count) => `Post ${count}`,
    isDone: ({ outcome }) => outcome === "taken",
  }) }, "Replay…");
}

function confirmAction({ title, intro, field, name, content, list, isPossible, describe, verb, isDone, onDone }) {
  const state = h("div", { role: "status" });
  const buttons = h("div", { class: "buttons" });
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const form = field && h("form", { class: "ask", onsubmit: (event) => { event.preventDefault(); run(true); } },
    h("label", {}, "Address", field), h("button", { type: "submit" }, "Dry run"));
  const dialog = h("dialog", { class: "action", "aria-label": title }, h("h2", {}, title), intro, form, state, buttons);
  let isChanged = false;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (isChanged) onDone?.();
  });

  async function run(isDry) {
    fill(state, h("p", { class: "dim" }, isDry ? "Checking what it would do…" : "Working…"));
    fill(buttons, close);
    let items;
    try {
      items = list(await act(name, { ...content, ...(field && { to: field.value }), dry_run: isDry }));
    } catch (error) {
      fill(state, notice(error, { again: () => run(isDry) }));
      return;
    }
    isChanged ||= !isDry;
    const isGood = isDry ? isPossible : isDone;
    const good = items.filter(isGood);
    const count = good.length;
    fill(state, h("p", {}, describe(count, items.length, isDry)), outcomes([...good, ...items.filter((item) => !isGood(item))]));
    fill(buttons, isDry && count > 0 && h("button", { type: "button", class: "primary", onclick: () => run(false) }, verb(count)), close);
  }

  addEventListener("hashchange", () => dialog.close(), { once: true });
  document.body.append(dialog);
  dialog.showModal();
  if (field) fill(buttons, close);
  else run(true);
}

function outcomes(items) {
  return h("ul", { class: "outcomes", tabindex: "0", "aria-label": "Outcomes" }, items.map(({ id, outcome, text, event }) => h("li", {},
    badge(outcome, OUTCOMES[outcome] ?? "bad"), " ", said(id, { class: "mono" }), text && h("div", { class: "dim" }, said(text)),
    event && h("a", { href: formatRoute(["events"], { open: event }) }, "Show the event"))));
}
