// The operator's pages: problems, and the quarantine with its redrive; and replay, another action.

import { act, ask, config } from "/console/api.js";
import { fill, formatRoute, h, safeUrl, said, timeText, zoneName } from "/console/base.js";
import { cell, foldingRow, listKeys, listPage } from "/console/listing.js";
import { badge, commandLine, copyButton, empty, fact, isSignedOut, loading, notice, operatorCommand, sentence, setKeys, showDialog, subjectPath, tags, time } from "/console/parts.js";

/** Shows the page of the address. */
export function show(page) {
  return page.path[0] === "problems" ? showProblems(page) : showQuarantine(page);
}

// The problems of `tavus-callbacks problems`, each with its action or the command to type next.

async function showProblems({ root, signal }) {
  const content = h("div", {}, loading());
  const checked = h("span", { class: "dim", role: "status" });
  const again = h("button", { type: "button", onclick: load }, "Check again");
  fill(root, h("div", { class: "head" }, h("h1", {}, "Problems"), checked, again), content);
  setKeys({ ...listKeys(root), r: { words: "check again", run: load } }, signal);
  await load();

  async function load() {
    fill(checked, "Checking…");
    again.disabled = true;
    try {
      const { problems, notes } = await ask("/console/problems", { signal });
      fill(content, problems.length ? problemTable(problems) : noProblems(notes), notes.map((note) => h("p", { class: "foot" }, sentence(note))));
      fill(checked, `Checked at ${timeText(new Date().toISOString())} (${zoneName()})`);
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(checked);
      fill(content, notice(error, { again: load }));
    } finally {
      again.disabled = false;
    }
  }
}

function problemTable(problems) {
  const heads = ["Problem", "Count", `Since (${zoneName()})`, "What to do"].map((words) => h("th", { scope: "col" }, words));
  const rows = problems.toSorted((one, other) => rank(one) - rank(other)).map((problem) => h("tr", {},
    cell("Problem", h("strong", {}, said(problem.what))),
    cell("Count", badge(problem.count, rank(problem) ? "warn" : "bad")),
    cell("Since", time(problem.since)),
    cell("What to do", h("div", { class: "todo row" }, action(problem), next(problem.next)))));
  return h("div", { class: "card" }, h("table", { class: "table" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)));
}

/** Puts problems that may pass by themselves, and simulated ones, below the others. */
function rank({ what }) {
  return (what.includes("simulated") ? 2 : 0) + (what.includes("pending") ? 1 : 0);
}

/** Returns the link to where this console shows a problem, if it does. */
function action({ what, conversation_id: id }) {
  if (what === "in quarantine") return h("a", { class: "open", href: "#/quarantine" }, "Open the quarantine");
  return id && h("a", { class: "open", href: formatRoute(subjectPath("conversation", id)) }, "Open the oldest conversation");
}

/** Returns the next step: a runbook's address or a command. */
function next(text) {
  const isAddress = /^https?:\/\/\S+$/.test(text) && safeUrl(text) !== null;
  return isAddress ? h("a", { class: "open", href: text, target: "_blank", rel: "noopener noreferrer" }, "Read the runbook") : commandLine(text);
}

function noProblems(notes) {
  const [title, text] = notes.length
    ? ["Nothing is stuck, as far as this console can see", "No recording of the last seven days is missing. It cannot check everything:"]
    : ["Nothing is stuck", "The quarantine is empty, and no recording of the last seven days is missing."];
  return empty(title, h("p", {}, text), h("p", {}, h("a", { href: "#/conversations" }, "Show the conversations")));
}

// Quarantine: bodies that came with a valid token and could not be stored as events.

// By the status of the entry (docs/api.md, "POST /callbacks/{token}").
const EXPLANATIONS = {
  400: "The body is not a JSON object that can be stored. Tavus sends JSON objects only, so another program may have posted it. A gzip body is inflated and read when you redrive it.",
  422: "The body is JSON, but its subject or event type is missing or not valid. A later version may be able to read it: redrive it after an upgrade.",
};
// Control characters, and characters that change the direction of text, are shown by their number.
const INVISIBLE = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;
const PREVIEW = 120;

