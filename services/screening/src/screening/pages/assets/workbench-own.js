// A Bundle of the user's own: dropped anywhere on the page, or chosen as a file.

import { button, byId, counted, element, freshId, labeled, options, replace } from "./workbench-dom.js";
import { codingOf, inventory, NotUsable, opened, withCondition } from "./workbench-patient.js";

const MOST_TYPES = 6;
const NOTE = "Synthetic, please. It stays in this browser; only what a call asks for goes to the service.";

export class Own {
  constructor(workbench, today) {
    this.workbench = workbench;
    this.today = today;
    this.said = element("div", { role: "status" });
    const file = element("input", { type: "file", accept: ".json,application/json,application/fhir+json" });
    file.addEventListener("change", () => file.files.length && this.take(file.files[0]));
    replace(
      byId("own"),
      element(
        "div",
        { class: "own" },
        labeled("A FHIR R4 Bundle of yours: drop it on this page or choose it", file),
        element("p", { class: "note" }, NOTE),
        this.said,
      ),
    );
    this.listen();
  }

  listen() {
    const carriesFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    document.addEventListener("dragover", (event) => {
      if (!carriesFile(event)) return;
      event.preventDefault();
      document.documentElement.classList.add("dropping");
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) document.documentElement.classList.remove("dropping");
    });
    document.addEventListener("drop", (event) => {
      if (!carriesFile(event)) return;
      event.preventDefault();
      document.documentElement.classList.remove("dropping");
      const [file] = event.dataTransfer.files;
      if (file) this.take(file);
    });
  }

  async take(file) {
    replace(this.said, element("p", {}, `Reading ${file.name} …`));
    try {
      const { record, patients, older } = await opened(file);
      const note = older && element("p", { class: "fault" }, older);
      if (patients.length === 1) {
        replace(this.said, note);
        await this.open(file.name, record, patients[0]);
      } else {
        replace(this.said, note, this.chooser(file.name, record, patients));
      }
    } catch (error) {
      if (!(error instanceof NotUsable) && !(error instanceof DOMException) && !(error instanceof RangeError)) throw error;
      const words = error instanceof NotUsable ? error.message : "It cannot be read.";
      replace(this.said, element("p", { class: "fault" }, `${file.name}: ${words}`));
    }
  }

  chooser(name, record, patients) {
    const select = options(element("select", {}), patients.map((id) => [id, id]), patients[0]);
    return element(
      "div",
      {},
      element("p", {}, `${name} has ${counted(patients.length, "patient")}. Whose chart is opened?`),
      labeled("Patient", select),
      button("Open this chart", { class: "primary" }, () => this.open(name, record, select.value)),
    );
  }

  async open(name, record, patient) {
    const kinds = inventory(record).slice(0, MOST_TYPES).map(([type, number]) => `${number} ${type}`);
    const story = `A Bundle of yours with ${counted(record.resources.size, "resource")}: ${kinds.join(", ")}.`;
    byId("own").querySelector(".add")?.remove();
    this.said.after(this.adder(name, record, patient, story));
    await this.workbench.bring(record, patient, name, story);
  }

  // Most synthetic records are of people without dystonia: one coded problem more, and there is something to say.
  adder(name, record, patient, story) {
    const field = element("input", { type: "text", value: "G24.9", spellcheck: "false" });
    const fault = element("p", { class: "fault", role: "alert", id: freshId("fault") });
    field.setAttribute("aria-describedby", fault.id);
    const add = () => {
      const coding = codingOf(field.value);
      fault.textContent = coding ? "" : "Write an ICD-10-CM code such as G24.9, or SYSTEM|CODE.";
      field.setAttribute("aria-invalid", String(!coding));
      if (!coding) return;
      const more = `${story} Added: an active problem ${coding.system}|${coding.code}, recorded a month ago.`;
      this.workbench.bring(withCondition(record, patient, coding, this.today), patient, name, more);
    };
    return element(
      "div",
      { class: "add" },
      labeled("Add a coded dystonia to this record", field),
      button("Add the problem", {}, add),
      fault,
    );
  }
}
