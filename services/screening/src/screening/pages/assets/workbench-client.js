// HTTP to the public door, and nowhere else. What went out and what came back is kept whole, to be shown.

import { isObject } from "./periods.js";

const SENT = { "Content-Type": "application/json", Accept: "application/json" };

// The services of discovery: hook -> service. Throws with words when there are none.
export async function discovered(base) {
  const exchange = await exchanged("GET", `${base}cds-services`);
  const services = exchange.json?.services;
  if (exchange.status !== 200 || !Array.isArray(services)) throw new Error(trouble(exchange));
  return new Map(services.filter(isObject).map((service) => [service.hook, service]));
}

// What a page of ours tells as JSON. Throws with words.
export async function told(address) {
  const exchange = await exchanged("GET", address);
  if (exchange.status !== 200 || !exchange.json) throw new Error(trouble(exchange));
  return exchange.json;
}

export function post(address, body) {
  return exchanged("POST", address, JSON.stringify(body, null, 2));
}

// { method, url, sent, body, status, headers, text, json, ms, lost }. `lost` says why nothing came back; "" when
// something did. `json` is undefined when the answer is no JSON.
async function exchanged(method, address, body) {
  const url = new URL(address, document.baseURI).href;
  const sent = method === "POST" ? SENT : { Accept: SENT.Accept };
  const started = performance.now();
  const exchange = { method, url, sent, body: body ?? "", status: 0, headers: [], text: "", json: undefined, lost: "" };
  try {
    const response = await fetch(url, { method, headers: sent, body, cache: "no-store", credentials: "same-origin" });
    const text = await response.text();
    Object.assign(exchange, { status: response.status, headers: [...response.headers], text, json: parsed(text) });
  } catch {
    exchange.lost = "Nothing came back: is the service still running? make run starts it.";
  }
  return { ...exchange, ms: performance.now() - started };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Why an exchange is no success, in one line.
export function trouble(exchange) {
  if (exchange.lost) return exchange.lost;
  const words = outcomeLines(exchange.json).map((line) => line.words);
  return `${exchange.status}: ${words.join(" / ") || "the answer says no more"}`;
}

// The issues of an OperationOutcome: [{ severity, words, more, where }]; `more` is the diagnostics beside the words.
export function outcomeLines(json) {
  if (!isObject(json) || json.resourceType !== "OperationOutcome" || !Array.isArray(json.issue)) return [];
  return json.issue.filter(isObject).map((issue) => ({
    severity: String(issue.severity ?? ""),
    words: String(issue.details?.text ?? issue.diagnostics ?? issue.code ?? ""),
    more: issue.details?.text ? String(issue.diagnostics ?? "") : "",
    where: [issue.expression].flat().filter(Boolean).join(", "),
  }));
}

// A command that makes the same exchange; a quoted here-document keeps every character of the body as it is.
export function curl(exchange) {
  const headers = Object.entries(exchange.sent).map(([name, value]) => `  -H '${name}: ${value}' \\\n`);
  const address = exchange.url.replaceAll("'", "%27");
  return `curl -sS '${address}' \\\n${headers.join("")}  --data-binary @- <<'END_OF_CALL'\n${exchange.body}\nEND_OF_CALL\n`;
}
