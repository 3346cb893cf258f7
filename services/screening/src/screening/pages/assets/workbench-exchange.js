// All that went over the wire, one exchange at a time: why, prefetch, request, response, and a command for it.

import { curl } from "./workbench-client.js";
import { byId, element, labeled, options, replace } from "./workbench-dom.js";
import { copies, json, size } from "./workbench-json.js";

const CURL_NOTE = "Paste it into a terminal on this machine: it makes the same call again.";
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
    this.chosen = "why"; // the tab that is open
    this.wanted = "why"; // the one that the user chose, which an exchange may lack
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
      { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, on: { click: () => this.want(name) } },
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
    this.want(tab.id.slice("tab-".length));
    tab.focus();
  }

  want(name) {
    this.wanted = name;
    this.choose(name);
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
    this.fill("curl", [copies("Copy the command", () => command), json(command), element("p", { class: "note" }, CURL_NOTE)]);
    this.fill("prefetch", exchange.prefetch ?? null);
    this.fill("why", exchange.why ?? null);
    this.choose(this.tabs.find((tab) => tab.id === `tab-${this.wanted}`).hidden ? "request" : this.wanted);
  }

  // Shows none of them, and why; those that are kept can still be chosen.
  rest(why) {
    this.shown = null;
    this.select.selectedIndex = -1;
    replace(this.line);
    for (const [name] of TABS) this.fill(name, name === "why" ? element("p", { class: "note" }, why) : null);
    this.choose("why");
  }

  // Fills a panel; one with nothing in it has no tab.
  fill(name, content) {
    const at = TABS.findIndex(([one]) => one === name);
    replace(this.panels[at], content ? [content].flat() : []);
    this.tabs[at].hidden = content === null;
  }

  // The trace of an exchange comes later than its answer.
  explain(exchange, why) {
    exchange.why = why;
    if (this.shown === exchange) this.fill("why", why);
  }
}

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
