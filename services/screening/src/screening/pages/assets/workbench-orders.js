// The draft orders: added from a list, written as JSON, chosen and taken away. An order hook calls them the context; when
// the chart is opened they are orders of the patient that nobody has signed yet.

import { draft, faultOf } from "./prefetch.js";
import { nameOf } from "./record.js";
import { button, byId, closesByEscape, element, fold, freshId, labeled, options, replace, sign } from "./workbench-dom.js";
import { nameOfOrder } from "./workbench-patient.js";

const NOTES = new Map([
  ["patient-view", "Not signed yet: a search for orders finds those for tests among them."],
  ["order-select", "A checked order is selected in the call."],
]);
const OWN = { resourceType: "ServiceRequest", status: "draft", intent: "order", code: { text: "Write a coding here" } };

export class Orders {
  // `ready`: the orders of the list. `changed()` is called after each change by the user.
  constructor(ready, today, changed) {
    this.ready = ready;
    this.today = today;
    this.changed = changed;
    this.items = [];
    this.made = 0;
    this.patientId = "";
    this.hook = "";
  }

  // The drafts of a case. `selections` names the selected ones; none named: all.
  start(patientId, resources, selections) {
    this.patientId = patientId;
    this.items = resources.map((resource) => {
      const order = draft(resource, this.freshId(), patientId, this.today);
      return { resource: order, selected: !selections?.length || selections.includes(nameOf(order)) };
    });
  }

  freshId() {
    this.made += 1;
    return `draft-${this.made}`;
  }

  get drafts() {
    return this.items.map((item) => item.resource);
  }

  get selections() {
    return this.items.filter((item) => item.selected).map((item) => nameOf(item.resource));
  }

  add(resource, selected) {
    const order = draft(resource, this.freshId(), this.patientId, this.today);
    const taken = this.items.some((item) => nameOf(item.resource) === nameOf(order));
    this.items.push({ resource: taken ? { ...order, id: this.freshId() } : order, selected });
  }

  withdraw(names) {
    this.items = this.items.filter((item) => !names.includes(nameOf(item.resource)) && !names.includes(item.resource.id));
  }

  show(hook) {
    this.hook = hook;
    const place = byId("orders");
    const charting = hook === "patient-view";
    if (charting && !this.items.length) return replace(place);
    const title = freshId("orders");
    const none = element("p", { class: "note" }, "None yet. Choose one from the list, as a clinician would.");
    const note = NOTES.get(hook);
    return replace(
      place,
      element(
        "section",
        { class: "orders", "aria-labelledby": title },
        element("h3", { id: title }, "Draft orders"),
        note && element("p", { class: "note" }, note),
        this.items.length ? element("ul", { class: "lines" }, this.items.map((item) => this.line(item))) : none,
        !charting && this.adder(),
      ),
    );
  }

  update() {
    this.show(this.hook);
    this.changed();
  }

  line(item) {
    const name = nameOfOrder(item.resource);
    const check = element("input", {
      type: "checkbox",
      checked: item.selected,
      on: {
        change: () => {
          item.selected = check.checked;
          this.changed();
        },
      },
    });
    const words = [element("strong", {}, name), " ", element("code", {}, nameOf(item.resource))];
    const remove = () => {
      const at = this.items.indexOf(item);
      this.items.splice(at, 1);
      this.update();
      this.focusAfter(at);
    };
    return element(
      "li",
      {},
      this.hook === "order-select"
        ? element("label", { class: "selected" }, check, element("span", {}, sign("Selected: "), words))
        : element("span", {}, words),
      button("Remove", { class: "remove", "aria-label": `Remove ${name}` }, remove),
      this.editor(item, name),
    );
  }

  // After an order has gone, the focus is where the next one can be taken away, else where one can be added.
  focusAfter(at) {
    const next = lines()[Math.min(at, this.items.length - 1)]?.querySelector(".remove");
    (next ?? byId("orders").querySelector(".adder select") ?? byId("cards-title")).focus();
  }

  editor(item, name) {
    const area = element("textarea", { rows: "12", spellcheck: "false", "aria-label": `${name} as JSON` });
    area.value = JSON.stringify(item.resource, null, 2);
    const fault = element("p", { class: "fault", role: "alert", id: freshId("fault") });
    area.setAttribute("aria-describedby", fault.id);
    const use = () => {
      const [resource, words] = read(area.value);
      fault.textContent = words;
      area.setAttribute("aria-invalid", String(Boolean(words)));
      if (words) return;
      item.resource = draft(resource, this.freshId(), this.patientId, this.today);
      this.update();
      lines()[this.items.indexOf(item)].querySelector("summary").focus();
    };
    return closesByEscape(fold("Edit as JSON", { class: "menu" }, area, fault, button("Use this", { class: "primary" }, use)));
  }

  adder() {
    const pairs = this.ready.map((one, number) => [String(number), one.label]);
    const select = options(element("select", {}), [...pairs, ["own", "An order of your own, as JSON"]], "0");
    const add = () => {
      this.add(this.ready[Number(select.value)]?.resource ?? OWN, true);
      this.update();
      const last = lines().at(-1);
      if (select.value === "own") last.querySelector("details").open = true;
      last.querySelector(select.value === "own" ? "textarea" : "input, button").focus();
    };
    return element("div", { class: "adder" }, labeled("Add an order", select), button("Add", { class: "primary" }, add));
  }
}

// The lines of the orders that are shown, in their order.
function lines() {
  return [...byId("orders").querySelectorAll(".lines > li")];
}

// [resource, words]: what is wrong with it stands in `words`.
function read(text) {
  try {
    const resource = JSON.parse(text);
    return [resource, faultOf(resource)];
  } catch (error) {
    return [null, `This is not JSON: ${error.message}`];
  }
}
