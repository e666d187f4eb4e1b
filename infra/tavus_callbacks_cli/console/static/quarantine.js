// Bodies that came with a valid token and could not be filed: the reason, the body as text, and a way to file them.

import { config } from "/console/api.js";
import { redriveButton } from "/console/actions.js";
import { commandLine, listCommand, operatorCommand } from "/console/command.js";
import { fill, h, said } from "/console/dom.js";
import { setKeys } from "/console/keys.js";
import { cell, foldingRow, listKeys, showList } from "/console/listing.js";
import { copyButton, empty, isSignedOut, notice, time } from "/console/parts.js";
import { tagList } from "/console/subjects.js";
import { zoneName } from "/console/time.js";

// By the status of the entry and its title (docs/api.md, "POST /callbacks/{token}").
const EXPLANATIONS = {
  400: "The body is not a JSON object that can be stored. Tavus sends JSON objects only, so another program may have posted it. A gzip body is inflated and read when you redrive it.",
  422: "The body is JSON, but its subject or event type is missing or not valid. A later version may be able to read it: redrive it after an upgrade.",
};
// Control characters, and characters that change the direction of text, are shown by their number.
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;
const PREVIEW = 120;
const TOKEN = "TAVUS_CALLBACKS_QUARANTINE_TOKEN";
const UNITS = [[1_048_576, "MB"], [1024, "KB"]];

/** Shows the entries of quarantine. */
export async function show({ root, query, memory, signal }) {
  const listRoot = h("div");
  const tools = h("div");
  fill(root, h("div", { class: "head" }, h("h1", {}, "Quarantine"), tools),
    h("p", { class: "dim" }, "These bodies came with a valid token and could not be filed. Equal bodies are one entry. A redrive reads them again with the rules of this version."), listRoot);
  setKeys(listKeys(root), signal);
  const { body, load } = await showList({
    root: listRoot, query, memory, signal,
    list: {
      api: "/quarantine", member: "quarantine", path: ["quarantine"], same: listCommand("quarantine list", {}), fixed: {}, filters: {}, onError: problem,
      columns: [`Last received (${zoneName()})`, "Reason", "Token label", "Count", "Size"],
      rows: (entry) => rows(entry, () => load()),
      nothing: () => empty("The quarantine is empty", h("p", {}, "Every body that came with a valid token was filed."), h("p", {}, h("a", { href: "#/events" }, "Show the events"))),
    },
  });
  if (body.rows.length) fill(tools, redrive(null, load));
}

function rows(entry, reload) {
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
  const pair = (name, ...values) => [h("dt", {}, name), h("dd", {}, values)];
  return h("div", { class: "entry" },
    h("dl", { class: "pairs" },
      pair("Entry", said(id, { class: "mono" }), copyButton("Copy", id)),
      pair("Reason", `${entry.status} ${entry.title}: `, said(entry.detail)),
      pair("Meaning", EXPLANATIONS[entry.status]),
      pair(`Received (${zoneName()})`, time(entry.first_received_at), entry.count > 1 && [" to ", time(entry.last_received_at), `, ${entry.count} times`]),
      Object.keys(entry.tags).length > 0 && pair("Tags", tagList(entry.tags)),
      entry.content_encoding && pair("Encoding", said(entry.content_encoding)),
      pair("Redrive", redrive(id, reload))),
    bodyOf(entry));
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
  return text.replace(HIDDEN, (character) => `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`);
}

/** Returns the button that files an entry or all (null), or the commands where this console may not. */
function redrive(id, reload) {
  if (config.actions.includes("redrive")) return redriveButton(id, reload);
  const line = (...flags) => commandLine(operatorCommand("quarantine redrive", id, ...(id ? [] : ["--all"]), ...flags));
  return h("div", { class: "commands" }, line("--dry-run"), line());
}

/** Says how to get a quarantine token where that is what is missing. */
function problem(error, options) {
  if (error.status !== 401 || isSignedOut(error)) return notice(error, options);
  return h("section", { class: "notice" },
    h("h2", {}, "The quarantine requires a token of its own"),
    h("p", {}, error.title === "No access" ? "This console has no quarantine token." : "The quarantine token is revoked, expired or of another scope."),
    h("p", {}, "Create one, set it as ", h("code", {}, TOKEN), ", and start the console again:"),
    h("div", {}, commandLine(operatorCommand("token create", null, "--label console --scope quarantine"))),
    h("p", {}, h("button", { type: "button", onclick: options.again }, "Try again")));
}

function sizeText(bytes) {
  const unit = UNITS.find(([least]) => bytes >= least);
  return unit ? `${Math.round(bytes / unit[0] * 10) / 10} ${unit[1]}` : `${bytes} B`;
}
