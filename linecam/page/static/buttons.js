// Buttons that say their key: what a key does, a button does too.

import { make } from "./dialogs.js";

const KEYS = { "←": "ArrowLeft", "→": "ArrowRight", Esc: "Escape", "−": "-", PgUp: "PageUp", PgDn: "PageDown" }; // as `aria-keyshortcuts` calls them

/** A button with its key, text or elements, and an action. Pressed by pointer it gives the focus back to the page. */
export function button(key, inside, action, attributes = {}) {
  const pressed = (event) => {
    if (event.detail) event.currentTarget.blur();
    action(event);
  };
  const shown = typeof inside === "string" ? make("span", {}, inside) : inside;
  return make("button", { type: "button", "aria-keyshortcuts": KEYS[key] ?? key, ...attributes, onclick: pressed }, make("kbd", {}, key), shown);
}

/** Other buttons in their place; the one at the place of the focus gets it. */
export function replace(place, buttons) {
  const focused = [...place.children].indexOf(document.activeElement);
  place.replaceChildren(...buttons);
  if (focused >= 0) buttons[Math.min(focused, buttons.length - 1)]?.focus();
}
