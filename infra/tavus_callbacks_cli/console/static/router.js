// State lives in the fragment, so ids and tags never reach a server log: `#/conversations/ID?tab=events&t=93.5`.

/** Returns the route of a fragment: `path` as decoded parts and `query` as an object. */
export function parseRoute(fragment) {
  const [path, query = ""] = fragment.replace(/^#\/?/, "").split(/\?(.*)/s);
  return {
    path: path.split("/").filter(Boolean).map(decode),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** Returns the fragment of a route; values that are empty are left out. */
export function formatRoute(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text && `?${text}`}`;
}

/** Puts other query members into the address without a new entry in the history and without rendering again. */
export function replaceQuery(changes) {
  const { path, query } = parseRoute(location.hash);
  history.replaceState(history.state, "", formatRoute(path, { ...query, ...changes }));
}

/** Goes to a route, as a link does. */
export function go(path, query = {}) {
  location.hash = formatRoute(path, query);
}

/** Returns the key that a fragment begins with, or null, and the fragment of the route after it: `#key=KEY&/stats`. */
export function splitKey(fragment) {
  const [, key = null, rest = ""] = /^#key=([\w-]*)[^\w/]*(.*)$/s.exec(fragment) ?? [null, null, fragment];
  return { key, rest: rest && `#${rest.replace(/^#/, "")}` };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// Settings of a person are in localStorage. It throws in private windows or when it is full: settings then last until reload.

const settings = new Map();

/** Returns a setting of this browser, or null. */
export function recall(name) {
  if (settings.has(name)) return settings.get(name);
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Stores a setting; null removes it. Returns false if it lasts only until the page is reloaded. */
export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
    settings.delete(name);
    return true;
  } catch {
    settings.set(name, value);
    return false;
  }
}
