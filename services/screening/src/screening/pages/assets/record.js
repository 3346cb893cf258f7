// A FHIR R4 Bundle as an EHR would hold it: one resource per type and id, references as `Type/id`.
// The same as tryout/record.py. A Bundle is somebody else's text: it is only read, and no key of it names a place of ours.

import { isObject } from "./periods.js";

const HISTORY = /\/_history\/[^/]+$/;
const ABSOLUTE = /^(https?:\/\/.+)\/([A-Z][A-Za-z]+\/[^/]+)$/;
const CONDITIONAL = /^([A-Z][A-Za-z]+)\?(.+)$/;

export class NotABundle extends Error {}

export class Record {
  // `resources`: a Map of `Type/id` to resource, in the order of the Bundle.
  constructor(resources) {
    this.resources = resources;
  }

  read(reference) {
    return this.resources.get(reference.replace(HISTORY, "")) ?? null;
  }

  ofType(resourceType) {
    return [...this.resources.values()].filter((resource) => resource.resourceType === resourceType);
  }

  ids(resourceType) {
    return this.ofType(resourceType).map((resource) => resource.id);
  }

  // The record with further resources; one with a type and id that is there already stands in its place.
  with(...resources) {
    const all = new Map(this.resources);
    for (const resource of resources) all.set(nameOf(resource), resource);
    return new Record(all);
  }

  // The same record of a patient with another id, so that nothing is remembered of it.
  renamed(from, to) {
    const [old, fresh] = [`Patient/${from}`, `Patient/${to}`];
    const local = (reference) => (reference === old ? fresh : reference);
    const all = [...this.resources.values()].map((resource) => {
      const copy = rewritten(resource, local);
      return nameOf(resource) === old ? { ...copy, id: to } : copy;
    });
    return new Record(new Map(all.map((resource) => [nameOf(resource), resource])));
  }
}

export function nameOf(resource) {
  return `${resource.resourceType}/${resource.id}`;
}

// The record that a Bundle (collection, searchset, transaction, batch, document) makes. Entries without a resource and
// search outcomes are left out; of two entries with one type and id the later one stands, as on a server.
export function readRecord(bundle) {
  if (!isObject(bundle) || bundle.resourceType !== "Bundle") throw new NotABundle("not a FHIR Bundle");
  const entries = bundle.entry ?? [];
  if (!Array.isArray(entries) || bundle.entry === null) throw new NotABundle("Bundle.entry is not a list");
  const held = entries.flatMap(heldIn);
  // Rewrapped entries lose or change their fullUrl, but references still name the id: urn:uuid:<id>.
  const names = new Map(held.map(({ key, resource }) => [`urn:uuid:${resource.id}`, key]));
  for (const { fullUrl, key } of held) if (fullUrl) names.set(fullUrl, key);
  const bases = new Set([...names.keys()].flatMap((fullUrl) => ABSOLUTE.exec(fullUrl)?.[1] ?? []));
  const identifiers = new Map();
  for (const { key, resource } of held) {
    for (const pair of identifiersOf(resource)) identifiers.set(`${resource.resourceType}?${pair}`, key);
  }

  function local(reference) {
    const plain = reference.replace(HISTORY, "");
    if (names.has(plain)) return names.get(plain);
    const absolute = ABSOLUTE.exec(plain);
    if (absolute && bases.has(absolute[1])) return absolute[2];
    const conditional = CONDITIONAL.exec(plain);
    if (!conditional) return plain;
    const wanted = new URLSearchParams(conditional[2]).get("identifier") ?? "";
    return identifiers.get(`${conditional[1]}?${wanted}`) ?? reference;
  }

  return new Record(new Map(held.map(({ key, resource }) => [key, rewritten(resource, local)])));
}

// Of an entry that holds a resource: [{ fullUrl, key: `Type/id`, resource }]; else nothing.
function heldIn(entry, position) {
  if (!isObject(entry) || !isObject(entry.resource)) return [];
  if (isObject(entry.search) && entry.search.mode === "outcome") return [];
  const resource = { ...entry.resource };
  if (typeof resource.resourceType !== "string" || !resource.resourceType) return [];
  const fullUrl = typeof entry.fullUrl === "string" ? entry.fullUrl : "";
  if (typeof resource.id !== "string" || !resource.id) resource.id = idFrom(fullUrl) || `entry-${position}`;
  return [{ fullUrl: fullUrl.replace(HISTORY, ""), key: nameOf(resource), resource }];
}

// The id that a server would take from a fullUrl: the last part of the URN or URL.
function idFrom(fullUrl) {
  return fullUrl.split(/[:/]/).at(-1);
}

function identifiersOf(resource) {
  const listed = Array.isArray(resource.identifier) ? resource.identifier : [resource.identifier];
  return listed
    .filter((one) => isObject(one) && "value" in one)
    .map((one) => `${one.system ?? ""}|${one.value}`);
}

// A copy of JSON in which `local` has been applied to every `reference`. Object.fromEntries makes own properties only,
// so that a key such as __proto__ stays what it is: a key.
function rewritten(node, local) {
  if (Array.isArray(node)) return node.map((item) => rewritten(item, local));
  if (!isObject(node)) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "reference" && typeof value === "string" ? local(value) : rewritten(value, local),
    ]),
  );
}
