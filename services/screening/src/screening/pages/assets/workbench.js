// The workbench: the page plays the EHR. It answers the prefetch from a record, calls the service through its public
// door, shows the cards, and beside them all that went over the wire. What is shown without a script is in the page.

import { isObject } from "./periods.js";
import { answers, contextOf, followed, queries, userOf } from "./prefetch.js";
import { readRecord } from "./record.js";
import { cards, inShort } from "./workbench-cards.js";
import { discovered, post, told, trouble } from "./workbench-client.js";
import { button, byId, counted, element, replace } from "./workbench-dom.js";
import { Exchanges } from "./workbench-exchange.js";
import { startFinder } from "./workbench-finder.js";
import { Orders } from "./workbench-orders.js";
import { Own } from "./workbench-own.js";
import { nameOfOrder, withFreshId } from "./workbench-patient.js";
import { handled, HOW, rows } from "./workbench-prefetch.js";
import { recordTables, timeline } from "./workbench-timeline.js";
import { held, tree } from "./workbench-trace.js";

const page = byId("workbench").dataset;
const base = new URL(page.base, location.href).href;

class Workbench {
  constructor(services, listed) {
    this.services = services;
    this.listed = listed;
    this.hook = page.hook;
    this.handling = new Map();
    this.changed = false; // whether the user has ever handled a key otherwise
    this.calls = 0;
    this.said = element("p", { class: "said", role: "status" });
    this.orders = new Orders(listed.orders, page.today, () => this.call());
    this.exchanges = new Exchanges();
    this.own = new Own(this, page.today);
    startFinder();
    replace(
      byId("bar"),
      button("Call the service", { class: "primary", id: "call" }, () => this.call()),
      button("Start over", { id: "again", title: "A fresh patient id: nothing is remembered" }, () => this.startOver()),
      this.said,
    );
    for (const link of byId("hooks").querySelectorAll("a")) {
      link.addEventListener("click", (event) => this.choose(event, link.dataset.hook));
    }
  }

  // Opens a case of ours as it stands in the list.
  async open(id) {
    const found = this.listed.cases.find((one) => one.id === id);
    const record = readRecord(await told(`${base}workbench/${id}/bundle.json`));
    this.begin(record, { ...found, patient: record.ids("Patient")[0] });
    this.startOver();
  }

  // `chart`: { patient, user, drafts, selections, notDelivered } and, of a case, its id.
  begin(record, chart) {
    this.first = { record, chart };
  }

  // The same patient under an id that nothing is remembered of, with the drafts and the record of the beginning.
  startOver() {
    const { record, chart } = this.first;
    const fresh = withFreshId(record, chart.patient);
    this.record = fresh.record;
    this.patientId = fresh.patientId;
    this.user = chart.user ?? userOf(record);
    this.handling = new Map((chart.notDelivered ?? []).map((key) => [key, "leave-out"]));
    this.orders.start(this.patientId, chart.drafts ?? [], chart.selections);
    this.show();
    return this.callOrWait();
  }

