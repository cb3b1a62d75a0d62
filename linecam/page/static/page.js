// The page: one frame or many, keys, answers. The next frame is shown when the server has the answer on its disk.

import { Answers } from "./answers.js";
import { ask, help, isOpen, make } from "./dialogs.js";
import { ALL, DISAGREE, Frames, left, median, plural } from "./frames.js";
import { Grid } from "./grid.js";
import { Ended, get, post } from "./server.js";

const byId = (id) => document.getElementById(id);
const LOOK_AGAIN = 5000; // ms: has somebody else written labels?
// Of classes beyond the ninth: letters that mean nothing else.
const LETTERS = [..."qwrtyio"];
// So many answers say how long one takes.
const ENOUGH = 3;

let frames, answers; // Frames, Answers
let at = 0; // number of the frame that is shown large
let view = "one"; // or "many"
let filter = ALL; // of many; "group" for those of one group
let group = null; // there: {label, frame}
let deciding = false; // a key writes what people have decided, not what one person says
let seen = false; // the large frame has been loaded
let shownAt = 0, version = "";
const times = []; // seconds a frame

const grid = new Grid(caption, (frame) => open(frame));
const frame = () => frames.frames[at];
const keyOf = (n) => (n < 9 ? String(n + 1) : LETTERS[n - 9].toUpperCase());
const name = (one) => one.path.split("/").at(-1);
const percent = (p) => `${Math.round(100 * p)} %`;
const word = (label) => frames.word(label);

function say(text) { byId("said").textContent = text; }

function alarm(text) {
  byId("alarm").hidden = !text;
  byId("alarm").textContent = text;
}

// --- answers

async function undo() {
  if (!answers.steps.length) return say("There is nothing to undo.");
  const back = await answers.takeBack();
  if (!back) return;
  if (!back.length) return undo(); // it has never been written, or is taken back already
  const [[first, , label]] = back;
  at = frames.number.get(first.sha256);
  say(`Taken back: ${back.length === 1 ? `${word(label) || "no label"} of ${name(first)}` : plural(back.length)}.`);
  if (view === "one") showOne();
  else refresh();
}

/** A key for `label`: of the large frame, or of the chosen ones of many. */
async function label(given) {
  if (view === "many") return labelMany(given);
  if (!seen) return say("The frame isn't shown yet.");
  const one = frame(), decision = deciding && frames.disagreement(one).any;
  if (decision && given === frames.unsure) return say("A decision is for a class.");
  const first = !frames.done(one), seconds = (performance.now() - shownAt) / 1000;
  if (!(await answers.write([[one, given]], decision))) return refresh();
  if (first) times.push(seconds);
  say(`${decision ? "Decided" : "Saved"}: ${name(one)} is ${word(given)}.`);
  if (decision) return goto(frames.frames.findIndex((other) => frames.unsettled(other)), () => many(DISAGREE));
  goto(frames.nextOpen(at), allDone);
}

function goto(n, otherwise) {
  if (n < 0) return otherwise();
  at = n;
  showOne();
}

async function labelMany(given) {
  if (group) return say("Enter labels the marked frames, Escape leaves them.");
  const chosen = grid.chosen(), decision = filter === DISAGREE;
  if (!chosen.length) return;
  if (decision && given === frames.unsure) return say("A decision is for a class.");
  if (!(await answers.write(chosen.map((one) => [one, given]), decision))) return refresh();
  say(`${decision ? "Decided" : "Saved"}: ${chosen.length === 1 ? name(chosen[0]) : plural(chosen.length)}, ${word(given)}. U takes it back.`);
  grid.marked.clear();
  refresh();
  if (chosen.length === 1) grid.go(grid.place + 1);
}

/** Shift and a class: show the rest of the group, marked, before it is labelled. */
function askGroup(given) {
  if (view !== "one") return;
  const rest = frames.rest(frame());
  if (rest.length < 2) return say("No other frame like this one lacks a label.");
  group = { label: given, frame: frame() };
  many("group", rest, rest);
}

async function labelGroup() {
  const { label: given, frame: one } = group, chosen = grid.marked.size ? grid.chosen() : [];
  if (!chosen.length) return say("No frame is marked. Escape goes back.");
  const seconds = (performance.now() - shownAt) / 1000 / chosen.length;
  if (!(await answers.write(chosen.map((other) => [other, given]), false))) return refresh();
  times.push(...chosen.map(() => seconds));
  say(`Saved: ${plural(chosen.length)}, ${word(given)}. U takes it back.`);
  at = frames.number.get(one.sha256);
  leaveMany();
  goto(frames.done(one) ? frames.nextOpen(at) : at, allDone);
}

