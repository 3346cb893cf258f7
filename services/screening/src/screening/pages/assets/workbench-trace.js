// Why and why not: the trace of a call as a tree to open where one wants to know more.

import { element, fold } from "./workbench-dom.js";

// The tree of one call's trace. `address` leads to the page of the trace.
export function tree(trace, address) {
  return element(
    "div",
    { class: "tree" },
    element("p", { class: "sentence" }, trace.sentence),
    branch(`Cards (${trace.answer.cards.length})`, trace.answer.cards.map(card)),
    trace.heldBack.length > 0 && branch(`Held back (${trace.heldBack.length})`, trace.heldBack.map(held)),
    trace.tier && branch("Movement disorder", [leaf(trace.tier.tier, trace.tier.because, trace.tier.facts)], false),
    trace.modules.length > 0 && branch("Workups", trace.modules.map(workup)),
    trace.orderRules.length > 0 && branch("Order rules", trace.orderRules.map(rule)),
    trace.data.length > 0 && branch("Data", data(trace.data), false),
    branch("Time and version", particulars(trace), false),
    element("p", {}, element("a", { href: address }, "This trace as a page")),
  );
}

function branch(words, items, open = true) {
  return fold(element("strong", {}, words), { open: open && items.length > 0 }, items.length ? element("ul", {}, items) : element("p", { class: "note" }, "None."));
}

function card(one) {
  return leaf(`${one.title} · ${one.indicator}`, one.because, [], `topic ${one.topic}`);
}

export function held(one) {
  const day = one.until.slice(0, 10);
  const until = day && !one.words.includes(day) ? `, until ${day}` : "";
  return leaf(one.what, `${one.words}${until}`, []);
}

function workup(one) {
  const asked = `${one.askedFor ? "Its tests are asked for" : "No tests are asked for"}: ${one.askedBecause}`;
  const facts = one.facts.map(fact);
  return element(
    "li",
    {},
    fold(
      element("span", {}, element("strong", {}, one.label), " ", element("code", {}, one.state)),
      { "data-state": one.state },
      element("p", {}, one.because),
      facts.length > 0 && element("ul", {}, facts),
      element("p", { class: "note" }, `Card: ${one.cameOfIt}. ${asked}.`),
    ),
  );
}

function rule(one) {
  return leaf(one.rule || "no rule", `${one.cameOfIt}: ${one.because}`, one.facts);
}

function leaf(head, words, facts, more = "") {
  return element(
    "li",
    {},
    element("strong", {}, head),
    `: ${words}`,
    facts.length > 0 && element("ul", {}, facts.map(fact)),
    more && element("span", { class: "meta" }, more),
  );
}

function fact(one) {
  return element("li", {}, [one.band, one.code, one.date].filter(Boolean).join(", "));
}

function particulars(trace) {
  const times = Object.entries(trace.timing).map(([part, ms]) => `${part} ${ms} ms`);
  const lines = [
    `Rules version ${trace.rulesVersion}; texts ${trace.contentVersion || "none"}`,
    times.length ? `In the service: ${times.join(", ")}` : "",
    `hookInstance ${trace.hookInstance}`,
  ];
  return lines.filter(Boolean).map((line) => element("li", {}, line));
}

// What became of the keys; those of which the same is true stand together.
function data(keys) {
  const groups = new Map();
  for (const { key, prefetch, fetched } of keys) {
    const what = fetched ? `${prefetch}; FHIR server: ${fetched}` : prefetch;
    groups.set(what, [...(groups.get(what) ?? []), key]);
  }
  return [...groups].map(([what, names]) => leaf(what, names.join(", "), []));
}
