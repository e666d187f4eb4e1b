// Shared by all modules: nodes, the address, settings, times. Nothing here parses HTML or sends a request.

const SVG = "http://www.w3.org/2000/svg";

/** Returns a URL that is safe to bind: https, this origin, or an origin that `allow` names; else null. */
export function safeUrl(text, allow = []) {
  const url = URL.parse(text, location.href);
  // A blob: URL has the origin of its page.
  const isSafe = url && (url.protocol === "https:" || allow.includes(url.origin) || (url.origin === location.origin && url.protocol === location.protocol));
  return isSafe ? url.href : null;
}

/** Returns an element. Properties are attributes, or listeners (`on…`); null, undefined and false are left out. */
export function h(tag, properties = {}, ...children) {
  return build(document.createElement(tag), properties, children);
}

/** Returns an SVG element, as `h` does. */
export function s(tag, properties = {}, ...children) {
  return build(document.createElementNS(SVG, tag), properties, children);
}

/** Returns anybody's text; its direction does not reach the text around it. */
export function said(text, properties = {}) {
  return h("bdi", { dir: "auto", ...properties }, text);
}

/** Replaces what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

function build(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (isAbsent(value)) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (!/^(href|src)$/.test(name) || safeUrl(value) !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => !isAbsent(child));
}

function isAbsent(value) {
  return value === false || value === null || value === undefined;
}

// The address. State lives in the fragment, so ids and tags never reach a server log: `#/conversations/ID?tab=events&t=93.5`.

/** Returns the `path` (decoded parts) and the `query` of a fragment. */
export function parseRoute(fragment) {
  const [path, query = ""] = fragment.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { path: path.split("/").filter(Boolean).map(decode), query: Object.fromEntries(new URLSearchParams(query)) };
}

/** Returns the fragment of a route. */
export function formatRoute(path, query = {}) {
  return `#/${path.map(encodeURIComponent).join("/")}${formatQuery(query)}`;
}

/** Returns `?a=b` without the members that are empty, or "". */
export function formatQuery(query) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && !isAbsent(value))).toString();
  return text && `?${text}`;
}

/** Changes the query of the address, without an entry in the history and without rendering. */
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

// Settings. localStorage throws in private windows and when it is full: a setting then lasts until reload.

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

/** Stores a setting, or removes it (null). Returns false if it lasts only until the page is reloaded. */
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

// Times and spans as text, in UTC or local time.

const ZONE_SETTING = "tavus-callbacks.zone";
// Read once: it takes longer than all else about a time.
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone.split("/").pop().replaceAll("_", " ");
const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Returns whether times are shown in UTC. */
export function isUtc() {
  return recall(ZONE_SETTING) === "utc";
}

/** Returns "UTC", or the city of this browser's zone. */
export function zoneName() {
  return isUtc() ? "UTC" : ZONE;
}

/** Switches between local time and UTC. */
export function switchZone() {
  keep(ZONE_SETTING, isUtc() ? "local" : "utc");
}

/** Returns a time such as `2026-11-28 10:27:06`, or without its day or its seconds. */
export function timeText(iso, { date = true, seconds = true } = {}) {
  const at = new Date(iso);
  const shown = isUtc() ? at : new Date(at - at.getTimezoneOffset() * 60_000);
  if (!iso || Number.isNaN(shown.getTime())) return iso || "–";
  const [day, clock] = shown.toISOString().split(/[T.]/);
  return `${date ? `${day} ` : ""}${seconds ? clock : clock.slice(0, 5)}`;
}

/** Returns a span such as `1 h 02 min`, `3 min 20 s` or `4.5 s`. */
export function spanText(seconds) {
  if (isAbsent(seconds)) return "–";
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
}

/** Returns a position in a recording or talk, such as `1:02:03` or `2:03`. */
export function clockText(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${seconds < 0 ? "−" : ""}${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}

function two(number) {
  return String(number).padStart(2, "0");
}

/** Returns how long ago a time is, such as `5 min ago`. */
export function agoText(iso) {
  const seconds = (Date.now() - new Date(iso)) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < UNITS.h) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < UNITS.d ? `${Math.floor(seconds / UNITS.h)} h ago` : `${Math.floor(seconds / UNITS.d)} d ago`;
}

/** Returns the time of a filter: `7d` is seven days ago, other texts stay as they are. */
export function moment(text) {
  const [, count, unit] = /^(\d{1,5})([smhd])$/.exec(text ?? "") ?? [];
  return unit ? new Date(Date.now() - count * UNITS[unit] * 1000).toISOString() : text;
}
