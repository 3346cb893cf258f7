// Cards as an EHR shows them: the same elements and classes as pages/card_html.py makes, with what one can do to them.
// Whatever a card says is text; its detail is GitHub Flavored Markdown without raw HTML and without images.

import { isObject } from "./periods.js";
import { outcomeLines, trouble } from "./workbench-client.js";
import { button, closesByEscape, counted, element, freshId, labeled, lateFold, options, outward, webAddress } from "./workbench-dom.js";
import MarkdownIt from "./vendored/markdown-it.esm.min.js";

const INDICATORS = new Map([
  ["info", "Information"],
  ["warning", "Warning"],
  ["critical", "Critical"],
]);
const LONGEST_COMMENT = 2000;

const markdown = new MarkdownIt("commonmark", { html: false }).enable(["table", "strikethrough"]).disable("image");
markdown.validateLink = (url) => webAddress(url) !== "";
markdown.renderer.rules.link_open = (tokens, index, settings, _, self) => {
  tokens[index].attrSet("target", "_blank");
  tokens[index].attrSet("rel", "noopener noreferrer");
  return self.renderToken(tokens, index, settings);
};

// The cards of an answer. `on.accept(card, suggestions)` and `on.override(card, reason, comment)` are called when the
// user does so; `reason` is a Coding or null. A card is answered once: until what they return has come, it takes no more.
export function cards(exchange, on) {
  const list = exchange.json?.cards;
  if (exchange.status !== 200 || !Array.isArray(list)) return [refusal(exchange)];
  const shown = list.filter(isObject);
  if (!shown.length) return [element("p", { class: "silence" }, "No card.")];
  return shown.map((card) => {
    const made = article(card, {
      accept: (...answer) => once(made, () => on.accept(...answer)),
      override: (...answer) => once(made, () => on.override(...answer)),
    });
    return made;
  });
}

async function once(card, act) {
  const controls = [...card.querySelectorAll("button, select, textarea")];
  for (const one of controls) one.disabled = true;
  try {
    await act();
  } finally {
    for (const one of controls) one.disabled = false;
  }
}

// An answer that is none: its words, and where they point.
function refusal(exchange) {
  const lines = outcomeLines(exchange.json);
  const said = lines.length
    ? lines.map(({ severity, words, more, where }) =>
        element(
          "li",
          {},
          `${severity}: ${words}`,
          where && element("span", { class: "meta" }, `At ${where}`),
          more && element("span", { class: "meta" }, more),
        ),
      )
    : [element("li", {}, trouble(exchange))];
  const title = exchange.lost ? "No answer" : `Refused with ${exchange.status}: an OperationOutcome, and no cards`;
  return element(
    "div",
    { class: "refusal" },
    element("h4", {}, title),
    element("ul", {}, said),
    element("p", { class: "note" }, "An EHR shows nothing in this case; whoever operates it finds this in its log."),
  );
}

function article(card, on) {
  const indicator = INDICATORS.has(card.indicator) ? card.indicator : "info";
  return element(
    "article",
    { class: "card", "data-indicator": indicator, "data-topic": text(card.source?.topic?.code) },
    element(
      "header",
      {},
      element("span", { class: "indicator" }, INDICATORS.get(indicator)),
      element("h4", {}, text(card.summary)),
    ),
    detail(card.detail),
    suggestions(card, on),
    override(card, on),
    links(card),
    element("footer", { class: "source" }, "Source: ", outward(card.source?.url, text(card.source?.label) || "unnamed")),
  );
}

function detail(source) {
  if (typeof source !== "string" || !source) return null;
  const made = element("div", { class: "detail" });
  made.innerHTML = markdown.render(source); // raw HTML is off, links are those of the web: see above
  return made;
}

function suggestions(card, on) {
  const offered = listed(card.suggestions);
  if (!offered.length) return null;
  return element(
    "ul",
    { class: "suggestions", "aria-label": "Suggestions" },
    offered.map((suggestion) =>
      element(
        "li",
        {},
        button(text(suggestion.label), { class: "suggestion" }, () => on.accept(card, [suggestion])),
        lateFold("What it does", { class: "actions" }, () => element("ul", {}, actions(suggestion))),
      ),
    ),
    card.selectionBehavior === "any" &&
      offered.length > 1 &&
      element("li", {}, button(`All ${offered.length} of these`, { class: "suggestion" }, () => on.accept(card, offered))),
  );
}

function actions(suggestion) {
  return listed(suggestion.actions).map((action) =>
    element(
      "li",
      {},
      `${text(action.type)}: ${text(action.description)}`,
      isObject(action.resource) &&
        element("pre", { tabindex: "0" }, element("code", {}, JSON.stringify(action.resource, null, 2))),
      action.resourceId && element("code", {}, [action.resourceId].flat().map(String).join(", ")),
    ),
  );
}

function override(card, on) {
  const reasons = listed(card.overrideReasons);
  const select = options(
    element("select", {}),
    [["", "No reason given"], ...reasons.map((reason, number) => [String(number), text(reason.display ?? reason.code)])],
    "",
  );
  const comment = element("textarea", { rows: "2", maxlength: LONGEST_COMMENT });
  function send(event) {
    event.preventDefault();
    const { code, system, display } = reasons[Number(select.value)] ?? {};
    on.override(card, select.value === "" ? null : { code, system, display }, comment.value.trim());
  }
  const title = freshId("override");
  const form = element(
    "form",
    { on: { submit: send }, "aria-labelledby": title },
    labeled("Reason", select),
    labeled("Comment (no names, please)", comment),
    element("button", { type: "submit", class: "primary" }, "Send the override"),
  );
  return closesByEscape(
    element("details", { class: "overrides menu" }, element("summary", { id: title }, "Override this card"), form),
  );
}

function links(card) {
  const there = listed(card.links);
  if (!there.length) return null;
  return element(
    "ul",
    { class: "links" },
    there.map((link) =>
      element(
        "li",
        {},
        link.type === "smart" ? `${text(link.label)} (a SMART app, which the EHR would start)` : outward(link.url, text(link.label)),
      ),
    ),
  );
}

function listed(value) {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function text(value) {
  return typeof value === "string" ? value : "";
}

// "2 cards came", "No card came", "Refused: 412".
export function inShort(exchange) {
  if (exchange.lost) return "No answer";
  if (exchange.status !== 200) return `Refused with ${exchange.status}`;
  const number = listed(exchange.json?.cards).length;
  return number ? `${counted(number, "card")} came` : "No card came";
}
