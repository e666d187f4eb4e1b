// Where a text stops being JSON. The messages of browsers differ, and some of them do not say where.

const TOKEN = /[{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const SPACE = /[ \t\r\n]*/y;
const CLOSERS = { "{": "}", "[": "]" };
// The states of the reader, named after what they expect.
const [VALUE, ITEM, NAME, MEMBER, COLON, END] = ["a value", "a value or ]", "a name in double quotes", "a name in double quotes or }", "a colon", "the end of the text"];
const NEXT = "a comma or the end of the list or object";

/** Returns the `line`, `column` and `start` where a text stops being JSON, and the `words` about it; null for JSON. */
export function jsonProblem(text) {
  const open = [];
  let state = VALUE;
  let at = 0;
  for (;;) {
    const start = at + match(SPACE, text, at).length;
    const token = match(TOKEN, text, start);
    const next = token && step(state, token, open);
    if (!next) {
      if (state === END && start === text.length) return null;
      const before = text.slice(0, start).split("\n");
      const words = text[start] === '"' && !token ? "This text in quotes has no end on its line, or a wrong escape." : `Expected ${state}.`;
      return { start, line: before.length, column: before.at(-1).length + 1, words };
    }
    state = next;
    at = start + token.length;
  }
}

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Returns what belongs after a token, or nothing if the token does not belong here. */
function step(state, token, open) {
  const after = () => (open.length ? NEXT : END);
  if (token === open.at(-1) && [NEXT, ITEM, MEMBER].includes(state)) {
    open.pop();
    return after();
  }
  if (state === NAME || state === MEMBER) return token.startsWith('"') && COLON;
  if (state === COLON) return token === ":" && VALUE;
  if (state === NEXT) return token === "," && (open.at(-1) === "}" ? NAME : VALUE);
  if (state === END || "}],:".includes(token)) return null;
  if (!(token in CLOSERS)) return after();
  open.push(CLOSERS[token]);
  return token === "{" ? MEMBER : ITEM;
}