async function allDone() {
  showOne();
  const open = frames.undecided().length;
  const lines = ["Every frame has a label, or somebody who is not sure of it."];
  if (open) lines.push(`People disagree about ${plural(open)}: press D, and decide.`);
  else lines.push("Run snakemake: it goes on with these labels. This page may stay open.");
  if (await ask("All done", lines, [[false, "Enter", "Look at them again"], [true, "E", "End"]])) await end();
}

async function end() {
  const open = frames.frames.length - frames.progress()[0];
  const lines = [open ? `${plural(open)} still ${open === 1 ? "has" : "have"} no label. All answers are saved; linecam label goes on where you stop.` : "All answers are saved."];
  const undecided = frames.undecided().length;
  if (undecided) lines.push(`People disagree about ${plural(undecided)}: snakemake stops at ${undecided === 1 ? "it" : "them"} until you have decided, with D.`);
  if (!(await ask("End?", lines, [[true, "Enter", "End"], [false, "Esc", "Go on"]]))) return;
  answers.ended = true;
  try {
    await post("done", {}, () => { throw new Ended(); });
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
  }
  document.body.replaceChildren(make("main", { id: "end" }, make("h1", {}, "Ended"), make("p", {}, "All answers are saved. Close this window, and run snakemake.")));
}

// --- one frame

function showOne() {
  view = "one";
  byId("many").hidden = true;
  byId("one").hidden = false;
  byId("filter").blur();
  const one = frame(), large = byId("large"), photo = byId("photo");
  photo.style.setProperty("--ratio", one.width / one.height);
  ["left", "top", "width", "height"].forEach((edge, n) => { byId("region").style[edge] = `${100 * one.seen[n]}%`; });
  if (large.dataset.digest !== one.sha256) {
    seen = false;
    shownAt = performance.now();
    large.dataset.digest = one.sha256;
    large.src = `large/${one.sha256}`;
    large.alt = `Frame ${at + 1}, ${one.path}`;
    byId("unseen").hidden = true;
    photo.hidden = false;
    const ahead = frames.nextOpen(at);
    if (ahead >= 0) new Image().src = `large/${frames.frames[ahead].sha256}`;
    byId("beside").replaceChildren(...one.beside.map(([offset, digest]) =>
      make("li", { title: frames.paths[digest] }, make("img", { src: `small/${digest}`, alt: frames.paths[digest] }), make("span", {}, offset > 0 ? `+${offset}` : `−${-offset}`))));
  }
  refresh();
}

byId("large").addEventListener("load", () => { seen = true; document.body.dataset.seen = byId("large").dataset.digest; });
byId("large").addEventListener("error", () => {
  byId("photo").hidden = true;
  byId("unseen").hidden = false;
  byId("unseen").textContent = "This frame cannot be shown: its file has gone or changed since it was indexed, or linecam does not answer. Space goes on to the next.";
});

function refresh() {
  if (!answers || answers.ended) return;
  const [done, all] = frames.progress(), parts = [["train", "training"], ["test", "test"], ["next", "next batch"], ["other", "other"]];
  byId("who").textContent = `${frames.dataset}, labelled by ${frames.by}`;
  byId("count").textContent = view === "one" ? `Frame ${at + 1} of ${all}` : `${plural(grid.frames.length)} shown, ${grid.marked.size} marked`;
  Object.assign(byId("progress"), { value: done, max: all });
  byId("parts").textContent = [`${done} of ${all} labelled`, ...parts.map(([part, name]) => [name, ...frames.progress(part)])
    .filter(([, , of]) => of && of < all).map(([name, n, of]) => `${name} ${n}/${of}`)].join(" · ");
  const each = times.length >= ENOUGH ? median(times.slice(-200)) : 0;
  byId("time").textContent = each ? `${each.toFixed(1)} s a frame${done < all ? `, ${left(each * (all - done))}` : ""}` : "";
  if (view === "one") refreshOne();
  else { grid.update(); gridHead(); }
}