async function showQuarantine(page) {
  const tools = h("div");
  // Entries leave the list, so it is read again.
  page.memory.rows = null;
  const shown = await listPage({
    ...page, path: ["quarantine"], title: "Quarantine", tools,
    above: h("p", { class: "dim" }, "These bodies came with a valid token but could not be stored as events. Equal bodies are one entry. A redrive reads them again with the rules of this version."),
    api: "/quarantine", member: "quarantine", things: "entries", verb: "quarantine list", onError: noAccess,
    none: empty("The quarantine is empty", h("p", {}, "Every body that came with a valid token was stored."), h("p", {}, h("a", { href: "#/events" }, "Show the events"))),
    columns: [`Last received (${zoneName()})`, "Reason", "Token label", "Count", "Size"],
    idOf: (entry) => entry.quarantine_id, rowsOf: (entry) => row(entry, reload), onRows: (rows) => { tools.hidden = !rows.size; },
  });
  fill(tools, redrive(null, reload));
  return shown;

  function reload() {
    return shown.list.reload();
  }
}

function row(entry, reload) {
  return foldingRow({
    id: entry.quarantine_id,
    words: said(entry.detail),
    cells: (button) => [
      cell("Last received", time(entry.last_received_at)),
      cell("Reason", h("div", {}, button, entry.body && h("div", { class: "preview mono" }, said(visible(entry.body.slice(0, PREVIEW)))))),
      cell("Token label", said(entry.label)),
      cell("Count", entry.count),
      cell("Size", h("span", { class: "size" }, sizeText(entry.size))),
    ],
    details: () => details(entry, reload),
  });
}

function details(entry, reload) {
  const id = entry.quarantine_id;
  return [
    h("dl", {},
      fact("Entry", said(id, { class: "mono" }), copyButton("Copy", id)),
      fact("Reason", `${entry.status} ${entry.title}: `, said(entry.detail)),
      fact("Meaning", EXPLANATIONS[entry.status]),
      fact(`Received (${zoneName()})`, time(entry.first_received_at), entry.count > 1 && [" to ", time(entry.last_received_at), `, ${entry.count} times`]),
      Object.keys(entry.tags).length > 0 && fact("Tags", tags(entry.tags, null)),
      entry.content_encoding && fact("Encoding", said(entry.content_encoding)),
      fact("Redrive", redrive(id, reload)),
      fact("Delete", commandLine(operatorCommand("quarantine delete", id)))),
    bodyOf(entry),
  ];
}

function bodyOf({ quarantine_id: id, body, size }) {
  const download = h("a", { href: `${config.api}/quarantine/${encodeURIComponent(id)}/body`, download: `${id}.bin` }, `Download the body (${sizeText(size)})`);
  if (body === null) return h("p", {}, "This body is too large to show here. ", download);
  if (body === "") return h("p", {}, "The body is empty.");
  return h("div", { class: "json" },
    h("p", { class: "row" }, copyButton("Copy body", body), download),
    h("pre", { class: "body", tabindex: "0", "aria-label": "Body" }, said(visible(body))));
}

function visible(text) {
  return text.replace(INVISIBLE, (character) => `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`);
}

function sizeText(bytes) {
  const [unit, name] = bytes < 1024 ? [1, "B"] : bytes < 1_048_576 ? [1024, "KB"] : [1_048_576, "MB"];
  return `${Math.round(bytes / unit * 10) / 10} ${name}`;
}

/** Shows how to get a quarantine token if the console lacks one. */
function noAccess(error, options) {
  if (error.status !== 401 || isSignedOut(error)) return notice(error, options);
  return empty("The quarantine needs its own token",
    h("p", {}, error.title === "No access" ? "This console has no quarantine token." : "The quarantine token is revoked, expired or of another scope."),
    h("p", {}, sentence("Create one, set it as `TAVUS_CALLBACKS_QUARANTINE_TOKEN`, and start the console again:")),
    commandLine(operatorCommand("token create", null, "--label console --scope quarantine")),
    h("p", {}, h("button", { type: "button", onclick: options.again }, "Try again")));
}