  choose(event, hook) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.hook = hook;
    const id = this.first.chart.id;
    if (id) history.replaceState(null, "", `${base}workbench/${id}?hook=${hook}`);
    this.show();
    this.callOrWait();
  }

  // No EHR calls an order hook before there is an order.
  callOrWait() {
    if (this.hook === "patient-view" || this.orders.drafts.length) return this.call();
    this.calls += 1; // what is still to come is about another hook
    this.exchanges.rest(`${this.hook}: not called yet.`);
    replace(byId("cards"), element("p", { class: "silence" }, "No draft order, so the service is not called."));
    replace(byId("held"));
    return this.say("Add a draft order, and the service is called.");
  }

  show() {
    for (const link of byId("hooks").querySelectorAll("a")) {
      if (link.dataset.hook === this.hook) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    this.orders.show(this.hook);
  }

  say(words) {
    this.said.textContent = words;
  }

  // Calls the service of the hook. `after` is said before what came.
  async call(after = "") {
    const service = this.services.get(this.hook);
    if (!service) return this.say(`Discovery offers no service for ${this.hook}.`);
    const number = (this.calls += 1);
    this.say("Calling …");
    const call = this.made(service);
    const exchange = await post(`${base}cds-services/${encodeURIComponent(service.id)}`, call.body);
    if (number !== this.calls) return undefined;
    exchange.title = this.hook;
    exchange.prefetch = rows(call, this.handling, (key, how) => this.handle(key, how));
    exchange.why = element("p", { class: "note" }, "Asking why …");
    this.exchanges.add(exchange);
    replace(byId("cards"), cards(exchange, this.answers(service)));
    replace(byId("held"));
    this.say(`${after}${inShort(exchange)} in ${Math.round(exchange.ms)} ms.`);
    await Promise.all([this.explain(exchange, call.body.hookInstance, number), this.draw(call.body, number)]);
    return exchange;
  }

  made(service) {
    const context = contextOf(this.hook, this.user, this.patientId, this.orders.drafts, this.orders.selections);
    const templates = isObject(service.prefetch) ? service.prefetch : {};
    const asked = queries(templates, context, page.today);
    // An EHR finds its unsigned orders by a search; while they are being written, they are in the context alone.
    const record = this.hook === "patient-view" ? this.record.with(...this.orders.drafts) : this.record;
    const prefetch = handled(answers(asked, record), this.handling);
    return { templates, asked, body: { hook: this.hook, hookInstance: crypto.randomUUID(), context, prefetch } };
  }

  handle(key, how) {
    this.handling.set(key, how);
    this.changed = true;
    return this.call(`${key}: ${HOW.get(how)}. `).then(() => {
      byId("exchange").querySelector(`[data-key="${CSS.escape(key)}"] select`)?.focus();
    });
  }

  // Why the answer is as it is, and what was held back: from the trace of the call.
  async explain(exchange, hookInstance, number) {
    const address = `${base}trace/${hookInstance}`;
    try {
      const trace = (await told(address)).traces[0];
      this.exchanges.explain(exchange, tree(trace, address));
      if (number === this.calls) replace(byId("held"), this.heldBack(trace, exchange));
    } catch (error) {
      this.exchanges.explain(exchange, element("p", { class: "note" }, `There is no trace of this call (${error.message})`));
    }
  }

  heldBack(trace, exchange) {
    const silent = exchange.status === 200 && !trace.answer.cards.length;
    return [
      silent && element("p", { class: "sentence" }, trace.sentence),
      trace.heldBack.length > 0 &&
        element(
          "section",
          { class: "held" },
          element("h4", {}, `Held back: ${counted(trace.heldBack.length, "card")}`),
          element("ul", {}, trace.heldBack.map(held)),
        ),
    ];
  }

  // The plots are drawn from the call just made, but for a case of ours of which all is sent as it was drawn at first.
  async draw(body, number) {
    if (this.first.chart.id && !this.changed) return;
    const plots = await timeline(base, body);
    if (number === this.calls) replace(byId("timeline"), plots);
  }

  answers(service) {
    return {
      accept: (card, chosen) => this.accept(service, card, chosen),
      override: (card, reason, comment) => this.override(service, card, reason, comment),
    };
  }

  // `chosen`: one suggestion, or several of a card that lets any number be chosen.
  async accept(service, card, chosen) {
    const answer = { outcome: "accepted", acceptedSuggestions: chosen.map(({ uuid }) => ({ id: uuid })) };
    const patientId = this.patientId;
    const arrived = await this.feedback(service, card, answer);
    if (patientId !== this.patientId) return; // another chart has been opened meanwhile
    const taken = chosen.map((one) => followed(one, this.patientId, page.today, () => this.orders.freshId()));
    const [created, withdrawn] = [taken.flatMap((one) => one.created), taken.flatMap((one) => one.withdrawn)];
    for (const order of created) this.orders.add(order, this.hook === "patient-view");
    this.orders.withdraw(withdrawn);
    this.show();
    const drafted = created.length ? `${counted(created.length, "order")} drafted (${created.map(nameOfOrder).join(", ")}). ` : "";
    const gone = withdrawn.length ? `${counted(withdrawn.length, "order")} withdrawn. ` : "";
    await this.answered(`${arrived} ${drafted}${gone}Called again: `);
  }

  async override(service, card, reason, comment) {
    const overrideReason = { ...(reason && { reason }), ...(comment && { userComment: comment }) };
    const given = Object.keys(overrideReason).length ? { overrideReason } : {};
    await this.answered(`${await this.feedback(service, card, { outcome: "overridden", ...given })} Called again: `);
  }

  async answered(words) {
    await this.call(words);
    byId("cards-title").focus();
  }

  // Sends what became of a card; says in words what the service did with it.
  async feedback(service, card, answer) {
    const item = { card: card.uuid, ...answer, outcomeTimestamp: new Date().toISOString() };
    const address = `${base}cds-services/${encodeURIComponent(service.id)}/feedback`;
    const exchange = await post(address, { feedback: [item] });
    exchange.title = `feedback, ${answer.outcome}`;
    this.exchanges.add(exchange);
    const status = exchange.json?.feedback?.[0]?.status;
    return exchange.status === 200 ? `Feedback arrived: ${answer.outcome}, ${status}.` : `Feedback was not kept (${trouble(exchange)}).`;
  }

  // Opens a record that the user has brought. `name`: of the file.
  bring(record, patient, name, story) {
    this.begin(record, { patient });
    document.title = `${name} · Workbench · Dystonia CDS`;
    document.querySelector('.cases [aria-current="page"]')?.removeAttribute("aria-current");
    history.replaceState(null, "", base);
    replace(byId("case"), element("h2", { id: "case-title", tabindex: "-1" }, name), element("p", { class: "story" }, story));
    replace(byId("record"), recordTables(record, patient));
    replace(byId("timeline"), element("p", { class: "note" }, "Drawn from the first call."));
    byId("case-title").focus();
    return this.startOver();
  }
}

async function start() {
  // Absolute, since the address of the page is going to change; what leads to a place on the page stays as it is.
  for (const link of document.querySelectorAll('a[href]:not([href^="#"])')) link.href = link.href;
  byId("chooser").open = matchMedia("(min-width: 62rem)").matches;
  try {
    const [services, listed] = await Promise.all([discovered(base), told(`${base}workbench/cases.json`)]);
    await new Workbench(services, listed).open(page.case);
  } catch (error) {
    replace(byId("bar"), element("p", { class: "fault", role: "alert" }, `The workbench could not start. ${error.message}`));
    throw error;
  }
}

start();