function refreshOne() {
  const one = frame(), counts = frames.counts(one), { any, settled } = frames.disagreement(one), decision = deciding && any;
  const now = decision ? frames.labelBy(one, frames.decision) : frames.mine(one);
  byId("path").replaceChildren(make("small", {}, one.path.slice(0, -name(one).length)), name(one));
  byId("part").textContent = {
    train: one.reason ? `Look again: ${one.reason}.` : "For training.", test: "For the test: no suggestion is shown.", other: "Labelled, and people disagree.",
    next: `Next batch${one.reason ? `: ${one.reason}` : "."}`,
  }[one.part];
  byId("suggestion").hidden = !one.suggestion;
  byId("suggestion").replaceChildren(...(one.suggestion
    ? ["The model says ", make("b", {}, one.suggestion), ` (${percent(one.p)}). `, make("kbd", {}, "Enter"), " accepts."] : []));
  byId("classes").classList.toggle("several", frames.classes.length > 6);
  replace(byId("classes"), [
    ...frames.classes.map((is, n) => button(keyOf(n), is, () => label(is), { "aria-pressed": String(now === is), class: is === one.suggestion ? "suggested" : "" })),
    ...(decision ? [] : [button("0", "not sure", () => label(frames.unsure), { "aria-pressed": String(now === frames.unsure) })])]);
  const lines = frames.rowsOf(one).map((row) => `${row.by === frames.decision ? "Decided" : row.by === frames.by ? "You" : row.by || "Somebody"}: ${word(row.label)}`);
  if (one.given) lines.push(`By ${one.given_by}: ${one.given}`);
  if (decision) lines.unshift("You decide for all.");
  else if (any) lines.push(settled ? "The decision counts; D changes it." : "People disagree; D decides.");
  byId("labels").replaceChildren(...(lines.length ? lines : ["No label yet."]).map((line) => make("span", {}, line)));
  byId("labels").className = any && !settled ? "open" : counts ? "done" : "";
  const rest = frames.rest(one).length - 1;
  byId("group").hidden = !rest;
  byId("group").replaceChildren(`${plural(rest)} like this without a label: `, make("kbd", {}, "Shift"), " and the class.");
  const open = frames.undecided().length;
  replace(byId("actions"), [
    button("Space", "skip", () => skip()), button("←", "back", () => step(-1)), button("U", "undo", () => undo()),
    button("J", "jump", () => jump()), button("G", "grid", () => many(ALL)),
    button("D", open ? `disagree: ${open}` : "disagree", () => many(DISAGREE), { class: open ? "open" : "" }),
    button("H", "keys", () => help()), button("E", "end", () => end())]);
}

/** Other buttons in their place; the one at the place of the focus gets it. */
function replace(place, buttons) {
  const focused = [...place.children].indexOf(document.activeElement);
  place.replaceChildren(...buttons);
  if (focused >= 0) buttons[Math.min(focused, buttons.length - 1)].focus();
}

function button(key, text, action, attributes = {}) {
  return make("button", { type: "button", ...attributes, onclick: (event) => { if (event.detail) event.currentTarget.blur(); if (!answers.busy) action(); } },
    make("kbd", {}, key), make("span", {}, text), attributes["aria-pressed"] === "true" ? make("b", { class: "mark" }, "✓") : "");
}

function step(by) {
  deciding = deciding && frames.disagreement(frame()).any;
  at = Math.max(0, Math.min(at + by, frames.frames.length - 1));
  showOne();
}

function skip() { goto(frames.nextOpen(at), () => step(1)); }

async function jump() {
  const field = make("input", { type: "number", min: 1, max: frames.frames.length, "aria-label": "Number of the frame" });
  const chosen = await ask("Jump", [`To frame 1 … ${frames.frames.length}; empty: to the next without a label.`],
    [["go", "Enter", "Jump"], [null, "Esc", "Back"]], field);
  if (!chosen) return;
  if (field.value === "") return skip();
  if (!field.checkValidity()) return say(`There is no frame ${field.value}.`);
  at = Number(field.value) - 1;
  showOne();
}

// --- many frames

function many(which, shown = frames.filtered(which), marked = []) {
  view = "many";
  filter = which;
  deciding = which === DISAGREE;
  byId("one").hidden = true;
  byId("many").hidden = false;
  const place = which === ALL ? at : 0;
  grid.show(shown, marked, place);
  refresh();
}

function gridHead() {
  byId("filterlabel").hidden = Boolean(group);
  byId("gridtitle").textContent = group ? `Are these ${word(group.label)}, too?` : deciding ? "People disagree: a class decides" : "Many at once";
  byId("gridkeys").replaceChildren(...(group
    ? [["Enter", `labels the ${grid.marked.size} marked`], ["Space", "marks one or not"], ["Esc", "goes back"]]
    : [...frames.classes.map((is, n) => [keyOf(n), is]), ...(deciding ? [] : [["0", "not sure"]]),
       ["Space", "marks"], ["A", "all"], ["Enter", "large"], ["U", "undo"], ["G", "back"]]
  ).map(([key, text]) => make("span", {}, make("kbd", {}, key), ` ${text}`)));
  if (!byId("filter").options.length) byId("filter").append(...frames.filters().map(([value, text]) => make("option", { value }, text)));
  byId("filter").value = filter;
}

