// Commands to paste into a terminal. Ids come from strangers: each stays one argument, and none of it is executed.

import { config } from "/console/api.js";
import { h, said } from "/console/dom.js";
import { copyButton } from "/console/parts.js";

const LIST_OPTIONS = { __proto__: null, kind: "kind", event_type: "event-type", label: "label", tag: "tag", status: "status", missing: "missing", since: "since", until: "until", before: "until", by: "by" };
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/;
const HIDDEN = /(?! )[\p{C}\p{Z}]/u;
const ESCAPED = /(?! )[\p{C}\p{Z}]|[\\'!]/gu;

/** Returns one argument for bash and zsh, by the rules of output/shell.py. */
function argument(text) {
  if (HIDDEN.test(text)) return `$'${text.replace(ESCAPED, octal)}'`;
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

function octal(character) {
  const bytes = new TextEncoder().encode(character === "\0" ? "\ufffd" : character);
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** Returns a command for the target of this console; `id` is null if it is about no single thing. */
export function command(verb, id, ...flags) {
  return line(verb, id, [...flags, config.option]);
}

/** Returns the command line that lists the same; null if it has no option for one of the filters. */
export function listCommand(verb, filters, ...flags) {
  const given = Object.entries(filters).filter(([, value]) => value);
  if (given.some(([name]) => !(name in LIST_OPTIONS))) return null;
  return commandLine(command(verb, null, ...given.map(([name, value]) => `--${LIST_OPTIONS[name]} ${argument(value)}`), ...flags));
}

/** Returns a command that needs AWS credentials: a URL gives none, so a stack has to be named. */
export function operatorCommand(verb, id, ...flags) {
  return line(verb, id, [...flags, config.option || "--stack NAME"]);
}

function line(verb, id, flags) {
  const names = id === null ? [] : [argument(id)];
  // An id that begins with a dash would be read as an option.
  const words = id?.startsWith("-") ? [...flags, "--", ...names] : [...names, ...flags];
  return ["tavus-callbacks", verb, ...words].filter(Boolean).join(" ");
}

/** Returns a command line to read and to copy. */
export function commandLine(text) {
  return h("div", { class: "command" }, h("code", {}, said(text)), copyButton("Copy", text));
}
