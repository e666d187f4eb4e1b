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
    describe: (count, all, isDry) => isDry ? `${count} of ${all} can be filed. What is refused stays in quarantine.` : `Filed ${count} of ${all}.`,
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
    describe: (count, all, isDry) => isDry ? `${count} of ${all} would be posted.` : `The address accepted ${count} of ${all}.`,
    verb: (count) => `Post ${count}`,
    isDone: ({ outcome }) => outcome === "taken",
  }) }, "Replay…");
}

function confirmAction(action) {
  const { title, intro, field, onDone } = action;
  const state = h("div", { role: "status" });
  const buttons = h("div", { class: "buttons" });
  const form = field && h("form", { class: "ask", onsubmit: (event) => { event.preventDefault(); run(view, true); } },
    h("label", {}, "Address", field), h("button", { type: "submit" }, "Dry run"));
  const dialog = h("dialog", { class: "action", "aria-label": title }, h("h2", {}, title), intro, form, state, buttons);
  const view = { action, state, buttons, isChanged: false, close: h("button", { type: "button", onclick: () => dialog.close() }, "Close") };
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (view.isChanged) onDone?.();
  });
  addEventListener("hashchange", () => dialog.close(), { once: true });
  document.body.append(dialog);
  dialog.showModal();
  fill(buttons, view.close);
  if (!field) run(view, true);
}

async function run(view, isDry) {
  const { action, state, buttons, close } = view;
  fill(state, h("p", { class: "dim" }, isDry ? "Checking what it would do…" : "Working…"));
  fill(buttons, close);
  let items;
  try {
    items = action.list(await act(action.name, { ...action.content, ...(action.field && { to: action.field.value }), dry_run: isDry }));
  } catch (error) {
    // A notice may repeat by itself: only the dry run is repeated.
    fill(state, notice(error, { again: () => run(view, true) }));
    return;
  }
  view.isChanged ||= !isDry;
  const isGood = isDry ? action.isPossible : action.isDone;
  const [good, others] = [items.filter(isGood), items.filter((item) => !isGood(item))];
  fill(state, h("p", {}, action.describe(good.length, items.length, isDry)), outcomes([...good, ...others]));
  fill(buttons, isDry && good.length > 0 && h("button", { type: "button", class: "primary", onclick: () => run(view, false) }, action.verb(good.length)), close);
}

function outcomes(items) {
  return h("ul", { class: "outcomes", tabindex: "0", "aria-label": "Outcomes" }, items.map(({ id, outcome, text, event }) => h("li", {},
    badge(outcome, OUTCOMES[outcome] ?? "bad"), " ", said(id, { class: "mono" }), text && h("div", { class: "dim" }, said(text)),
    event && h("a", { href: formatRoute(["events"], { open: event }) }, "Show the event"))));
}
