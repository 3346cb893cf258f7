// A small FHIR search over a record: exactly the parameters that our prefetch templates may use, and no more.
// The same as tryout/search.py: what a strict server would refuse is refused here, too.

import { choice, isObject, matches, stretch } from "./periods.js";

export class SearchRefused extends Error {}

const TOKEN = new Map(
  Object.entries({
    AllergyIntolerance: {
      code: "code",
      category: "category",
      "clinical-status": "clinicalStatus",
      "verification-status": "verificationStatus",
    },
    Condition: {
      code: "code",
      category: "category",
      "clinical-status": "clinicalStatus",
      "verification-status": "verificationStatus",
    },
    DiagnosticReport: { code: "code", category: "category", status: "status" },
    Encounter: { status: "status" },
    FamilyMemberHistory: { code: "condition.code", status: "status" },
    MedicationRequest: { code: "medicationCodeableConcept", category: "category", status: "status" },
    MedicationStatement: { code: "medicationCodeableConcept", category: "category", status: "status" },
    Observation: { code: "code", category: "category", status: "status" },
    Procedure: { code: "code", category: "category", status: "status" },
    ServiceRequest: { code: "code", category: "category", status: "status" },
  }).map(([type, parameters]) => [type, new Map(Object.entries(parameters))]),
);
const DATE = new Map(
  Object.entries({
    AllergyIntolerance: { date: "recordedDate" },
    DiagnosticReport: { date: "effective" },
    Encounter: { date: "period" },
    FamilyMemberHistory: { date: "date" },
    MedicationRequest: { authoredon: "authoredOn" },
    Observation: { date: "effective" },
    Procedure: { date: "performed" },
  }).map(([type, parameters]) => [type, new Map(Object.entries(parameters))]),
);
const INCLUDES = new Map([
  ["MedicationRequest:medication", "medicationReference"],
  ["MedicationStatement:medication", "medicationReference"],
]);
const PREFIXES = ["eq", "ge", "gt", "le", "lt"];
const ESCAPE = /\\([\\,$|])/g;
const PIECE = /\\[\\,$|]|[^]/gu;

// Answers `Type?parameters` with a searchset Bundle; several parameters are joined by AND, commas mean OR.
export function search(record, query) {
  const [resourceType, parameters] = cut(query, "?");
  if (!TOKEN.has(resourceType)) throw new SearchRefused(`${resourceType || "An empty type"} is not searched here`);
  let found = record.ofType(resourceType);
  let order = "";
  const includes = [];
  for (const [name, value] of new URLSearchParams(parameters)) {
    if (!value) throw new SearchRefused(`the parameter ${name} has no value`);
    if (name === "_sort") order = value;
    else if (name === "_include") includes.push(value);
    else found = found.filter(testOf(resourceType, name, value));
  }
  if (order) found = sorted(resourceType, found, order);
  return searchset(found, included(record, resourceType, found, includes));
}

function cut(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

// The test that one parameter makes of a resource.
function testOf(resourceType, name, value) {
  if (name === "patient") {
    const wanted = new Set(split(value, ",").map((part) => `Patient/${plain(part).replace(/^Patient\//, "")}`));
    return (resource) => references(resource, "subject", "patient").some((one) => wanted.has(one));
  }
  const path = TOKEN.get(resourceType).get(name)?.split(".");
  if (path) {
    const tokens = split(value, ",").map(token);
    return (resource) => tokens.some(([system, code]) => has(resource, path, system, code));
  }
  const element = DATE.get(resourceType)?.get(name);
  if (element) {
    const dates = split(value, ",").map((part) => date(plain(part)));
    return (resource) => {
      const target = choice(resource, element);
      return target !== null && dates.some(([prefix, wanted]) => matches(prefix, wanted, target));
    };
  }
  throw new SearchRefused(`${resourceType} is not searched by ${name} here`);
}

// Splits at the separators that are not escaped. The escapes stay: a part may have to be split again.
function split(value, separator) {
  const parts = [""];
  for (const [piece] of value.matchAll(PIECE)) {
    if (piece === separator) parts.push("");
    else parts[parts.length - 1] += piece;
  }
  return parts;
}

function plain(part) {
  return part.replace(ESCAPE, "$1");
}

// [system, code] of a token: null as system matches every system, "" as system matches only none.
function token(part) {
  const sides = split(part, "|").map(plain);
  if (!sides.some(Boolean)) throw new SearchRefused("a token without system and code");
  if (sides.length > 2) throw new SearchRefused("a token with more than one | that is not escaped");
  return sides.length === 2 ? sides : [null, sides[0]];
}

// Whether any coding at the path is the token; a plain code element has no system of its own.
function has(resource, path, system, code) {
  return nodes(resource, path).some((node) => {
    if (typeof node === "string") return code === "" || code === node;
    const codings = isObject(node) && Array.isArray(node.coding) ? node.coding : [];
    return codings.some(
      (coding) =>
        isObject(coding) &&
        (system === null || (coding.system ?? "") === system) &&
        (code === "" || coding.code === code),
    );
  });
}

// What stands at an element path, through lists, whether or not a list is there.
function nodes(node, path) {
  if (Array.isArray(node)) return node.flatMap((item) => nodes(item, path));
  if (!path.length) return [node];
  return isObject(node) && Object.hasOwn(node, path[0]) ? nodes(node[path[0]], path.slice(1)) : [];
}

function references(resource, ...elements) {
  return elements
    .flatMap((element) => nodes(resource, [element, "reference"]))
    .filter((node) => typeof node === "string");
}

function date(part) {
  const [prefix, rest] = /^[a-z]{2}/i.test(part) ? [part.slice(0, 2), part.slice(2)] : ["eq", part];
  const wanted = stretch(rest);
  if (!PREFIXES.includes(prefix) || wanted === null) {
    throw new SearchRefused("a date that cannot be read, or a prefix other than eq, ge, gt, le, lt");
  }
  return [prefix, wanted];
}

// Sorts by date parameters, the first being the most significant; what has no date goes last.
function sorted(resourceType, found, order) {
  return order.split(",").reduceRight((sofar, key) => {
    const name = key.replace(/^-/, "");
    const element = DATE.get(resourceType)?.get(name);
    if (!element) throw new SearchRefused(`${resourceType} is not sorted by ${name} here`);
    const dated = sofar.map((resource) => ({ resource, when: choice(resource, element) }));
    const known = dated.filter((one) => one.when !== null);
    if (key.startsWith("-")) known.sort((a, b) => b.when.high - a.when.high);
    else known.sort((a, b) => a.when.low - b.when.low);
    return [...known, ...dated.filter((one) => one.when === null)].map((one) => one.resource);
  }, found);
}

function included(record, resourceType, found, includes) {
  const others = new Map();
  for (const include of includes) {
    const element = INCLUDES.get(include);
    if (!element || !include.startsWith(`${resourceType}:`)) {
      throw new SearchRefused("an _include that is not served here");
    }
    for (const resource of found) {
      for (const reference of references(resource, element)) {
        const other = record.read(reference);
        if (other) others.set(reference, other);
      }
    }
  }
  return [...others.values()];
}

function searchset(found, others) {
  const entry = [
    ...found.map((resource) => ({ resource, search: { mode: "match" } })),
    ...others.map((resource) => ({ resource, search: { mode: "include" } })),
  ];
  const bundle = { resourceType: "Bundle", type: "searchset", total: found.length };
  return entry.length ? { ...bundle, entry } : bundle;
}
