// Elements from names, attributes and texts. A text is only ever a text: nothing here reads one as markup.

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export function find(selector) {
  return document.querySelector(selector);
}

// A sentence in which `backticks` mean code.
export function words(text) {
  return (text ?? "").split("`").map((part, position) => (position % 2 ? el("code", {}, part) : part));
}

// Something that is drawn only when it is opened, so that what contains itself has an end.
export function folded(summary, draw, attributes = {}) {
  const details = el("details", attributes, el("summary", {}, summary));
  details.addEventListener("toggle", () => details.append(draw()), { once: true });
  return details;
}

export function labelled(text, field) {
  return el("label", {}, el("span", {}, text), field);
}

// The API key: in this field and nowhere else. It is gone with the page.
export function authorization() {
  const key = find("#key").value.trim();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
