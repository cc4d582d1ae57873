// How is a page built? From elements and texts, never from markup: whatever a customer wrote stays text.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `options`: attributes, with `on` for listeners, `data` for data-…, `class` for its class. */
export function el(name, options = {}, ...children) {
  const element = name === "svg" || name === "path" ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "value") Object.assign(element, "defaultValue" in element ? { value, defaultValue: value } : { value });
    else if (key === "href" && !/^[#/]/.test(value)) continue; // only places of our own
    else element.setAttribute(key, value === true ? "" : value);
  }
  put(element, ...children);
  return element;
}

/** Puts children at the end: elements as they are, everything else as text. */
export function put(parent, ...children) {
  for (const child of children.flat(4)) {
    if (child === undefined || child === null || child === false) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return parent;
}

/** Makes these the only children. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  return put(parent, ...children);
}

/** Text with invisible direction changes kept apart from what stands around it. */
export const said = (text, options = {}) => el("bdi", options, text);
