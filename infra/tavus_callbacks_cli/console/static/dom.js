// Builds DOM nodes. Data only ever becomes text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Returns a URL that is safe to bind to href or src: https, the page's own origin, or one that `allow` names; else null. */
export function safeUrl(text, allow = []) {
  let url;
  try {
    url = new URL(text, location.href);
  } catch {
    return null;
  }
  if (url.origin === location.origin && url.protocol === location.protocol) return url.href;
  if (url.protocol === "https:" || allow.includes(url.origin)) return url.href;
  return null;
}

/**
 * Returns an element. Properties that begin with `on` are listeners, `class` and other names are attributes;
 * false, null and undefined leave an attribute out, true gives it without a value.
 * Children are nodes, text, numbers, or lists of them; false, null and undefined are left out.
 */
export function h(tag, properties = {}, ...children) {
  return build(document.createElement(tag), properties, children);
}

/** Returns an SVG element; otherwise as `h`. */
export function s(tag, properties = {}, ...children) {
  return build(document.createElementNS(SVG, tag), properties, children);
}

/** Returns anybody's text, isolated so that its direction does not reach the text around it. */
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
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "href" || name === "src") bind(element, name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...nodes(children));
  return element;
}

function bind(element, name, value) {
  const url = safeUrl(value);
  if (url !== null) element.setAttribute(name, value);
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== false && child !== null && child !== undefined);
}