/** Returns the button that stores an entry or all (null), or the commands if this console may not. */
function redrive(id, onDone) {
  const line = (...flags) => commandLine(operatorCommand("quarantine redrive", id, ...(id ? [] : ["--all"]), ...flags));
  if (!config.actions.includes("redrive")) return h("div", { class: "row" }, line("--dry-run"), line());
  return actionButton(id ? "Redrive…" : "Redrive all…", {
    title: id ? "Redrive this entry" : "Redrive the quarantine",
    name: "redrive",
    content: { entry_id: id },
    list: ({ quarantine }) => quarantine.map((each) => ({ ...each, id: each.quarantine_id, text: each.reason ?? each.event_id, event: each.outcome === "filed" && each.event_id })),
    isPossible: ({ outcome }) => outcome === "fileable",
    isDone: ({ outcome }) => outcome !== "refused",
    describe: (count, all, isDry) => (isDry ? `${count} of ${all} can be stored. Refused bodies stay in quarantine.` : `Stored ${count} of ${all}.`),
    verb: "Store",
    onDone,
  });
}

// Actions. Each shows first what it would do, and does it when asked again.

const OUTCOMES = { fileable: "ok", filed: "ok", refused: "bad", erased: "warn", "would be posted": "ok", taken: "ok", "no answer": "bad", "not posted": "warn" };

/** Returns a button that posts the stored bodies of a subject to an address. */
export function replayButton(kind, subject) {
  return actionButton("Replay…", {
    title: "Replay the events",
    intro: h("p", {}, "This posts the stored bodies to your address, in order of receipt, without retries."),
    field: h("input", { type: "url", name: "to", required: true, placeholder: "http://localhost:5000/webhook", autocomplete: "off" }),
    name: "replay",
    content: { kind, subject },
    list: ({ events }) => events.map((each) => ({ ...each, id: each.event_id, text: each.reason ?? (each.status_code ? `Status ${each.status_code}` : each.event_type) })),
    isPossible: ({ outcome }) => outcome === "would be posted",
    isDone: ({ outcome }) => outcome === "taken",
    describe: (count, all, isDry) => (isDry ? `${count} of ${all} would be posted.` : `The address accepted ${count} of ${all}.`),
    verb: "Post",
  });
}

function actionButton(words, action) {
  return h("button", { type: "button", onclick: () => confirmAction(action) }, words);
}

function confirmAction(action) {
  const { title, intro, field, onDone } = action;
  const state = h("div", { role: "status" });
  const buttons = h("div", { class: "row buttons" });
  const submit = (event) => { event.preventDefault(); run(view, true); };
  const form = field && h("form", { class: "row ask", onsubmit: submit }, h("label", {}, "Address", field), h("button", {}, "Dry run"));
  const dialog = showDialog(title, [intro, form, state, buttons]);
  const view = { action, state, buttons, isChanged: false, close: h("button", { type: "button", onclick: () => dialog.close() }, "Close") };
  dialog.classList.add("action");
  dialog.addEventListener("close", () => view.isChanged && onDone?.());
  addEventListener("hashchange", () => dialog.close(), { once: true });
  fill(buttons, view.close);
  if (!field) run(view, true);
}

async function run(view, isDry) {
  const { action, state, buttons, close } = view;
  fill(state, h("p", { class: "dim" }, isDry ? "Checking what it would do…" : "Working…"));
  fill(buttons, close);
  try {
    const items = action.list(await act(action.name, { ...action.content, ...(action.field && { to: action.field.value }), dry_run: isDry }));
    const { true: good = [], false: others = [] } = Object.groupBy(items, isDry ? action.isPossible : action.isDone);
    view.isChanged ||= !isDry;
    fill(state, h("p", {}, action.describe(good.length, items.length, isDry)), outcomes([...good, ...others]));
    fill(buttons, isDry && good.length > 0 && h("button", { type: "button", class: "primary", onclick: () => run(view, false) }, `${action.verb} ${good.length}`), close);
  } catch (error) {
    // A notice may repeat by itself: only the dry run is repeated.
    fill(state, notice(error, { again: () => run(view, true) }));
  }
}

function outcomes(items) {
  return h("ul", { class: "outcomes", tabindex: "0", "aria-label": "Outcomes" }, items.map(({ id, outcome, text, event }) => h("li", {},
    badge(outcome, OUTCOMES[outcome] ?? "bad"), " ", said(id, { class: "mono" }), text && h("div", { class: "dim" }, said(text)),
    event && h("a", { href: formatRoute(["events"], { open: event }) }, "Show the event"))));
}
