// The prefetch that the page answered, key by key, and what the user makes of it: sent, left out, null or failed.

import { isObject } from "./periods.js";
import { outcome } from "./prefetch.js";
import { counted, element, lateFold, options } from "./workbench-dom.js";
import { json } from "./workbench-json.js";

export const HOW = new Map([
  ["send", "as recorded"],
  ["leave-out", "left out"],
  ["null", "null"],
  ["outcome", "failed"],
]);
const NOTE =
  "What this EHR sends for each key. Change one, and see what the service says when data is left out (unknown), null" +
  " (there is none) or failed (an OperationOutcome).";
const FAILED = outcome("error", "timeout", "The workbench plays an EHR whose search failed.");

// What is sent: `answered` with the keys that the user handles otherwise.
export function handled(answered, handling) {
  const sent = new Map(Object.entries(answered));
  for (const [key, how] of handling) {
    if (how === "leave-out") sent.delete(key);
    else if (how === "null") sent.set(key, null);
    else if (how === "outcome") sent.set(key, FAILED);
  }
  return Object.fromEntries(sent);
}

// The rows. `choose(key, how)` is called when the user handles a key otherwise.
export function rows(call, handling, choose) {
  const entries = Object.entries(call.templates);
  return [
    element("p", { class: "note" }, NOTE),
    element(
      "ul",
      { class: "prefetch" },
      entries.map(([key, template]) => row(key, template, call, handling.get(key) ?? "send", choose)),
    ),
  ];
}

function row(key, template, { asked, body }, how, choose) {
  const there = Object.hasOwn(body.prefetch, key);
  const sent = there ? body.prefetch[key] : undefined;
  const query = asked.get(key);
  const select = options(element("select", { "aria-label": `${key}: what the EHR sends` }), [...HOW], how);
  select.addEventListener("change", () => choose(key, select.value));
  return element(
    "li",
    { "data-how": how, "data-key": key },
    element("div", { class: "head" }, element("code", {}, key), element("span", { class: "came" }, came(sent)), select),
    lateFold(element("code", { class: "query" }, query ?? template), {}, () => [
      element("p", { class: "label" }, "Template"),
      pre(template),
      element("p", { class: "label" }, query === null ? "Not asked: a token has no value in this context" : "Asked, its tokens filled in"),
      query !== null && pre(query),
      element("p", { class: "label" }, there ? "Sent" : "Not sent"),
      there && json(sent),
    ]),
  );
}

function pre(text) {
  return element("pre", { tabindex: "0" }, element("code", {}, text));
}

// What came of a key, in short.
export function came(sent) {
  if (sent === undefined) return "left out";
  if (sent === null) return "null";
  if (!isObject(sent)) return "no resource";
  if (sent.resourceType !== "Bundle") return sent.resourceType;
  return sent.total ? counted(sent.entry.length, "entry", "entries") : "none";
}
