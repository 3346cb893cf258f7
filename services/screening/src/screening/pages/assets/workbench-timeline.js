// The timeline and the record of a Bundle that was dropped. The plots are drawn by the service from the call just made;
// the tables of the record are made here, since a Bundle goes nowhere but into a call.

import { choice, isObject } from "./periods.js";
import { post } from "./workbench-client.js";
import { element, fold } from "./workbench-dom.js";
import { nameOfOrder } from "./workbench-patient.js";

const STATED = ["What", "Status", "When"];
const SHOWN = new Map([
  ["Condition", ["Problems", "recorded", STATED, (one) => [nameOfOrder(one), statusOf(one)]]],
  ["MedicationRequest", ["Medicines", "authoredOn", STATED, (one) => [nameOfOrder(one), statusOf(one)]]],
  ["MedicationStatement", ["Medicines stated", "effective", STATED, (one) => [nameOfOrder(one), statusOf(one)]]],
  ["Procedure", ["Procedures", "performed", STATED, (one) => [nameOfOrder(one), statusOf(one)]]],
  ["FamilyMemberHistory", ["Family", "date", ["Relative", "Disorder", "When"], (one) => [relativeOf(one), disordersOf(one)]]],
  [
    "Observation",
    ["Observations", "effective", ["What", "Value or status", "Reference range", "When"], (one) => [nameOfOrder(one), valueOf(one), rangeOf(one)]],
  ],
  ["ServiceRequest", ["Orders", "authoredOn", STATED, (one) => [nameOfOrder(one), statusOf(one)]]],
]);
const MOST_ROWS = 200;
const RELATIVES = new Map([
  ["MTH", "mother"],
  ["FTH", "father"],
  ["PRN", "parent"],
  ["BRO", "brother"],
  ["SIS", "sister"],
  ["SIB", "sibling"],
  ["SON", "son"],
  ["DAU", "daughter"],
  ["CHILD", "child"],
]);

// What the service draws of the results in a call: elements to show. It is markup of our own service, in which every
// value of the Bundle is escaped; what a parser makes of it runs no script.
export async function timeline(base, body) {
  const exchange = await post(`${base}workbench/timeline`, body);
  const html = exchange.json?.html;
  if (exchange.status !== 200 || typeof html !== "string") {
    return [element("p", { class: "note" }, "The results could not be drawn. The cards do not depend on it.")];
  }
  return [...new DOMParser().parseFromString(html, "text/html").body.children];
}

// The record of one patient; a Bundle may hold several.
export function recordTables(record, patientId) {
  const wanted = `Patient/${patientId}`;
  const tables = [...SHOWN].flatMap(([type, how]) => {
    const theirs = record.ofType(type).filter((one) => (one.subject ?? one.patient)?.reference === wanted);
    return tableOf(theirs, ...how);
  });
  return [person(record.read(wanted)), ...(tables.length ? tables : [element("p", { class: "note" }, "Nothing that can be listed.")])];
}

function person(patient) {
  const { gender, birthDate } = patient ?? {};
  return element("p", { class: "person" }, `Patient: ${textOf(gender) || "sex unknown"}, born ${textOf(birthDate) || "unknown"}.`);
}

// `heads`: of the columns, the day last; `cells` of a resource: those before the day.
function tableOf(resources, title, dated, heads, cells) {
  if (!resources.length) return [];
  const rows = resources
    .map((resource) => ({ resource, day: dayOf(resource, dated) }))
    .sort((a, b) => b.day.localeCompare(a.day))
    .slice(0, MOST_ROWS)
    .map(({ resource, day }) => {
      const [what, ...more] = cells(resource);
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, what),
        more.map((one, number) => element("td", { "data-head": heads[number + 1] }, one)),
        element("td", { class: "day", "data-head": heads.at(-1) }, day || "undated"),
      );
    });
  const more = resources.length > MOST_ROWS ? `, the latest ${MOST_ROWS}` : "";
  return [fold(`${title} (${resources.length}${more})`, { open: resources.length < 15 }, table(heads, rows))];
}

function table(heads, rows) {
  return element(
    "div",
    { class: "table", role: "group", tabindex: "0", "aria-label": `Table: ${heads.join(", ")}` },
    element("table", { class: "stacks" }, element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head)))), element("tbody", {}, rows)),
  );
}

function dayOf(resource, dated) {
  const when = choice(resource, dated) ?? choice(resource, `${dated}Date`);
  return when && Number.isFinite(when.low) ? new Date(when.low).toISOString().slice(0, 10) : "";
}

function valueOf(resource) {
  const { valueQuantity: quantity, valueCodeableConcept: concept, valueString: text, valueBoolean: flag } = resource;
  if (isObject(quantity)) return quantityOf(quantity);
  if (isObject(concept)) return nameOfOrder({ code: concept, resourceType: "" });
  if (typeof text === "string") return text;
  if (typeof flag === "boolean") return flag ? "yes" : "no";
  return statusOf(resource);
}

function statusOf(resource) {
  return textOf(resource.clinicalStatus?.coding?.[0]?.code ?? resource.status);
}

function quantityOf({ comparator, value, unit, code }) {
  return [comparator, value, unit ?? code].filter((part) => part !== undefined && part !== null).join(" ");
}

// "30 to 300 ng/mL", "to 5 ug/L", or the words of the laboratory.
function rangeOf(resource) {
  const ranges = listed(resource.referenceRange).map(({ low, high, text }) => {
    if (isObject(low) && isObject(high)) return `${low.value ?? ""} to ${quantityOf(high)}`;
    if (isObject(low)) return `from ${quantityOf(low)}`;
    return isObject(high) ? `to ${quantityOf(high)}` : textOf(text);
  });
  return ranges.filter(Boolean).join("; ") || "-";
}

function relativeOf({ relationship }) {
  const name = isObject(relationship) ? nameOfOrder({ code: relationship, resourceType: "" }) : "";
  return RELATIVES.get(name) ?? (name || "-");
}

function disordersOf({ condition }) {
  const names = listed(condition).map(({ code }) => (isObject(code) ? nameOfOrder({ code, resourceType: "" }) : ""));
  return names.filter(Boolean).join(", ") || "none named";
}

function listed(value) {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function textOf(value) {
  return typeof value === "string" ? value : "";
}
