// The timeline and the record of a Bundle that was dropped. The plots are drawn by the service from the call just made;
// the tables of the record are made here, since a Bundle goes nowhere but into a call.

import { choice, isObject } from "./periods.js";
import { post } from "./workbench-client.js";
import { element, fold } from "./workbench-dom.js";
import { nameOfOrder } from "./workbench-patient.js";

const SHOWN = new Map([
  ["Condition", ["Problems", "recorded"]],
  ["MedicationRequest", ["Medicines", "authoredOn"]],
  ["MedicationStatement", ["Medicines stated", "effective"]],
  ["Procedure", ["Procedures", "performed"]],
  ["Observation", ["Observations", "effective"]],
  ["ServiceRequest", ["Orders", "authoredOn"]],
]);
const MOST_ROWS = 200;

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
  const tables = [...SHOWN].flatMap(([type, [title, dated]]) => {
    const theirs = record.ofType(type).filter((one) => (one.subject ?? one.patient)?.reference === wanted);
    return tableOf(title, theirs, dated);
  });
  return tables.length ? tables : [element("p", { class: "note" }, "Nothing that can be listed.")];
}

function tableOf(title, resources, dated) {
  if (!resources.length) return [];
  const rows = resources
    .map((resource) => ({ resource, day: dayOf(resource, dated) }))
    .sort((a, b) => b.day.localeCompare(a.day))
    .slice(0, MOST_ROWS)
    .map(({ resource, day }) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, nameOfOrder(resource)),
        element("td", {}, valueOf(resource)),
        element("td", { class: "day" }, day || "undated"),
      ),
    );
  const more = resources.length > MOST_ROWS ? `, the latest ${MOST_ROWS}` : "";
  const heads = ["What", "Value or status", "When"];
  return [fold(`${title} (${resources.length}${more})`, { open: resources.length < 15 }, table(heads, rows))];
}

function table(heads, rows) {
  return element(
    "div",
    { class: "table" },
    element("table", { class: "narrow" }, element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head)))), element("tbody", {}, rows)),
  );
}

function dayOf(resource, dated) {
  const when = choice(resource, dated) ?? choice(resource, `${dated}Date`);
  return when && Number.isFinite(when.low) ? new Date(when.low).toISOString().slice(0, 10) : "";
}

function valueOf(resource) {
  const { valueQuantity: quantity, valueCodeableConcept: concept, valueString: text, valueBoolean: flag } = resource;
  if (isObject(quantity)) return [quantity.comparator, quantity.value, quantity.unit ?? quantity.code].filter((part) => part !== undefined).join(" ");
  if (isObject(concept)) return nameOfOrder({ code: concept, resourceType: "" });
  if (typeof text === "string") return text;
  if (typeof flag === "boolean") return flag ? "yes" : "no";
  const status = resource.clinicalStatus?.coding?.[0]?.code ?? resource.status;
  return typeof status === "string" ? status : "";
}
