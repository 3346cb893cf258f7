// Finds a patient in the list by words of the title, the story or the group.

import { byId, counted, element, labeled, replace } from "./workbench-dom.js";

export function startFinder() {
  const links = [...byId("chooser").querySelectorAll(".cases a")];
  const count = element("p", { class: "hidden", role: "status" });
  const field = element("input", { type: "search" });
  field.addEventListener("input", () => {
    count.textContent = counted(find(links, field.value), "patient");
  });
  replace(byId("finder"), labeled("Find a patient", field), count);
  const list = byId("chooser").closest("nav");
  const here = links.find((link) => link.ariaCurrent);
  list.scrollTop = Math.max(0, (here?.offsetTop ?? 0) - list.clientHeight / 2);
}

// Hides what does not have all the words; the number of what is left.
function find(links, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const link of links) {
    link.parentElement.hidden = !words.every((word) => link.dataset.words.includes(word));
  }
  for (const list of byId("chooser").querySelectorAll(".cases")) {
    const none = [...list.children].every((item) => item.hidden);
    list.hidden = none;
    list.previousElementSibling.hidden = none;
  }
  return links.filter((link) => !link.parentElement.hidden).length;
}
