// Elements from plain values. Text is only ever set as text, so that nothing that came from outside becomes markup.

// element("p", { class: "note", on: { click } }, "text", other): a new element. An attribute that is false, null or
// undefined is left out; true makes it empty; `on` holds listeners. Children that are null or false are left out.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function button(label, attributes, listener) {
  return element("button", { type: "button", ...attributes, on: { click: listener } }, label);
}

export function byId(id) {
  return document.getElementById(id);
}

export function replace(place, ...children) {
  place.replaceChildren(...children.flat().filter(Boolean));
}

// <details>; `attributes.open` says whether it is open.
export function fold(summary, attributes, ...children) {
  return element("details", attributes, element("summary", {}, summary), ...children);
}

// <details> whose content is made when it is first opened.
export function lateFold(summary, attributes, content) {
  const details = fold(summary, attributes);
  details.addEventListener("toggle", () => details.append(...[content()].flat().filter(Boolean)), { once: true });
  return details;
}

let made = 0;

// An id for an element that a label or a description names.
export function freshId(stem) {
  made += 1;
  return `${stem}-${made}`;
}

// A label above its control.
export function labeled(words, control) {
  control.id ||= freshId("field");
  return element("div", { class: "field" }, element("label", { for: control.id }, words), control);
}

export function options(select, pairs, chosen) {
  replace(
    select,
    pairs.map(([value, words]) => element("option", { value, selected: value === chosen }, words)),
  );
  return select;
}

// "1 entry", "2 entries".
export function counted(number, one, several = `${one}s`) {
  return `${number} ${number === 1 ? one : several}`;
}

// The address, if it is one that a browser may open from a card: of the web and nothing else; else "".
export function webAddress(text) {
  try {
    const url = new URL(String(text));
    return ["http:", "https:"].includes(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}

// A link that opens beside the page, or the label alone where the address is none of the web.
export function outward(url, label) {
  const href = webAddress(url);
  if (!href) return document.createTextNode(label);
  return element("a", { href, target: "_blank", rel: "noopener noreferrer" }, label, sign(" (opens in a new tab)"));
}

// Words for screen readers only.
export function sign(words) {
  return element("span", { class: "hidden" }, words);
}

// Esc closes a fold that is used as a menu and gives the focus back to what opened it.
export function closesByEscape(details) {
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary").focus();
    event.stopPropagation();
  });
  return details;
}
