// Try: sends a scenario or a body to the local stack, and shows what became of each callback.

import { act, ask, config } from "/console/api.js";
import { command, commandLine } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { explainIssue } from "/console/event.js";
import { jsonProblem } from "/console/json.js";
import { setKeys } from "/console/keys.js";
import { badge, empty, notice, time } from "/console/parts.js";
import { formatRoute, replaceQuery } from "/console/router.js";
import { subjectLink } from "/console/subjects.js";
import { tree } from "/console/tree.js";

const OUTCOMES = {
  stored: ["ok"],
  duplicate: ["warn", "This event is stored already. Nothing changed."],
  accepted: ["warn", "The store does not answer. The callback waits in a queue."],
  erased: ["plain", "Not stored: this subject was erased."],
  quarantined: ["bad"],
  refused: ["bad"],
};
const EXAMPLES = {
  "Call ended": () => body({ conversation_id: `ctry${crypto.randomUUID().slice(0, 8)}`, properties: { shutdown_reason: "participant_left_timeout" } }),
  "Without an id": () => body({}),
  "Not JSON": () => '{\n  "event_type": "system.shutdown",\n}',
};
// A longer body is not kept in the address.
const MOST_KEPT = 20_000;

/** Shows the forms to send, and the answers to what was sent. */
export async function show({ root, query, signal }) {
  fill(root, h("div", { class: "head" }, h("h1", {}, "Try")));
  if (!config.actions.includes("send")) {
    root.append(empty("Callbacks can be sent to the local stack only", h("p", {}, "Start it, then open its console:"), commandLine("tavus-callbacks local")));
    return;
  }
  const status = h("p", { role: "status", class: "dim" });
  const hint = empty("Nothing sent yet", h("p", {}, "The answer to each callback appears here, with a link to the result."));
  const runs = h("div", { class: "runs" }, hint);
  const { scenarios } = await ask("/console/scenarios", { signal });
  const [scenarioForm, form] = [formOfScenarios(scenarios, query, send), formOfBody(query, send)];
  root.append(
    h("p", { class: "dim" }, "Callbacks go to the receiver of the local stack, as Tavus sends them, with the tag ", h("span", { class: "tag" }, "simulated:true"), "."),
    h("div", { class: "columns" }, h("div", { class: "forms" }, scenarioForm, form), h("div", { class: "answers" }, status, runs)));
  const options = scenarioForm.querySelector(".options");
  options.scrollTop = options.querySelector(":checked").offsetTop - options.offsetTop - options.clientHeight / 2;
  setKeys({ "/": { words: "edit a body", run: () => form.elements.body.focus() } }, signal);

  async function send(title, content) {
    const answers = h("div", {}, "Sending…");
    const run = h("section", { class: "card run" }, h("h2", {}, title, " ", time(new Date().toISOString(), { date: false })), answers);
    hint.remove();
    runs.prepend(run);
    run.scrollIntoView({ block: "nearest" });
    fill(status, "Sending…");
    try {
      const sent = (await act("send", content)).answers;
      fill(status, summary(sent));
      fill(answers, results(sent), h("ol", {}, sent.map(answerItem)));
    } catch (error) {
      fill(status);
      fill(answers, notice(error, { again: () => { run.remove(); send(title, content); }, isRead: false }));
    }
  }
}

function formOfScenarios(scenarios, query, send) {
  const chosen = scenarios.find(({ name }) => name === query.scenario)?.name ?? "recording";
  const option = ({ name, description, callbacks }) => h("label", {},
    h("input", { type: "radio", name: "scenario", value: name, checked: name === chosen }),
    h("span", {}, h("strong", {}, name), " ", h("span", { class: "dim" }, `${callbacks} callback${callbacks === 1 ? "" : "s"}`), h("br"), description));
  const line = h("div", {}, commandLine(command("simulate", chosen)));
  const choice = () => form.elements.scenario.value;
  const form = h("form", { class: "card", onsubmit, onchange },
    h("h2", { id: "scenario" }, "Send a scenario"),
    h("div", { class: "options", role: "radiogroup", "aria-labelledby": "scenario" }, scenarios.map(option)),
    h("div", { class: "row" }, h("button", { class: "primary" }, "Send"), line));
  function onchange() {
    replaceQuery({ scenario: choice() });
    fill(line, commandLine(command("simulate", choice())));
  }
  function onsubmit(event) {
    event.preventDefault();
    send(`Scenario ${choice()}`, { scenario: choice() });
  }
  return form;
}

