// The prefetch that the page answered, key by key, and what the user makes of it: sent, left out, null or failed.

import { isObject } from "./periods.js";
import { outcome } from "./prefetch.js";
import { counted, element, fold, options } from "./workbench-dom.js";
import { json } from "./workbench-json.js";

const HOW = [
  ["send", "Send what the record has"],
  ["leave-out", "Leave it out: not delivered"],
  ["null", "Send null: there is none"],
  ["outcome", "Send an OperationOutcome: failed"],
];
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
  return element(
    "ul",
    { class: "prefetch" },
    Object.entries(call.templates).map(([key, template]) => row(key, template, call, handling.get(key) ?? "send", choose)),
  );
}

function row(key, template, { asked, body }, how, choose) {
  const there = Object.hasOwn(body.prefetch, key);
  const sent = there ? body.prefetch[key] : undefined;
  const query = asked.get(key);
  const select = options(element("select", { "aria-label": `${key}: what the EHR sends` }), HOW, how);
  select.addEventListener("change", () => choose(key, select.value));
  return element(
    "li",
    { "data-how": how, "data-key": key },
    element("div", { class: "head" }, element("code", {}, key), element("span", { class: "came" }, came(sent)), select),
    fold(
      element("code", { class: "query" }, query ?? template),
      {},
      element("p", { class: "label" }, "Template"),
      element("pre", { tabindex: "0" }, element("code", {}, template)),
      element("p", { class: "label" }, query === null ? "Not asked: a token has no value in this context" : "Asked, with its tokens filled in"),
      query !== null && element("pre", { tabindex: "0" }, element("code", {}, query)),
      element("p", { class: "label" }, there ? "Sent" : "Not sent"),
      there && json(sent),
    ),
  );
}

// What came of a key, in short.
export function came(sent) {
  if (sent === undefined) return "left out";
  if (sent === null) return "null";
  if (!isObject(sent)) return "no resource";
  if (sent.resourceType !== "Bundle") return sent.resourceType;
  return sent.total ? counted(sent.entry.length, "entry", "entries") : "none";
}
