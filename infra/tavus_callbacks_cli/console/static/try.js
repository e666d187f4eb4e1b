// Try: sends a scenario or a body to the local stack, and shows what became of each callback.

import { act, ask, config } from "/console/api.js";
import { fill, formatRoute, h, replaceQuery, said } from "/console/base.js";
import { explainIssue } from "/console/events.js";
import { badge, command, commandLine, empty, loading, notice, subjectLink, time } from "/console/parts.js";
import { fold, tree } from "/console/tree.js";

const OUTCOMES = {
  stored: ["ok"],
  duplicate: ["warn", "This event is stored already. Nothing changed."],
  accepted: ["warn", "The store does not answer. The callback waits in a queue."],
  erased: ["plain", "Not stored: this subject was erased."],
};

/** Shows the forms to send, and the answers to what was sent. */
export async function show({ root, query, signal }) {
  fill(root, h("div", { class: "head" }, h("h1", {}, "Try")));
  if (!config.actions.includes("send")) {
    root.append(empty("Callbacks can be sent to the local stack only", h("p", {}, "Start it, then open its console:"), commandLine("tavus-callbacks local")));
    return;
  }
  const status = h("p", { role: "status", class: "dim" }, "The answer to each callback appears here, with a link to the result.");
  const runs = h("div", { class: "runs" });
  const wait = loading();
  root.append(wait);
  const { scenarios } = await ask("/console/scenarios", { signal });
  wait.replaceWith(
    h("p", { class: "dim" }, "Callbacks go to the receiver of the local stack, as Tavus sends them, with the tag ", h("span", { class: "tag" }, "simulated:true"), "."),
    h("div", { class: "columns" }, h("div", { class: "forms" }, scenarioForm(scenarios, query, send), bodyForm(query, send)), h("div", { class: "answers" }, status, runs)));

  async function send(title, content) {
    const answers = h("div");
    const run = h("section", { class: "card run" }, h("h2", {}, title, " ", time(new Date().toISOString(), { date: false })), answers);
    runs.prepend(run);
    fill(status, "Sending…");
    try {
      const sent = (await act("send", content)).answers;
      fill(status, `${sent.length} sent.`);
      fill(answers, results(sent), h("ol", {}, sent.map(answerItem)));
    } catch (error) {
      fill(status);
      fill(answers, notice(error, { again: () => { run.remove(); send(title, content); }, isRead: false }));
    }
  }
}

function scenarioForm(scenarios, query, send) {
  const option = ({ name, callbacks }) => h("option", { value: name, selected: name === (query.scenario ?? "recording") }, `${name} (${callbacks})`);
  const line = h("div");
  const select = h("select", { "aria-label": "Scenario", onchange: () => { describe(); replaceQuery({ scenario: select.value }); } }, scenarios.map(option));
  function describe() {
    fill(line, h("p", {}, scenarios.find(({ name }) => name === select.value).description), commandLine(command("simulate", select.value)));
  }
  function onsubmit(event) {
    event.preventDefault();
    send(`Scenario ${select.value}`, { scenario: select.value });
  }
  describe();
  return h("form", { class: "card", onsubmit }, h("h2", {}, "Send a scenario"), select, line, h("button", { class: "primary" }, "Send"));
}

function bodyForm(query, send) {
  const problem = h("p", { id: "problem", class: "bad-text", role: "status" });
  const text = h("textarea", { rows: 14, spellcheck: "false", autocapitalize: "off", "aria-label": "Body", "aria-describedby": "problem", oninput: check, onchange: () => replaceQuery({ body: text.value }) });
  function check() {
    try {
      JSON.parse(text.value);
      fill(problem);
    } catch (error) {
      fill(problem, said(error.message), ". You can send it: the receiver puts it into quarantine.");
    }
  }
  function onsubmit(event) {
    event.preventDefault();
    send("Body", { body: text.value });
  }
  text.value = query.body ?? example();
  check();
  return h("form", { class: "card", onsubmit }, h("h2", {}, "Send a body"), text, problem, h("button", { class: "primary" }, "Send"));
}

function example() {
  return JSON.stringify({
    event_type: "system.shutdown", message_type: "system", timestamp: new Date().toISOString(), conversation_id: `ctry${crypto.randomUUID().slice(0, 8)}`,
    properties: { shutdown_reason: "participant_left_timeout" },
  }, null, 2);
}

function results(answers) {
  const subjects = new Map(answers.filter((each) => each.body?.subject).map(({ body }) => [`${body.kind} ${body.subject}`, body]));
  return subjects.size > 0 && h("ul", { class: "results" }, [...subjects.values()].map(({ kind, subject }) => h("li", {}, `Open the ${kind} `, subjectLink(kind, subject))));
}

function answerItem({ status, body, event_type: type }) {
  const outcome = OUTCOMES[body?.status] ? body.status : body?.quarantine_id ? "quarantined" : "refused";
  const [kind, words] = OUTCOMES[outcome] ?? ["bad"];
  const reason = (name, text) => h("li", {}, said(name, { class: "mono" }), h("div", { class: "dim" }, said(text)));
  return h("li", {},
    badge(`${status} ${outcome}`, kind), " ", type && said(type, { class: "mono" }),
    h("div", {}, words, said(body?.detail ?? "")),
    h("ul", { class: "reasons" }, body?.errors?.map(({ field, detail }) => reason(field, detail)), body?.issues?.map((issue) => reason(issue, explainIssue(issue)))),
    body?.quarantine_id && h("a", { href: formatRoute(["quarantine"], { open: body.quarantine_id }) }, "Open it in the quarantine"),
    fold("Answer", () => tree(body)));
}
