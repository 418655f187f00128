// Creates elements without innerHTML, so that no text can become markup.

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

/** An icon from index.html, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Sets text only if it changed, which avoids layout and repeated announcements. */
export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** Shows or hides a node; returns whether that changed anything. */
export function setVisible(node, shown) {
  const changed = node.hidden === shown;
  node.hidden = !shown;
  return changed;
}
