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
  accepted: ["warn", "The store does not answer. The callback waits in a queue and is filed later."],
  erased: ["plain", "Not stored: this subject was erased."],
  quarantined: ["bad"],
  refused: ["bad"],
};
// A longer body is not kept in the address.
const MOST_KEPT = 20_000;

/** Shows the forms to send, and the answers to what was sent. */
export async function show({ root, query, signal }) {
  fill(root, h("div", { class: "head" }, h("h1", {}, "Try")));
  if (!config.actions?.includes("send")) {
    root.append(empty("Callbacks can be sent to the local stack only", h("p", {}, "Start it, then open its console:"), commandLine("tavus-callbacks local")));
    return;
  }
  const status = h("p", { role: "status", class: "dim" });
  const hint = empty("Nothing sent yet", h("p", {}, "The answer to each callback appears here, with a link to the result."));
  const runs = h("div", { class: "runs" }, hint);
  const { scenarios } = await ask("/console/scenarios", { signal });
  const body = bodyForm(query, send);
  const scenario = scenarioForm(scenarios, query, send);
  root.append(
    h("p", { class: "dim" }, "Callbacks go to the receiver of the local stack, as Tavus sends them. They carry the tag ", h("span", { class: "tag" }, "simulated:true"), "."),
    h("div", { class: "columns" }, h("div", { class: "forms" }, scenario, body), h("div", { class: "answers" }, status, runs)));
  const options = scenario.querySelector(".options");
  options.scrollTop = options.querySelector(":checked").offsetTop - options.offsetTop - options.clientHeight / 2;
  setKeys({ "/": { words: "edit a body", run: () => body.querySelector("textarea").focus() } }, signal);

  async function send(title, content) {
    const answers = h("div", {}, h("p", { class: "dim" }, "Sending…"));
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
      fill(answers, notice(error, { again: () => { run.remove(); send(title, content); } }));
    }
  }
}

function scenarioForm(scenarios, query, send) {
  const chosen = scenarios.some(({ name }) => name === query.scenario) ? query.scenario : "recording";
  const option = ({ name, description, callbacks }) => h("label", {},
    h("input", { type: "radio", name: "scenario", value: name, checked: name === chosen }),
    h("span", {}, h("strong", {}, name), " ", h("span", { class: "dim" }, `${callbacks} ${callbacks === 1 ? "callback" : "callbacks"}`), h("br"), description));
  const line = h("div", {}, commandLine(command("simulate", chosen)));
  const form = h("form", { class: "card scenario", onsubmit: submit, onchange: choose },
    h("h2", { id: "scenario" }, "Send a scenario"),
    h("div", { class: "options", role: "radiogroup", "aria-labelledby": "scenario" }, scenarios.map(option)),
    h("div", { class: "row" }, h("button", { class: "primary" }, "Send"), line));
  function choose() {
    replaceQuery({ scenario: form.elements.scenario.value });
    fill(line, commandLine(command("simulate", form.elements.scenario.value)));
  }
  function submit(event) {
    event.preventDefault();
    send(`Scenario ${form.elements.scenario.value}`, { scenario: form.elements.scenario.value });
  }
  return form;
}

