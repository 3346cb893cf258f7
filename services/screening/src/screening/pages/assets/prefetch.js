// The EHR, played from a record: answers prefetch templates and builds the CDS Hooks call that an EHR would send.
// Pure functions, the same as tryout/ehr.py: no clock, no network, no page. Days are texts such as 2026-11-23, in UTC.

import { isObject } from "./periods.js";
import { readRecord } from "./record.js";
import { SearchRefused, search } from "./search.js";

const DEFAULT_USER = "Practitioner/example";
const BRACES = /\{\{\s*(.*?)\s*\}\}/g;
const TODAY = /^today\(\)(?:\s*([+-])\s*(\d{1,5})\s*days?)?$/;
const CONTEXT = /^context\.(\w+)$/;
const READ = /^[A-Z][A-Za-z]+\/[A-Za-z0-9.-]+$/;
const RESOURCE_TYPE = /^[A-Z][A-Za-z]+$/;
const AUTHORED = new Set(["DeviceRequest", "MedicationRequest", "ServiceRequest"]);
const TERMINOLOGY = "http://terminology.hl7.org/CodeSystem";

// What an EHR that holds `bundle` sends as `prefetch`: key -> resource (a read), searchset Bundle (a search), null (the
// resource read is not there) or OperationOutcome (a search that this EHR does not do). A key whose template has a
// token that the context does not resolve is left out.
export function answerPrefetch(bundle, templates, context, today) {
  const record = readRecord(bundle);
  return answers(queries(templates, context, today), record);
}

// Key -> query: the templates with their tokens replaced; null where one cannot be.
export function queries(templates, context, today) {
  return new Map(Object.entries(templates ?? {}).map(([key, template]) => [key, resolve(template, context, today)]));
}

// Key -> what the record answers, without the keys that have no query.
export function answers(asked, record) {
  const known = [...asked].filter(([, query]) => query !== null);
  return Object.fromEntries(known.map(([key, query]) => [key, answer(record, query)]));
}

export function resolve(template, context, today) {
  let whole = true;
  const query = template.replace(BRACES, (_, expression) => {
    const value = valueOf(expression, context, today);
    whole &&= value !== null;
    return value ?? "";
  });
  return whole ? query : null;
}

function valueOf(expression, context, today) {
  const days = TODAY.exec(expression);
  if (days) return dayAfter(today, Number(days[2] ?? 0) * (days[1] === "-" ? -1 : 1));
  const name = CONTEXT.exec(expression)?.[1];
  if (name) {
    const value = Object.hasOwn(context, name) ? context[name] : null;
    return typeof value === "string" && value ? value : null;
  }
  if (expression !== "userPractitionerId") return null;
  const user = /^Practitioner\/(.+)$/.exec(context.userId ?? "");
  return user ? user[1] : null;
}

// The day so many days later, or earlier when there are less than none.
export function dayAfter(day, days) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

function answer(record, query) {
  if (!query.includes("?") && READ.test(query)) return record.read(query);
  try {
    return search(record, query);
  } catch (error) {
    if (!(error instanceof SearchRefused)) throw error;
    return outcome("error", "not-supported", `Search refused: ${error.message}`);
  }
}

export function outcome(severity, code, text) {
  return { resourceType: "OperationOutcome", issue: [{ severity, code, details: { text } }] };
}

// Who calls where nothing says so: the first Practitioner of the record.
export function userOf(record) {
  const practitioners = record.ids("Practitioner");
  return practitioners.length ? `Practitioner/${practitioners[0]}` : DEFAULT_USER;
}

// The context of a call. `drafts` and `selections` (names such as MedicationRequest/1) are for the order hooks.
export function contextOf(hook, userId, patientId, drafts, selections) {
  const context = { userId, patientId };
  if (hook === "patient-view") return context;
  const draftOrders = {
    resourceType: "Bundle",
    type: "collection",
    entry: drafts.map((resource) => ({ resource })),
  };
  return hook === "order-select" ? { ...context, selections, draftOrders } : { ...context, draftOrders };
}

// A draft order as it goes into the context: with an id, as a draft, about our patient, and of today where it says no day:
// an EHR dates what is ordered in it, and an order without a day counts for nothing.
export function draft(resource, id, patientId, today) {
  const dated = AUTHORED.has(resource.resourceType) ? { authoredOn: today } : {};
  return { id, status: "draft", ...dated, ...resource, subject: { reference: `Patient/${patientId}` } };
}

// What is wrong with a draft that somebody wrote, in words; empty when nothing is.
export function faultOf(resource) {
  if (!isObject(resource)) return "A draft order is a FHIR resource: a JSON object.";
  if (typeof resource.resourceType !== "string" || !RESOURCE_TYPE.test(resource.resourceType)) {
    return "resourceType is missing: MedicationRequest, ServiceRequest, ...";
  }
  if ("id" in resource && !/^[A-Za-z0-9.-]{1,64}$/.test(resource.id)) {
    return "id may have 1 to 64 letters, digits, dots and hyphens.";
  }
  return "";
}

// An active, confirmed Condition with this coding, as `make demo ADD=` adds it.
export function condition(id, patientId, system, code, recordedDate) {
  const status = (name, value) => ({ coding: [{ system: `${TERMINOLOGY}/${name}`, code: value }] });
  return {
    resourceType: "Condition",
    id,
    clinicalStatus: status("condition-clinical", "active"),
    verificationStatus: status("condition-ver-status", "confirmed"),
    category: [status("condition-category", "problem-list-item")],
    code: { coding: [{ system, code }] },
    subject: { reference: `Patient/${patientId}` },
    recordedDate,
  };
}

// The orders that an accepted suggestion makes, and the names of those that it takes away.
export function followed(suggestion, patientId, today, fresh) {
  const actions = (suggestion.actions ?? []).filter(isObject);
  const created = actions
    .filter((action) => ["create", "update"].includes(action.type) && faultOf(action.resource) === "")
    .map((action) => draft(action.resource, action.resource.id ?? fresh(), patientId, today));
  const withdrawn = actions
    .filter((action) => action.type === "delete")
    .flatMap((action) => action.resourceId ?? [])
    .filter((name) => typeof name === "string");
  return { created, withdrawn };
}
