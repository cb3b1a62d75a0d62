// The keyboard: every button's key, and those that move and change the view.

import { isOpen } from "./dialogs.js";

// Of classes beyond the ninth: letters that mean nothing else.
const LETTERS = [..."qwrtyio"];
const SLIDING = new Set(["arrowleft", "arrowright", "arrowup", "arrowdown", "home", "end", "pageup", "pagedown"]);

export const keyOf = (n) => (n < 9 ? String(n + 1) : LETTERS[n - 9].toUpperCase());

/** The class of a key, by the key's place for digits: with Shift, or on a French keyboard, its character is another. */
function classOf(event, frames) {
  const digit = /^Digit(\d)$/.exec(event.code)?.[1] ?? /^\d$/.exec(event.key)?.[0];
  if (digit === "0") return frames.unsure;
  if (digit) return frames.classes[Number(digit) - 1];
  const letter = LETTERS.indexOf(event.key.toLowerCase());
  return letter < 0 ? undefined : frames.classes[9 + letter];
}

/** Whether the element that has the focus takes the key itself. */
function native(element, key) {
  if (element.tagName === "BUTTON") return key === "enter" || key === " ";
  if (element.type === "range") return SLIDING.has(key);
  return ["INPUT", "SELECT"].includes(element.tagName);
}

/** Have `page` do what keys say. */
export function listen(page) {
  document.addEventListener("keydown", (event) => pressed(page, event));
}

function pressed(page, event) {
  const key = event.key.toLowerCase(), control = event.ctrlKey || event.metaKey, { look } = page;
  if (!page.ready || isOpen() || native(event.target, key)) return;
  if ((control || event.altKey) && !(key === "z" && !event.altKey && !event.shiftKey)) return;
  if (event.key === "Tab" || event.key === "Shift") return;
  if (page.answers.busy) return event.preventDefault();
  if (page.view === "many" && !control && page.grid.key(event)) {
    event.preventDefault();
    return page.refresh();
  }
  const given = classOf(event, page.frames), { group } = page;
  const held = new Map([["arrowright", () => page.step(1)], ["arrowleft", () => page.step(-1)],
    ["+", () => look.zoom(1.5)], ["=", () => look.zoom(1.5)], ["-", () => look.zoom(1 / 1.5)],
    ["b", () => look.step("brightness", 1)], ["v", () => look.step("brightness", -1)],
    ["c", () => look.step("contrast", 1)], ["x", () => look.step("contrast", -1)]]);
  const actions = page.view === "many"
    ? { enter: () => (group ? page.labelGroup() : page.open(page.grid.frame)), escape: () => page.leaveMany(), g: () => page.leaveMany(),
        f: () => group || page.nextFilter(), d: () => group || page.disagreements() }
    : { " ": () => page.skip(), enter: () => page.accept(), escape: () => page.stopDeciding(), g: () => page.showMany(page.list),
        d: () => page.disagreements(), j: () => page.jump(), l: () => page.nextList(), s: () => look.dim(), z: () => look.asItIs(), ...Object.fromEntries(held) };
  Object.assign(actions, { u: () => group || page.undo(), m: () => group || page.map(), h: () => page.help(), "?": () => page.help(), e: () => page.end() });
  if (control) actions[key] = () => group || page.undo();
  else if (given !== undefined && key !== "?") actions[key] = () => page.judge(given, event.shiftKey && /^Digit/.test(event.code));
  if (!actions[key] || (event.repeat && !held.has(key))) return;
  event.preventDefault();
  actions[key]();
}
