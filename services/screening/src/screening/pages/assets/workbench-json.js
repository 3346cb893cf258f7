// JSON to look at: indented, keys told from values, cut where it is too long for a page.

import { button, element } from "./workbench-dom.js";

const COLORED = 12_000;
const SHOWN = 200_000;
const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;

export function json(value) {
  return block(typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

function block(text) {
  const code = element("code", { class: "json" });
  if (text.length <= COLORED) code.append(...colored(text));
  else code.append(text.slice(0, SHOWN));
  const more = text.length - SHOWN;
  return element(
    "div",
    {},
    element("pre", { tabindex: "0" }, code),
    more > 0 && element("p", { class: "note" }, `${more.toLocaleString("en")} more characters are not shown; Copy takes all.`),
  );
}

function* colored(text) {
  let done = 0;
  for (const match of text.matchAll(TOKENS)) {
    if (match.index > done) yield text.slice(done, match.index);
    const [all, string, colon] = match;
    const kind = colon ? "json-key" : string ? "json-string" : "json-literal";
    yield element("span", { class: kind }, colon ? string : all);
    if (colon) yield colon;
    done = match.index + all.length;
  }
  yield text.slice(done);
}

export function size(text) {
  const bytes = new TextEncoder().encode(text).length;
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toLocaleString("en", { maximumFractionDigits: 1 })} kB`;
}

// A button that copies `text()`, and says so.
export function copies(words, text) {
  const made = button(words, { class: "copy" }, async () => {
    try {
      await navigator.clipboard.writeText(text());
      made.textContent = "Copied";
    } catch {
      made.textContent = "The browser does not let us copy";
    }
    setTimeout(() => {
      made.textContent = words;
    }, 2000);
  });
  made.setAttribute("aria-live", "polite");
  return made;
}
