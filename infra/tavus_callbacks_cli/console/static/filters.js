// The forms of the list of conversations: filters, which are the query of the address, and the box that goes to an id.

import { fill, h, said } from "/console/dom.js";
import { sentence } from "/console/parts.js";
import { go } from "/console/router.js";
import { moment, toAbsolute, toTyped } from "/console/time.js";

const CHOICES = {
  status: ["Status", { "": "any", active: "active", ended: "ended", presumed_ended: "presumed ended" }],
  missing: ["Missing", { "": "any", shutdown: "shutdown", transcript: "transcript", perception: "perception", recording: "recording" }],
  simulated: ["Simulated", { "": "shown", false: "hidden", true: "only" }],
};
const TEXTS = { tag: ["Tag", "user:4711"], label: ["Label", "production"], replica: ["Replica", "r79e1c033f"], since: ["Since", "7d or a time"], until: ["Until", "1d or a time"] };
const NAMES = ["status", "missing", "tag", "label", "replica", "since", "until", "simulated"];
const TIMES = ["since", "until"];

/** Returns what the API takes: a span such as `7d` becomes the time that it means now. */
export function filtersOf(query) {
  return Object.fromEntries(NAMES.map((name) => [name, TIMES.includes(name) ? moment(query[name]) : query[name]]));
}

/** Returns the form as `element`, `set` which shows a query, and `focus`. */
export function filterForm(signal) {
  const summary = h("summary", {}, "Filters ");
  const clear = h("a", { class: "clear", href: "#/conversations" }, "Clear the filters");
  const form = h("form", { class: "filters", role: "search", "aria-label": "Conversations", onsubmit: submit, onchange: submit },
    NAMES.map(field), h("button", { type: "submit" }, "Filter"));
  const fold = h("details", { class: "fold" }, summary, form);
  const wide = matchMedia("(min-width: 721px)");
  wide.addEventListener("change", () => { fold.open = wide.matches; }, { signal });
  fold.open = wide.matches;

  function submit(event) {
    event.preventDefault();
    const query = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    for (const name of TIMES) query[name] = toAbsolute(query[name]);
    go(["conversations"], query);
  }
  function set(query) {
    const given = NAMES.filter((name) => query[name]);
    for (const name of NAMES) form.elements[name].value = (TIMES.includes(name) ? toTyped(query[name]) : query[name]) ?? "";
    clear.hidden = !given.length;
    fill(summary, "Filters ", given.map((name) => h("span", { class: "tag" }, said(`${name} ${form.elements[name].value}`))));
  }
  function focus() {
    fold.open = true;
    form.elements.status.focus();
  }
  return { element: h("div", { class: "filtering" }, fold, clear), set, focus };
}

function field(name) {
  const [label, detail] = CHOICES[name] ?? TEXTS[name];
  const control = name in CHOICES
    ? h("select", { name }, Object.entries(detail).map(([value, words]) => h("option", { value }, words)))
    : h("input", { name, placeholder: detail, autocomplete: "off", spellcheck: "false" });
  return h("label", { class: "field" }, label, control);
}

/** Returns the box that goes to any id; a page that is left ends its search. */
export function jumpForm(signal) {
  const input = h("input", { name: "id", "aria-label": "Go to an id", placeholder: "Go to an id", autocomplete: "off", spellcheck: "false" });
  const answer = h("span", { class: "answer", role: "status" });
  async function jump(event) {
    event.preventDefault();
    const id = input.value.trim();
    if (!id) return;
    fill(answer, "Looking…");
    try {
      const { routeOf } = await import("/console/jump.js");
      const route = await routeOf(id, signal);
      if (route) go(route.path, route.query);
      else fill(answer, h("span", { class: "bad-text" }, "Nothing has the id ", said(id), "."));
    } catch (error) {
      if (error.name !== "AbortError") fill(answer, h("span", { class: "bad-text" }, sentence(error.message)));
    }
  }
  return h("form", { class: "jump", role: "search", "aria-label": "Any id", onsubmit: jump }, input, answer);
}