function caption(one) {
  const counts = frames.counts(one), shown = [make("span", {}, counts ? word(counts.label) : "–")];
  const { any, settled } = frames.disagreement(one);
  if (any) shown.push(make("small", { class: settled ? "" : "open" }, frames.rowsOf(one).map((row) => `${row.by || "somebody"}: ${word(row.label)}`).join(", ")));
  else if (counts && counts.by !== frames.by) shown.push(make("small", {}, `by ${counts.by || "somebody"}`));
  if (one.suggestion && one.suggestion !== counts?.label) shown.push(make("small", {}, `model: ${one.suggestion} ${percent(one.p)}`));
  return shown;
}

function leaveMany() {
  group = null;
  deciding = false;
  showOne();
}

function open(one) {
  if (!one || group) return;
  at = frames.number.get(one.sha256);
  showOne();
}

byId("filter").addEventListener("change", () => many(byId("filter").value));

function nextFilter() {
  const values = frames.filters().map(([value]) => value);
  many(values[(values.indexOf(filter) + 1) % values.length]);
}

// --- keys

/** The class of a key, by the key's place for digits: with Shift, or on a French keyboard, its character is another. */
function classOf(event) {
  const digit = /^Digit(\d)$/.exec(event.code)?.[1] ?? /^\d$/.exec(event.key)?.[0];
  if (digit === "0") return frames.unsure;
  if (digit) return frames.classes[Number(digit) - 1];
  const letter = LETTERS.indexOf(event.key.toLowerCase());
  return letter < 0 ? undefined : frames.classes[9 + letter];
}

function pressed(event) {
  const native = event.target.tagName === "BUTTON" && (event.key === "Enter" || event.key === " ");
  if (!answers || answers.ended || isOpen() || native || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey || event.altKey) {
    if (!(key === "z" && !event.altKey && !event.shiftKey)) return;
  }
  if (event.key === "Tab" || (event.key === "Shift")) return;
  if (answers.busy) return event.preventDefault();
  if (view === "many" && !event.ctrlKey && !event.metaKey && grid.key(event)) {
    event.preventDefault();
    return refresh();
  }
  const given = classOf(event), held = event.repeat;
  const actions = view === "many"
    ? { enter: () => (group ? labelGroup() : open(grid.frame)), escape: leaveMany, g: leaveMany, f: () => group || nextFilter(), d: () => group || many(DISAGREE) }
    : { " ": skip, arrowright: () => step(1), arrowleft: () => step(-1), g: () => many(ALL), d: () => many(DISAGREE), j: jump,
        escape: () => { deciding = false; refresh(); },
        s: () => document.body.classList.toggle("undimmed"), enter: () => (frame().suggestion ? label(frame().suggestion) : say("There is no suggestion.")) };
  Object.assign(actions, { u: () => group || undo(), h: help, "?": help, e: end });
  if (event.ctrlKey || event.metaKey) actions[key] = undo;
  else if (given !== undefined && key !== "?") actions[key] = () => (event.shiftKey && /^Digit/.test(event.code) ? askGroup(given) : label(given));
  if (!actions[key] || (held && !key.startsWith("arrow"))) return;
  event.preventDefault();
  actions[key]();
}

document.addEventListener("keydown", pressed);
window.addEventListener("beforeunload", (event) => { if (answers?.busy) event.preventDefault(); });

// --- start

/** Take over what others, or this person in another window, have written meanwhile. */
async function look() {
  if (answers.busy || answers.ended) return;
  const before = answers.sent;
  try {
    const { status, data } = await get(`labels?after=${version}`);
    if (answers.sent !== before) return; // an answer has overtaken this
    alarm(status === 200 ? "" : data.error);
    if (data.rows) {
      frames.rows = data.rows;
      version = data.version;
      refresh();
    }
  } catch (error) {
    if (error instanceof Ended) answers.lost(error);
    else alarm("linecam does not answer; every answer so far is saved. If it has ended, start it again with linecam label.");
  }
}

async function start() {
  frames = new Frames((await get("everything")).data);
  answers = new Answers(frames, alarm, refresh);
  await look();
  at = Math.max(0, frames.nextOpen(-1));
  showOne();
  if (frames.nextOpen(-1) < 0) say("Every frame has a label.");
  setInterval(look, LOOK_AGAIN);
  document.addEventListener("visibilitychange", () => document.hidden || look());
}

start();