function bodyForm(query, send) {
  const problem = h("div", { id: "problem", role: "status" });
  const text = h("textarea", {
    name: "body", rows: 14, spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": "Body", "aria-describedby": "problem",
    oninput: check, onchange: keepText, onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(); },
  });
  const tagText = h("input", { name: "tags", value: query.tags, placeholder: "user:4711, plan:pro", autocomplete: "off", oninput: () => tagText.setCustomValidity(""), onchange: () => replaceQuery({ tags: tagText.value }) });
  const use = (value) => { text.value = value; check(); keepText(); };
  const form = h("form", { class: "card", onsubmit: submit },
    h("h2", {}, "Send a body"),
    h("p", { class: "row" }, h("span", { class: "dim" }, "Examples:"), Object.entries(EXAMPLES).map(([name, make]) =>
      h("button", { type: "button", class: "quiet", onclick: () => use(make()) }, name))),
    text, problem,
    h("div", { class: "row" }, h("label", { class: "field" }, "Tags", tagText)),
    h("div", { class: "row" }, h("button", { class: "primary" }, "Send"),
      h("button", { type: "button", onclick: () => { if (!jsonProblem(text.value)) use(JSON.stringify(JSON.parse(text.value), null, 2)); } }, "Format"),
      h("span", { class: "dim" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"), " sends")));
  function keepText() {
    replaceQuery({ body: text.value.length > MOST_KEPT ? null : text.value });
  }
  function check() {
    const wrong = jsonProblem(text.value);
    fill(problem, wrong && explain(text, wrong));
  }
  function submit(event) {
    event.preventDefault();
    const tags = readTags(tagText.value);
    tagText.setCustomValidity(tags ? "" : "Write tags as name:value, separated by commas.");
    if (tagText.reportValidity()) send("Body", { body: text.value, tags });
  }
  use(query.body ?? EXAMPLES["Call ended"]());
  return form;
}

/** Returns where the body stops being JSON; the button puts the cursor there. */
function explain(text, { start, line, column, text: words }) {
  const go = () => { text.focus(); text.setSelectionRange(start, start + 1); };
  return h("p", { class: "bad-text" },
    h("button", { type: "button", class: "quiet", onclick: go }, `Line ${line}, column ${column}`), ": ", words,
    h("code", { class: "wrong-line" }, said(text.value.split("\n")[line - 1])),
    h("span", { class: "dim" }, "You can send it: the receiver puts it into quarantine."));
}

/** Returns the tags of a text such as `user:4711, plan:pro`, or null if it is none. */
function readTags(text) {
  const pairs = text.split(",").map((pair) => pair.trim()).filter(Boolean).map((pair) => pair.split(/:(.*)/s).slice(0, 2));
  return pairs.every(([name, value]) => name && value) ? Object.fromEntries(pairs) : null;
}

function outcomeOf({ body }) {
  if (typeof body?.status === "string" && body.status in OUTCOMES) return body.status;
  return body?.quarantine_id ? "quarantined" : "refused";
}

function summary(answers) {
  const counts = new Map();
  for (const outcome of answers.map(outcomeOf)) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return `${answers.length} sent: ${[...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ")}.`;
}

/** Returns links to what the callbacks are about. */
function results(answers) {
  const subjects = new Map(answers.filter(({ body }) => body?.subject).map(({ body }) => [`${body.kind} ${body.subject}`, body]));
  return subjects.size > 0 && h("ul", { class: "results" }, [...subjects.values()].map(({ kind, subject }) =>
    h("li", {}, `Open the ${kind} `, subjectLink(kind, subject))));
}

function answerItem(answer) {
  const { status, body, event_type: type } = answer;
  const outcome = outcomeOf(answer);
  const [kind, words] = OUTCOMES[outcome];
  return h("li", {},
    badge(`${status} ${outcome}`, kind), " ", type && said(type, { class: "mono" }),
    h("div", {}, words, said(body?.detail ?? "")),
    reasons(body?.errors?.map(({ field, detail }) => [field, detail])),
    reasons(body?.issues?.map((issue) => [issue, explainIssue(issue)])),
    body?.quarantine_id && h("a", { href: formatRoute(["quarantine"], { open: body.quarantine_id }) }, "Open it in the quarantine"),
    h("details", {}, h("summary", {}, "Answer"), h("div", { class: "tree" }, tree(body))));
}

function reasons(pairs = []) {
  return pairs.length > 0 && h("ul", { class: "reasons" }, pairs.map(([name, words]) =>
    h("li", {}, said(name, { class: "mono" }), h("div", { class: "dim" }, said(words)))));
}

const EXAMPLES = {
  "Call ended": () => example("conversation_id", "c", { event_type: "system.shutdown", message_type: "system", timestamp: now(), properties: { replica_id: "r79e1c033f", shutdown_reason: "participant_left_timeout" } }),
  Transcript: () => example("conversation_id", "c", {
    event_type: "application.transcription_ready", message_type: "application", timestamp: now(),
    properties: { replica_id: "r79e1c033f", transcript: [
      { role: "assistant", content: "Where will you ride it?", seconds_from_start: 1, duration: 2 },
      { role: "user", content: "To work, and the hill is steep.", seconds_from_start: 4, duration: 3 },
    ] },
  }),
  Video: () => example("video_id", "v", { status: "ready", video_name: "Welcome", hosted_url: "https://videos.example.com/welcome", created_at: now() }),
  "Without an id": () => JSON.stringify({ event_type: "system.shutdown", timestamp: now() }, null, 2),
  "Not JSON": () => '{\n  "event_type": "system.shutdown",\n}',
};

function now() {
  return new Date().toISOString();
}

/** Returns a body about a subject that nothing was sent about. */
function example(member, prefix, content) {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  const id = `${prefix}try${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  return JSON.stringify({ [member]: id, ...content }, null, 2);
}
