// Questions and texts that stand over the page. Escape closes each; `ask` resolves with what was chosen, or null.

const byId = (id) => document.getElementById(id);
const dialog = byId("dialog"), form = byId("dialogform");

/** An element with attributes, and text or elements in it. */
export function make(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...inside);
  return element;
}

export const isOpen = () => dialog.open;

/** Show `title` and `lines` (text, or elements) over choices, each [value, key, text]; the first one is at Enter. */
export function ask(title, lines, choices, field = null) {
  byId("dialogtitle").textContent = title;
  byId("dialogtext").replaceChildren(...lines.map((line) => (typeof line === "string" ? make("p", {}, line) : line)));
  return new Promise((resolve) => {
    // At once, not when the dialog's event comes: until then the page would take a further key for the frame.
    const choose = (value) => { dialog.close(); resolve(value); };
    const buttons = choices.map(([value, key, text], n) =>
      make("button", { type: n || !field ? "button" : "submit", onclick: () => choose(value) }, make("kbd", {}, key), " ", text));
    form.replaceChildren(...(field ? [field] : []), ...buttons);
    form.onsubmit = (event) => { event.preventDefault(); choose(choices[0][0]); };
    dialog.onkeydown = (event) => {
      event.stopPropagation(); // closed by this key, the page must not take it, too
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
      const found = choices.find(([, key]) => key.toLowerCase() === event.key.toLowerCase());
      if (found && event.key !== "Enter") { event.preventDefault(); choose(found[0]); }
    };
    // By Escape. The event may also be of the question before, while this one is open.
    dialog.onclose = () => { if (!dialog.open) resolve(null); };
    dialog.showModal();
    (field ?? buttons[0]).focus({ preventScroll: true });
    dialog.scrollTop = 0; // a long text is read from its top; showModal scrolls to the first button
  });
}

const KEYS = [
  ["1 … 9", "label the frame with that class; further classes have a letter"],
  ["0", "not sure: the frame is left out"],
  ["Enter", "take the class that the model says"],
  ["Shift + 1 … 9", "label a group: first the page shows this frame and similar ones, and you can take some out"],
  ["Space", "skip to the next frame without a label"],
  ["← →", "the frame before, the frame after"],
  ["U, Ctrl+Z", "undo, as often as you like"],
  ["J", "jump to a frame by its number, or to the next without a label"],
  ["G", "many frames at once: arrows, Space marks, Shift+arrows mark several, A all; a class labels the marked ones"],
  ["F", "with many frames: choose which ones are shown"],
  ["D", "the frames on which people disagree: decide for a class"],
  ["L", "which frames to work through: all, your list, the next batch, labels that look wrong"],
  ["M", "the map of all frames: draw around frames that you want to label"],
  ["+ −", "larger, smaller; the wheel, two fingers and a double tap do it too, and a drag moves the frame"],
  ["V B", "darker, brighter: only the view"],
  ["X C", "less contrast, more contrast: only the view"],
  ["Z", "the whole frame again, as it is"],
  ["S", "dim what the camera's model doesn't see, or stop dimming it"],
  ["E", "end, with the command to type next"],
  ["Tab", "go to the next button; Enter presses it"],
];

/** What each class means, as a list; [] where nobody has said. */
function meanings({ classes, advice }) {
  const defined = classes.filter((label) => advice.definitions[label]);
  const lines = defined.flatMap((label) => [make("dt", {}, make("b", {}, label)), make("dd", {}, advice.definitions[label])]);
  return lines.length ? [make("dl", { class: "keys" }, ...lines)] : [];
}

export const help = (frames) =>
  ask(
    "Help",
    [
      ...meanings(frames),
      make("dl", { class: "keys" }, ...KEYS.flatMap(([key, text]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, text)])),
      "Every key has a button. Among many frames a tap marks one, and a long touch marks all up to it.",
      "The camera's model sees only the bright part: judge that. Every answer is on disk before the next frame is shown.",
      "Test frames get no suggestion: whoever judges them must not know what the model says.",
    ],
    [[true, "Enter", "Close"]],
  );
