// Buttons that say their key: what a key does, a button does too.

import { make } from "./dialogs.js";

const KEYS = { "←": "ArrowLeft", "→": "ArrowRight", Esc: "Escape", "−": "-", PgUp: "PageUp", PgDn: "PageDown" }; // as `aria-keyshortcuts` calls them

/** A button with its key, text or elements, and an action. Pressed by pointer it gives the focus back to the page. */
export function button(key, inside, action, attributes = {}) {
  const pressed = (event) => {
    if (event.detail) made.blur();
    made.action(event);
  };
  const shown = typeof inside === "string" ? make("span", {}, inside) : inside;
  const made = make("button", { type: "button", "aria-keyshortcuts": KEYS[key] ?? key, ...attributes, onclick: pressed }, make("kbd", {}, key), shown);
  made.action = action;
  return made;
}

/** Other buttons, or texts, in their place. A button with the same key stays the element that it is, and says and does
 * what the new one does: so a click counts that was under way, and the focus stays. Else the one at its place gets it. */
export function replace(place, wanted) {
  const before = [...place.children], focused = document.activeElement, at = before.indexOf(focused);
  const after = wanted.map((one, n) => {
    if (!one.action) return before[n]?.isEqualNode(one) ? before[n] : one;
    const there = before.find((other) => other.action && keyOf(other) === keyOf(one));
    return there ? become(there, one) : one;
  });
  if (after.length === before.length && after.every((one, n) => one === before[n])) return;
  place.replaceChildren(...after);
  if (at >= 0) (after.includes(focused) ? focused : after[Math.min(at, after.length - 1)])?.focus();
}

/** Other choices, [value, text], of a list, where they are others; `now` is chosen. */
export function choices(list, wanted, now) {
  const options = wanted.map(([value, text]) => make("option", { value }, text));
  const same = options.length === list.options.length && options.every((one, n) => one.isEqualNode(list.options[n]));
  if (!same) list.replaceChildren(...options);
  list.value = now;
}

const keyOf = (one) => one.getAttribute("aria-keyshortcuts");

/** Have a button say and do what `other` does. */
function become(one, other) {
  one.action = other.action;
  if (one.isEqualNode(other)) return one;
  for (const name of one.getAttributeNames()) if (!other.hasAttribute(name)) one.removeAttribute(name);
  for (const name of other.getAttributeNames()) one.setAttribute(name, other.getAttribute(name));
  one.replaceChildren(...other.childNodes);
  return one;
}
