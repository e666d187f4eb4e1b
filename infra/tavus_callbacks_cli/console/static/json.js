// Where a text stops being JSON. The messages of browsers differ, and some of them do not say where.

const TOKEN = /[{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const SPACE = /[ \t\r\n]*/y;
const CLOSERS = { "{": "}", "[": "]" };
const EXPECTED = {
  value: "A value",
  item: "A value or ]",
  name: "A name in double quotes",
  member: "A name in double quotes or }",
  colon: "A colon",
};

/** Returns the `line` and `column` where a text stops being JSON, the `start` of that place and the `text` about it; null for JSON. */
export function jsonProblem(text) {
  const open = [];
  let state = "value";
  let at = 0;
  for (;;) {
    const start = at + match(SPACE, text, at).length;
    const token = match(TOKEN, text, start);
    const next = token === undefined ? undefined : step(state, token, open);
    if (next === undefined) return state === "end" && start === text.length ? null : describe(text, start, state, open);
    state = next;
    at = start + token.length;
  }
}

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Returns what belongs after a token, or undefined if the token does not belong here. */
function step(state, token, open) {
  const isValue = !/^[}\],:]/.test(token);
  if (token === open.at(-1) && ["next", "item", "member"].includes(state)) {
    open.pop();
    return open.length ? "next" : "end";
  }
  if (["value", "item"].includes(state) && isValue) {
    if (token in CLOSERS) open.push(CLOSERS[token]);
    if (token in CLOSERS) return token === "{" ? "member" : "item";
    return open.length ? "next" : "end";
  }
  if (["name", "member"].includes(state)) return token.startsWith('"') ? "colon" : undefined;
  if (state === "colon") return token === ":" ? "value" : undefined;
  if (state === "next" && token === ",") return open.at(-1) === "}" ? "name" : "value";
  return undefined;
}

function describe(text, start, state, open) {
  const before = text.slice(0, start).split("\n");
  const place = { start, line: before.length, column: before.at(-1).length + 1 };
  if (start === text.length) return { ...place, text: "The text ends too early." };
  if (text[start] === '"' && match(TOKEN, text, start) === undefined) {
    return { ...place, text: "This text in quotes has no end on its line, or a wrong escape." };
  }
  if (state === "end") return { ...place, text: "The value ends before this." };
  return { ...place, text: `${EXPECTED[state] ?? `A comma or ${open.at(-1)}`} belongs here.` };
}
