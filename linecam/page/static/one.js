// One frame, large, with what is known of it and what can be said of it.

import { button, choices, replace } from "./buttons.js";
import { make } from "./dialogs.js";
import { name, percent, plural } from "./frames.js";

const byId = (id) => document.getElementById(id);
const LARGE = 1600; // pixels of the longer side: what large/ has of a frame at most

/** Show the frame that `page` is at. Its neighbours are drawn, and the frame after it is fetched, with it. */
export function showOne(page) {
  byId("many").hidden = true;
  byId("one").hidden = false;
  byId("filter").blur();
  const one = page.frame, large = byId("large"), photo = byId("photo");
  photo.style.setProperty("--ratio", one.width / one.height);
  ["left", "top", "width", "height"].forEach((edge, n) => { byId("region").style[edge] = `${100 * one.seen[n]}%`; });
  if (large.dataset.digest === one.sha256) return;
  page.seen = page.together = false;
  page.shownAt = performance.now();
  large.dataset.digest = one.sha256;
  large.dataset.full = Math.max(one.width, one.height) > LARGE ? `full/${one.sha256}` : "";
  large.src = `large/${one.sha256}`;
  large.alt = `Frame ${page.at + 1}, ${one.path}`;
  byId("unseen").hidden = true;
  photo.hidden = false;
  page.look.reset();
  const ahead = page.nextOpen();
  if (ahead >= 0) new Image().src = `large/${page.queue[ahead].sha256}`;
  byId("beside").replaceChildren(...one.beside.map(([offset, digest]) =>
    make("li", { title: page.frames.paths[digest] }, make("img", { src: `small/${digest}`, alt: page.frames.paths[digest] }), make("span", {}, offset > 0 ? `+${offset}` : `−${-offset}`))));
}

/** Labels, counts and buttons anew; the picture stays. */
export function refreshOne(page) {
  const { frames, frame: one, deciding } = page, { word } = frames;
  const counts = frames.counts(one), { any, settled } = frames.disagreement(one), decision = deciding && any;
  const now = decision ? frames.labelBy(one, frames.decision) : frames.mine(one);
  byId("path").replaceChildren(make("small", {}, one.path.slice(0, -name(one).length)), name(one));
  byId("part").textContent = {
    train: one.reason ? `Look again: ${one.reason}.` : "For training.", test: "For the test: no suggestion is shown.", other: "Labelled, and people disagree.",
    next: `Next batch${one.reason ? `: ${one.reason}` : "."}`, asked: one.asked ? "Of your list; not selected." : "Not selected.",
  }[one.part];
  byId("suggestion").hidden = !one.suggestion;
  const model = frames.advice.next.weak ? "The model, which is weak, says " : "The model says ";
  replace(byId("suggestion"), one.suggestion
    ? [button("Enter", make("span", {}, model, make("b", {}, one.suggestion), ` (${percent(one.p)})`), () => page.accept(), { title: "Accept" })] : []);
  byId("classes").classList.toggle("several", frames.classes.length > 6);
  replace(byId("classes"), classButtons(page, now, { unsure: !decision, suggested: one.suggestion }));
  const lines = frames.rowsOf(one).map((row) => `${row.by === frames.decision ? "Decided" : row.by === frames.by ? "You" : row.by || "Somebody"}: ${word(row.label)}`);
  if (one.given) lines.push(`By ${one.given_by}: ${one.given}`);
  if (decision) lines.unshift("You decide for all.");
  else if (any) lines.push(settled ? "The decision counts; D changes it." : "People disagree; D decides.");
  byId("labels").replaceChildren(...(lines.length ? lines : ["No label yet."]).map((line) => make("span", {}, line)));
  byId("labels").className = any && !settled ? "open" : counts ? "done" : "";
  const rest = frames.rest(one).length - 1;
  if (!rest) page.together = false;
  byId("group").hidden = !rest;
  replace(byId("group"), rest
    ? [button("Shift", page.together ? "now the class, for all of them" : `together with ${plural(rest)} like this`, () => page.toggleTogether(), { "aria-pressed": String(page.together) })] : []);
  const open = frames.undecided().length;
  replace(byId("actions"), [
    button("Space", "skip", () => page.skip()), button("U", "undo", () => page.undo()),
    button("←", "back", () => page.step(-1)), button("→", "next", () => page.step(1)),
    button("G", "grid", () => page.showMany(page.list)), button("J", "jump", () => page.jump()),
    ...(decision ? [button("Esc", "don't decide", () => page.stopDeciding())]
      : [button("D", open ? `disagree: ${open}` : "disagree", () => page.disagreements(), { class: open ? "open" : "" })]),
    button("M", "map", () => page.map()), button("H", "help", () => page.help()), button("E", "end", () => page.end())]);
  const lists = frames.worklists();
  byId("listlabel").hidden = lists.length < 2;
  choices(byId("list"), lists, page.list);
}

/** A button for each class: its key, its name, what it means, how many frames have it. `now` is the one that counts. */
export function classButtons(page, now, { unsure, suggested = "" }) {
  const { frames } = page, tally = frames.tally();
  const one = (key, label) => {
    const meaning = frames.advice.definitions[label] ?? "", number = tally.get(label) ?? 0;
    const inside = make("span", {}, make("b", {}, frames.word(label)), ...(meaning ? [make("small", {}, meaning)] : []));
    const made = button(key, inside, (event) => page.judge(label, event.shiftKey), {
      "aria-pressed": String(now === label), class: label === suggested ? "suggested" : "", title: meaning || null,
      "aria-label": `${frames.word(label)}, ${plural(number)}${meaning ? `. ${meaning}` : ""}`,
    });
    made.append(make("small", { class: "tally" }, String(number)), now === label ? make("b", { class: "mark" }, "✓") : "");
    return made;
  };
  return [...frames.classes.map((label, n) => one(page.keyOf(n), label)), ...(unsure ? [one("0", frames.unsure)] : [])];
}
