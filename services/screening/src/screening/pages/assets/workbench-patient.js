// Whose chart is open: a case of ours, or a Bundle that was dropped on the page. A Bundle never leaves the browser but
// as prefetch of a call.

import { isObject } from "./periods.js";
import { condition, dayAfter } from "./prefetch.js";
import { NotABundle, readRecord } from "./record.js";

const LARGEST = 50_000_000;
const DEEPEST = 100;
const MONTH = 30;
const ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm";
const BARE = /^[A-TV-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?$/;
const OLDER = new Map([
  ["MedicationOrder", "DSTU2"],
  ["DiagnosticOrder", "DSTU2"],
  ["ProcedureRequest", "DSTU2 or STU3"],
  ["ReferralRequest", "DSTU2 or STU3"],
]);

// What is wrong with a file, in words for its owner.
export class NotUsable extends Error {}

export function freshSuffix() {
  return crypto.randomUUID().slice(0, 6);
}

// A record whose patient has an id that nothing is remembered of.
export function withFreshId(record, patientId) {
  const id = `${patientId.slice(0, 50)}-${freshSuffix()}`;
  return { record: record.renamed(patientId, id), patientId: id };
}

// { record, patients, older }: a file's record and the ids of its patients. `older`: words where it looks like another
// version of FHIR.
export async function opened(file) {
  if (file.size > LARGEST) throw new NotUsable(`It has ${Math.round(file.size / 1e6)} MB, at most 50 can be opened.`);
  const bundle = parsed(await file.text());
  if (isObject(bundle) && bundle.resourceType !== "Bundle") {
    const what = typeof bundle.resourceType === "string" ? `one resource (${bundle.resourceType})` : "no FHIR resource";
    throw new NotUsable(`It is JSON, but ${what} and not a Bundle. Put the patient's resources into a FHIR R4 Bundle.`);
  }
  if (tooDeep(bundle)) throw new NotUsable(`It is nested more than ${DEEPEST} levels deep; no FHIR resource is.`);
  const record = recordOf(bundle);
  const patients = record.ids("Patient");
  if (!record.resources.size) throw new NotUsable("It is a Bundle, but none of its entries holds a resource.");
  if (!patients.length) throw new NotUsable("It is a Bundle, but no Patient is in it: whose record is it?");
  const type = [...OLDER.keys()].find((one) => record.ids(one).length);
  const older = type ? `${type} is FHIR ${OLDER.get(type)}; this service reads R4.` : "";
  return { record, patients, older };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (text.trimStart().startsWith("<")) throw new NotUsable("It is XML. Save the Bundle as FHIR JSON.");
    if (isObject(firstLine(text))) {
      throw new NotUsable("It has one resource per line (NDJSON, as bulk export writes it). Put them into a Bundle.");
    }
    throw new NotUsable(`It is not JSON (${error.message}).`);
  }
}

function firstLine(text) {
  try {
    return JSON.parse(text.trimStart().split("\n", 1)[0]);
  } catch {
    return null;
  }
}

function recordOf(bundle) {
  try {
    return readRecord(bundle);
  } catch (error) {
    if (error instanceof NotABundle) throw new NotUsable(`It is ${error.message}.`);
    throw error;
  }
}

// Whether JSON is nested deeper than is sensible; looks level by level, so that no depth can stop it.
function tooDeep(json) {
  let level = [json];
  for (let depth = 0; level.length; depth += 1) {
    if (depth > DEEPEST) return true;
    level = level.flatMap((node) => (typeof node === "object" && node !== null ? Object.values(node) : []));
  }
  return false;
}

// { system, code } of `SYSTEM|CODE`; a bare code is ICD-10-CM. null when it is neither.
export function codingOf(text) {
  const at = text.lastIndexOf("|");
  const [system, code] = at < 0 ? [ICD_10_CM, text.trim().toUpperCase()] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  return system && code && (at >= 0 || BARE.test(code)) ? { system, code } : null;
}

// The record with one more problem, recorded a month ago.
export function withCondition(record, patientId, { system, code }, today) {
  const id = `added-${record.resources.size}`;
  return record.with(condition(id, patientId, system, code, dayAfter(today, -MONTH)));
}

// What a resource is called, as a list names it.
export function nameOfOrder(resource) {
  const concepts = [resource.medicationCodeableConcept, resource.code, resource.vaccineCode].filter(isObject);
  for (const concept of concepts) {
    if (typeof concept.text === "string" && concept.text) return concept.text;
    const codings = Array.isArray(concept.coding) ? concept.coding.filter(isObject) : [];
    const named = codings.find((coding) => typeof coding.display === "string" && coding.display);
    if (named) return named.display;
    if (codings.length) return String(codings[0].code ?? "");
  }
  return resource.resourceType;
}

// [[type, number], ...] of a record, the most frequent first.
export function inventory(record) {
  const counts = new Map();
  for (const { resourceType } of record.resources.values()) counts.set(resourceType, (counts.get(resourceType) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
