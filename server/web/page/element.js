// Making elements, without innerHTML: nothing that came from a file or the
// network can become markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag     "button", or "button.primary.small"
 * @param {object} fields  properties; names with a dash and "role" are attributes,
 *                         names that begin with "on" are listeners
 * @param {...(Node|string|null|false)} children
 */
export function element(tag, fields = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  made.classList.add(...classes);
  for (const [key, value] of Object.entries(fields)) {
    if (key.startsWith("on")) {
      made.addEventListener(key.slice(2), value);
    } else if (key.includes("-") || key === "role" || key === "for") {
      made.setAttribute(key, value);
    } else {
      made[key] = value;
    }
  }
  made.append(...children.filter((child) => child !== null && child !== false && child !== undefined));
  return made;
}

/** A drawing of index.html, hidden from screen readers. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  drawing.append(use);
  return drawing;
}

/** Sets text only where it changed, so that screen readers and layout rest. */
export function say(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** Hides or shows; tells whether that changed anything. */
export function show(node, shown) {
  const changed = node.hidden === shown;
  node.hidden = !shown;
  return changed;
}
