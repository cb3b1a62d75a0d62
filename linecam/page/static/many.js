// What stands around the grid of many frames: what is shown, what is marked, and a button for all that can be done.

import { button, choices, replace } from "./buttons.js";
import { make } from "./dialogs.js";
import { DISAGREE, SUSPECT, percent } from "./frames.js";
import { classButtons } from "./one.js";

const byId = (id) => document.getElementById(id);

/** Title, filter and buttons anew. */
export function gridHead(page) {
  const { frames, grid, group, filter } = page, { word } = frames, marked = grid.marked.size;
  const deciding = filter === DISAGREE;
  byId("filterlabel").hidden = Boolean(group);
  byId("gridtitle").textContent = group ? `Are these ${word(group.label)}, too?` : deciding ? "People disagree: a class decides" : "Many at once";
  byId("gridnote").textContent = group ? "" : note(page);
  choices(byId("filter"), frames.filters(), filter);
  const all = marked === grid.frames.length && marked > 0, [first, last] = grid.span;
  const pages = last - first < grid.frames.length ? [
    button("PgUp", "‹", () => grid.turn(-1), { "aria-label": "Page before" }), make("span", {}, `${first + 1}–${last} of ${grid.frames.length}`),
    button("PgDn", "›", () => grid.turn(1), { "aria-label": "Page after" })] : [];
  replace(byId("gridtools"), [
    button(group ? "Esc" : "G", "back", () => page.leaveMany()),
    button("A", all ? "mark none" : "mark all", () => { grid.markAll(); page.refresh(); }),
    ...(group ? [] : [button("Enter", "large", () => page.open(grid.frame)), button("U", "undo", () => page.undo())]), ...pages,
    ...(group ? [] : [button("D", "disagree", () => page.disagreements()), button("M", "map", () => page.map())]),
    button("H", "help", () => page.help()), ...(group ? [] : [button("E", "end", () => page.end())])]);
  replace(byId("gridkeys"), group
    ? [button("Enter", `${word(group.label)}: label the ${marked} marked`, () => page.labelGroup(), { class: "main" })]
    : classButtons(page, null, { unsure: !deciding }));
}

/** Why few labels, or none, are listed as wrong. */
function note({ frames, filter }) {
  const { next } = frames.advice;
  if (filter !== SUSPECT) return "";
  if (next.weak) return "The model is weak: its doubts say nothing about the labels, so no label is listed.";
  const listed = frames.filtered(SUSPECT).length;
  return next.doubtful > listed ? `Of ${next.doubtful} labels that looked wrong these are the most doubtful, the worst first.` : "The most doubtful first.";
}

/** What stands below a picture of the grid. */
export function caption({ frames }, one) {
  const { word } = frames, counts = frames.counts(one), shown = [make("span", {}, counts ? word(counts.label) : "–")];
  const { any, settled } = frames.disagreement(one);
  if (any) shown.push(make("small", { class: settled ? "" : "open" }, frames.rowsOf(one).map((row) => `${row.by || "somebody"}: ${word(row.label)}`).join(", ")));
  else if (counts && counts.by !== frames.by) shown.push(make("small", {}, `by ${counts.by || "somebody"}`));
  if (one.suggestion && one.suggestion !== counts?.label) shown.push(make("small", {}, `model: ${one.suggestion} ${percent(one.p)}`));
  return shown;
}
