// Everything that is stuck, each with its action or the command to type next.

import { ask } from "/console/api.js";
import { commandLine } from "/console/command.js";
import { fill, h, safeUrl, said } from "/console/dom.js";
import { setKeys } from "/console/keys.js";
import { cell, listKeys } from "/console/listing.js";
import { badge, empty, loading, notice, sentence, time } from "/console/parts.js";
import { formatRoute } from "/console/router.js";
import { subjectPath } from "/console/subjects.js";
import { timeText, zoneName } from "/console/time.js";

/** Shows what `tavus-callbacks problems` says. */
export async function show({ root, signal }) {
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
      fill(content, problems.length ? table(problems) : nothing(notes), notes.map((note) => h("p", { class: "foot" }, sentence(note))));
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

function table(problems) {
  const heads = ["Problem", "Count", `Since (${zoneName()})`, "What to do"].map((head) => h("th", { scope: "col" }, head));
  return h("div", { class: "card" }, h("table", { class: "table" },
    h("thead", {}, h("tr", {}, heads)), h("tbody", {}, problems.toSorted((one, other) => rank(one) - rank(other)).map(row))));
}

function row(problem) {
  return h("tr", {},
    cell("Problem", h("strong", {}, said(problem.what))),
    cell("Count", badge(problem.count, rank(problem) ? "warn" : "bad")),
    cell("Since", time(problem.since)),
    cell("What to do", h("div", { class: "todo" }, action(problem), next(problem.next))));
}

/** Puts what may pass by itself, and what is simulated, below the rest. */
function rank({ what }) {
  return (what.includes("simulated") ? 2 : 0) + (what.includes("pending") ? 1 : 0);
}

/** Returns the link to where this console shows a problem, if it does. */
function action(problem) {
  const link = (path, words) => h("a", { class: "open", href: formatRoute(path) }, words);
  if (problem.what === "in quarantine") return link(["quarantine"], "Open the quarantine");
  if (problem.conversation_id) return link(subjectPath("conversation", problem.conversation_id), "Open the oldest conversation");
  return null;
}

/** Returns the next step: a runbook's address or a command. */
function next(text) {
  const isAddress = /^https?:\/\/\S+$/.test(text) && safeUrl(text) !== null;
  return isAddress ? h("a", { class: "open", href: text, target: "_blank", rel: "noopener noreferrer" }, "Read the runbook") : commandLine(text);
}

function nothing(notes) {
  const [title, text] = notes.length
    ? ["Nothing is stuck, as far as this console can see", "No recording of the last seven days is missing. It cannot check everything:"]
    : ["Nothing is stuck", "The quarantine is empty, and no recording of the last seven days is missing."];
  return empty(title, h("p", {}, text), h("p", {}, h("a", { href: "#/conversations" }, "Show the conversations")));
}
