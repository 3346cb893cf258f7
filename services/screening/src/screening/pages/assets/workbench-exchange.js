// All that went over the wire, one exchange at a time: why, prefetch, request, response, and a command for it.

import { curl } from "./workbench-client.js";
import { byId, element, labeled, options, replace } from "./workbench-dom.js";
import { copies, json, size } from "./workbench-json.js";

const TABS = [
  ["why", "Why"],
  ["prefetch", "Prefetch"],
  ["request", "Request"],
  ["response", "Response"],
  ["curl", "curl"],
];
const MOST_KEPT = 20;

export class Exchanges {
  constructor() {
    this.kept = [];
    this.shown = null;
    this.chosen = "why";
    this.select = element("select", { on: { change: () => this.show(this.kept[Number(this.select.value)]) } });
    this.line = element("p", { class: "line" });
    this.tabs = TABS.map(([name, words]) => this.tab(name, words));
    this.panels = TABS.map(([name]) => panel(name));
    const list = element("div", { role: "tablist", "aria-label": "Parts of the exchange", class: "tabs" }, this.tabs);
    list.addEventListener("keydown", (event) => this.byKey(event));
    this.picker = labeled("Exchange", this.select);
    byId("exchange").append(this.picker, this.line, list, ...this.panels);
    byId("exchange").hidden = false;
    this.choose("why");
  }

  tab(name, words) {
    return element(
      "button",
      { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, on: { click: () => this.choose(name) } },
      words,
    );
  }

  // Arrow keys, Home and End go from tab to tab, as screen readers expect of tabs.
  byKey(event) {
    const there = this.tabs.filter((tab) => !tab.hidden);
    const at = there.findIndex((tab) => tab.id === `tab-${this.chosen}`);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: there.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = there[(to + there.length) % there.length];
    this.choose(tab.id.slice("tab-".length));
    tab.focus();
  }

  choose(name) {
    this.chosen = name;
    for (const tab of this.tabs) {
      const here = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(here));
      tab.tabIndex = here ? 0 : -1;
    }
    for (const one of this.panels) one.hidden = one.id !== `panel-${name}`;
  }

  // Keeps an exchange and shows it. `exchange.title` says what it was.
  add(exchange) {
    this.kept = [exchange, ...this.kept].slice(0, MOST_KEPT);
    options(
      this.select,
      this.kept.map((one, number) => [String(number), `${one.title}: ${one.status || "no answer"}`]),
      "0",
    );
    this.show(exchange);
  }

  show(exchange) {
    this.shown = exchange;
    replace(
      this.line,
      element("code", {}, `${exchange.method} ${new URL(exchange.url).pathname}`),
      element("span", { class: "status", "data-fine": String(exchange.status === 200) }, String(exchange.status || "no answer")),
      element("span", {}, `${Math.round(exchange.ms)} ms`),
    );
    this.fill("request", part(headers(Object.entries(exchange.sent)), exchange.body, "Copy the request"));
    this.fill("response", part(headers(exchange.headers), exchange.json ?? exchange.text, "Copy the response", exchange.text));
    const command = curl(exchange);
    this.fill("curl", [copies("Copy the command", () => command), json(command), CURL_NOTE.cloneNode(true)]);
    this.fill("prefetch", exchange.prefetch ?? null);
    this.fill("why", exchange.why ?? null);
  }

  // Fills a panel; one with nothing in it has no tab.
  fill(name, content) {
    const at = TABS.findIndex(([one]) => one === name);
    replace(this.panels[at], content ? [content].flat() : []);
    this.tabs[at].hidden = content === null;
    if (content === null && this.chosen === name) this.choose("request");
  }

  // The trace of an exchange comes later than its answer.
  explain(exchange, why) {
    exchange.why = why;
    if (this.shown === exchange) this.fill("why", why);
  }
}

const CURL_NOTE = element("p", { class: "note" }, "Paste it into a terminal on this machine. It makes the same call again, with the same hookInstance.");

function panel(name) {
  return element("div", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "0", class: "panel", hidden: true });
}

function part(head, body, words, raw) {
  const text = raw ?? body;
  return [
    element("div", { class: "part" }, element("span", {}, size(text)), copies(words, () => text)),
    head,
    json(body),
  ];
}

function headers(pairs) {
  if (!pairs.length) return null;
  return element("details", {}, element("summary", {}, `Headers (${pairs.length})`), element("pre", { tabindex: "0" }, element("code", {}, pairs.map(([name, value]) => `${name}: ${value}`).join("\n"))));
}