function formOfBody(query, send) {
  const problem = h("div", { id: "problem", role: "status" });
  const text = h("textarea", { name: "body", rows: 14, spellcheck: "false", autocapitalize: "off", "aria-label": "Body", "aria-describedby": "problem", oninput: check, onchange: keep, onkeydown });
  const tagField = h("input", { name: "tags", value: query.tags, placeholder: "user:4711, plan:pro", autocomplete: "off", oninput: () => tagField.setCustomValidity(""), onchange: () => replaceQuery({ tags: tagField.value }) });
  const button = (words, onclick) => h("button", { type: "button", class: "quiet", onclick }, words);
  const form = h("form", { class: "card", onsubmit },
    h("h2", {}, "Send a body"),
    h("p", { class: "row" }, "Examples:", Object.entries(EXAMPLES).map(([name, make]) => button(name, () => use(make())))),
    text, problem,
    h("div", { class: "row" }, h("label", { class: "field" }, "Tags", tagField)),
    h("div", { class: "row" }, h("button", { class: "primary" }, "Send"), button("Format", () => { if (!jsonProblem(text.value)) use(pretty(JSON.parse(text.value))); }),
      h("span", { class: "dim" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"), " sends")));
  function use(value) {
    text.value = value;
    check();
    keep();
  }
  function keep() {
    replaceQuery({ body: text.value.length > MOST_KEPT ? null : text.value });
  }
  function check() {
    const wrong = jsonProblem(text.value);
    fill(problem, wrong && explain(text, wrong));
  }
  function onkeydown(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  }
  function onsubmit(event) {
    event.preventDefault();
    const tags = readTags(tagField.value);
    tagField.setCustomValidity(tags ? "" : "Write tags as name:value, separated by commas.");
    if (tagField.reportValidity()) send("Body", { body: text.value, tags });
  }
  use(query.body ?? EXAMPLES["Call ended"]());
  return form;
}

/** Returns where the body stops being JSON; the button puts the cursor there. */
function explain(text, { start, line, column, words }) {
  const go = () => { text.focus(); text.setSelectionRange(start, start + 1); };
  return h("p", { class: "bad-text" },
    h("button", { type: "button", class: "quiet", onclick: go }, `Line ${line}, column ${column}`), ": ", words,
    h("code", { class: "wrong-line" }, said(text.value.split("\n")[line - 1])),
    h("span", { class: "dim" }, "You can send it: the receiver puts it into quarantine."));
}

/** Returns the tags of a text such as `user:4711, plan:pro`; null for any other text. */
function readTags(text) {
  const pairs = text.split(",").map((pair) => pair.trim()).filter(Boolean).map((pair) => pair.split(/:(.*)/s).slice(0, 2));
  return pairs.every(([name, value]) => name && value) ? Object.fromEntries(pairs) : null;
}

function outcomeOf({ body: answer }) {
  return OUTCOMES[answer?.status] ? answer.status : answer?.quarantine_id ? "quarantined" : "refused";
}

function summary(answers) {
  const counts = new Map();
  for (const outcome of answers.map(outcomeOf)) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return `${answers.length} sent: ${[...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ")}.`;
}

/** Returns links to what the callbacks are about. */
function results(answers) {
  const subjects = new Map(answers.filter((each) => each.body?.subject).map((each) => [`${each.body.kind} ${each.body.subject}`, each.body]));
  return subjects.size > 0 && h("ul", { class: "results" }, [...subjects.values()].map(({ kind, subject }) => h("li", {}, `Open the ${kind} `, subjectLink(kind, subject))));
}

function answerItem(answer) {
  const { status, body: content, event_type: type } = answer;
  const outcome = outcomeOf(answer);
  const [kind, words] = OUTCOMES[outcome];
  const reason = (name, text) => h("li", {}, said(name, { class: "mono" }), h("div", { class: "dim" }, said(text)));
  return h("li", {},
    badge(`${status} ${outcome}`, kind), " ", type && said(type, { class: "mono" }),
    h("div", {}, words, said(content?.detail ?? "")),
    h("ul", { class: "reasons" }, content?.errors?.map(({ field, detail }) => reason(field, detail)), content?.issues?.map((issue) => reason(issue, explainIssue(issue)))),
    content?.quarantine_id && h("a", { href: formatRoute(["quarantine"], { open: content.quarantine_id }) }, "Open it in the quarantine"),
    h("details", {}, h("summary", {}, "Answer"), h("div", { class: "tree" }, tree(content))));
}

/** Returns a body about a call that ended now. */
function body(members) {
  return pretty({ event_type: "system.shutdown", message_type: "system", timestamp: new Date().toISOString(), ...members });
}

function pretty(value) {
  return JSON.stringify(value, null, 2);
}
