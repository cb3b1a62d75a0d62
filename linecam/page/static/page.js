// The page: which frame or frames are shown, and what becomes of an answer. The next frame is shown when the server has
// the answer on its disk. What is drawn, and what keys do, stands in the modules below.

import { goOn } from "./advice.js";
import { Answers } from "./answers.js";
import { ask, help, make } from "./dialogs.js";
import { ALL, ASKED, DISAGREE, Frames, SUSPECT, left, median, name, plural } from "./frames.js";
import { Grid } from "./grid.js";
import { keyOf, listen } from "./keys.js";
import { caption, gridHead } from "./many.js";
import { refreshOne, showOne } from "./one.js";
import { Ended, get, post } from "./server.js";
import { View } from "./view.js";

const byId = (id) => document.getElementById(id);
const LOOK_AGAIN = 5000; // ms: has somebody else written labels?
const ENOUGH = 3; // so many answers say how long one takes
const PARTS = [["train", "training"], ["test", "test"], ["next", "next batch"], ["other", "other"], ["asked", "not selected"]];

function say(text) { byId("said").textContent = text; }

function alarm(text) {
  byId("alarm").hidden = !text;
  byId("alarm").textContent = text;
}

class Page {
  list = ALL; // which frames one works through
  queue = []; // these frames
  at = 0; // the place in them of the frame that is shown large
  view = "one"; // or "many"
  filter = ALL; // of many; "group" for those of one group
  group = null; // there: {label, frame}
  deciding = false; // a class says what people have decided, not what one person says
  together = false; // the next class is for the frame's group
  seen = false; // the large frame has been loaded
  answered = new Set(); // the frames that got an answer in this window
  shownAt = 0;
  version = "";
  times = []; // seconds a frame
  keyOf = keyOf;

  constructor(told) {
    this.frames = new Frames(told);
    this.answers = new Answers(this.frames, alarm, () => this.refresh());
    this.grid = new Grid((one) => caption(this, one), (one) => this.open(one), () => this.refresh());
    this.look = new View();
    this.work(this.frames.filtered(ASKED).length ? ASKED : ALL);
  }

  get ready() { return !this.answers.ended; }
  get frame() { return this.queue[this.at]; }

  // --- which frame

  /** Work through another list. */
  work(list) {
    this.list = list;
    this.queue = this.frames.filtered(list);
    this.at = Math.max(0, this.nextOpen(-1));
  }

  /** Be at a frame: of the list, or of all. */
  select(one) {
    if (!this.queue.includes(one)) this.work(ALL);
    this.at = this.queue.indexOf(one);
  }

  /** A frame that waits for an answer. Labels that look wrong, and a list of one's own, are to be looked at again. */
  waits(one) { return [SUSPECT, ASKED].includes(this.list) ? !this.answered.has(one) : !this.frames.done(one); }

  /** The place of the next frame that waits after `at`, from the first one on at the end; -1 for none. */
  nextOpen(at = this.at) {
    const total = this.queue.length;
    for (let step = 1; step <= total; step++) {
      const n = (at + step) % total;
      if (this.waits(this.queue[n])) return n;
    }
    return -1;
  }

  show() {
    this.view = "one";
    showOne(this);
    this.refresh();
  }

  goto(n, otherwise) {
    if (n < 0) return otherwise();
    this.at = n;
    this.show();
  }

  step(by) {
    this.deciding = this.deciding && this.frames.disagreement(this.frame).any;
    this.at = Math.max(0, Math.min(this.at + by, this.queue.length - 1));
    this.show();
  }

  skip() { this.goto(this.nextOpen(), () => this.step(1)); }

  async jump() {
    const field = make("input", { type: "number", inputmode: "numeric", min: 1, max: this.queue.length, "aria-label": "Number of the frame" });
    const chosen = await ask("Jump", [`To frame 1 … ${this.queue.length}; empty: to the next without a label.`],
      [["go", "Enter", "Jump"], [null, "Esc", "Back"]], field);
    if (!chosen) return;
    if (field.value === "") return this.skip();
    if (!field.checkValidity()) return say(`There is no frame ${field.value}.`);
    this.at = Number(field.value) - 1;
    this.show();
  }

  nextList() {
    const values = this.frames.worklists().map(([value]) => value);
    if (values.length < 2) return say("There is no other list: no next batch, no label that looks wrong, and no list of yours.");
    this.changeList(values[(values.indexOf(this.list) + 1) % values.length]);
  }

  changeList(list) {
    this.work(list);
    this.show();
  }

  /** The frame that the address names behind #frame=, where it names one that is listed. */
  follow() {
    const digest = /^#frame=([0-9a-f]{64})$/.exec(location.hash)?.[1];
    if (!digest) return;
    const one = this.frames.frames[this.frames.number.get(digest)];
    if (!one) {
      ask("This frame is not listed here", [`Its SHA-256 is ${digest}. Write that into a file, and open the page with the file:`, make("code", { class: "command" }, `${this.frames.advice.label} --frames FILE`)], [[true, "Enter", "Back"]]);
      return;
    }
    this.select(one);
    this.leaveMany();
  }

  // --- one answer

  /** A class, or not sure: for the large frame, for its group, or for the chosen ones of many. */
  judge(label, together = false) {
    if (this.answers.busy) return;
    if (this.view === "many") return this.labelMany(label);
    if (together || this.together) return this.askGroup(label);
    return this.label(label);
  }

  async label(label) {
    if (!this.seen) return say("The frame isn't shown yet.");
    const { frames, frame: one } = this, decision = this.deciding && frames.disagreement(one).any;
    if (decision && label === frames.unsure) return say("A decision is for a class.");
    const first = !frames.done(one), seconds = (performance.now() - this.shownAt) / 1000;
    if (!(await this.answers.write([[one, label]], decision))) return this.refresh();
    if (first) this.times.push(seconds);
    this.answered.add(one);
    say(`${decision ? "Decided" : "Saved"}: ${name(one)} is ${frames.word(label)}.`);
    if (!decision) return this.goto(this.nextOpen(), () => this.allDone());
    const [open] = frames.undecided();
    if (!open) return this.disagreements();
    this.select(open);
    this.show();
  }

  accept() {
    const { suggestion } = this.frame;
    if (suggestion) this.judge(suggestion);
    else say("There is no suggestion.");
  }

  async undo() {
    if (this.answers.busy) return;
    if (!this.answers.steps.length) return say("There is nothing to undo.");
    const back = await this.answers.takeBack();
    if (!back) return;
    if (!back.length) return this.undo(); // it has never been written, or is taken back already
    const [[first, , label]] = back;
    back.forEach(([one]) => this.answered.delete(one));
    this.select(first);
    say(`Taken back: ${back.length === 1 ? `${this.frames.word(label) || "no label"} of ${name(first)}` : plural(back.length)}.`);
    if (this.view === "one") this.show();
    else this.refresh();
  }

  stopDeciding() {
    this.deciding = false;
    this.together = false;
    this.refresh();
  }

  // --- many

  showMany(which, shown = this.frames.filtered(which), marked = []) {
    this.view = "many";
    this.filter = which;
    this.deciding = which === DISAGREE;
    byId("one").hidden = true;
    byId("many").hidden = false;
    this.grid.show(shown, marked, which === this.list ? this.at : 0);
    this.refresh();
  }

  disagreements() { this.showMany(DISAGREE); }

  nextFilter() {
    const values = this.frames.filters().map(([value]) => value);
    this.showMany(values[(values.indexOf(this.filter) + 1) % values.length]);
  }

  leaveMany() {
    this.group = null;
    this.deciding = false;
    this.show();
  }

  open(one) {
    if (!one || this.group) return;
    this.select(one);
    this.show();
  }

  async labelMany(label) {
    if (this.group) return say("Enter labels the marked frames, Escape leaves them.");
    const { grid, frames } = this, chosen = grid.chosen(), decision = this.filter === DISAGREE;
    if (!chosen.length) return;
    if (decision && label === frames.unsure) return say("A decision is for a class.");
    if (!(await this.answers.write(chosen.map((one) => [one, label]), decision))) return this.refresh();
    chosen.forEach((one) => this.answered.add(one));
    say(`${decision ? "Decided" : "Saved"}: ${chosen.length === 1 ? name(chosen[0]) : plural(chosen.length)}, ${frames.word(label)}. U takes it back.`);
    grid.marked.clear();
    this.refresh();
    if (chosen.length === 1) grid.go(grid.place + 1);
  }

  toggleTogether() {
    this.together = !this.together;
    this.refresh();
  }

  /** Show the rest of the group, marked, before it is labelled. */
  askGroup(label) {
    this.together = false;
    const rest = this.frames.rest(this.frame);
    if (rest.length < 2) return say("No other frame like this one lacks a label.");
    this.group = { label, frame: this.frame };
    this.showMany("group", rest, rest);
  }

  async labelGroup() {
    if (this.answers.busy) return;
    const { label, frame: one } = this.group, { grid, frames } = this, chosen = grid.marked.size ? grid.chosen() : [];
    if (!chosen.length) return say("No frame is marked. Escape goes back.");
    const seconds = (performance.now() - this.shownAt) / 1000 / chosen.length;
    if (!(await this.answers.write(chosen.map((other) => [other, label]), false))) return this.refresh();
    this.times.push(...chosen.map(() => seconds));
    chosen.forEach((other) => this.answered.add(other));
    say(`Saved: ${plural(chosen.length)}, ${frames.word(label)}. U takes it back.`);
    this.select(one);
    this.leaveMany();
    this.goto(frames.done(one) ? this.nextOpen() : this.at, () => this.allDone());
  }

  // --- the map

  /** Go on to the map of all frames. From there one comes back to this frame, or to the frames picked there. */
  async map() {
    if (this.answers.busy) return;
    if (this.frames.on_map) return location.assign(`map.html#frame=${this.frame.sha256}`);
    await ask("No map yet", ["This command makes the map of all frames. When it has run to its end, end this page and open it again.", make("code", { class: "command" }, this.frames.advice.go_on)], [[true, "Enter", "Back"]]);
  }

  // --- the end

  help() { help(this.frames); }

  async allDone() {
    this.show();
    if (this.list !== ALL) {
      const chosen = await ask("This list is done", goOn(this.frames), [["all", "Enter", "All frames"], [null, "Esc", "Look at these again"], ["end", "E", "End"]]);
      if (chosen === "all") this.changeList(ALL);
      if (chosen === "end") await this.end();
      return;
    }
    if (await ask("All done", [...goOn(this.frames), "This page may stay open."], [[false, "Enter", "Look at them again"], [true, "E", "End"]])) await this.end();
  }

  async end() {
    if (this.answers.busy) return;
    const lines = goOn(this.frames);
    if (!(await ask("End?", ["All answers are saved.", ...lines], [[true, "Enter", "End"], [false, "Esc", "Go on"]]))) return;
    this.answers.ended = true;
    try {
      await post("done", {}, () => { throw new Ended(); });
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
    }
    const shown = lines.map((line) => (typeof line === "string" ? make("p", {}, line) : line));
    document.body.replaceChildren(make("main", { id: "end" }, make("h1", {}, "Ended"), make("p", {}, "All answers are saved. Close this window."), ...shown));
  }

  // --- what is shown

  refresh() {
    if (!this.ready) return;
    const { frames, grid, times } = this, [done, all] = frames.progress();
    byId("who").textContent = `${frames.dataset}, labelled by ${frames.by}`;
    byId("count").textContent = this.view === "one" ? `Frame ${this.at + 1} of ${this.queue.length}` : `${plural(grid.frames.length)} shown, ${grid.marked.size} marked`;
    Object.assign(byId("progress"), { value: done, max: all });
    byId("parts").textContent = [`${done} of ${all} labelled`, ...PARTS.map(([part, text]) => [text, ...frames.progress(part)])
      .filter(([, , of]) => of && of < all).map(([text, n, of]) => `${text} ${n}/${of}`)].join(" · ");
    const each = times.length >= ENOUGH ? median(times.slice(-200)) : 0;
    byId("time").textContent = each ? `${each.toFixed(1)} s a frame${done < all ? `, ${left(each * (all - done))}` : ""}` : "";
    if (this.view === "one") return refreshOne(this);
    grid.update();
    gridHead(this);
  }

  /** Take over what others, or this person in another window, have written meanwhile. */
  async hear() {
    const { answers } = this, before = answers.sent;
    if (answers.busy || answers.ended) return;
    try {
      const { status, data } = await get(`labels?after=${this.version}`);
      if (answers.sent !== before) return; // an answer has overtaken this
      alarm(status === 200 ? "" : data.error);
      if (data.rows) {
        this.frames.rows = data.rows;
        this.version = data.version;
        this.refresh();
      }
    } catch (error) {
      if (error instanceof Ended) answers.lost(error);
      else alarm("linecam does not answer; every answer so far is saved. If it has ended, start it again with linecam label.");
    }
  }
}

async function start() {
  localStorage.setItem("linecam-page", location.pathname.split("/")[1]); // for open.js
  const page = new Page((await get("everything")).data), large = byId("large");
  large.addEventListener("load", () => { page.seen = true; document.body.dataset.seen = large.dataset.digest; page.look.draw(); });
  large.addEventListener("error", () => {
    byId("photo").hidden = true;
    byId("unseen").hidden = false;
    byId("unseen").textContent = "This frame cannot be shown: its file has gone or changed since it was indexed, or linecam does not answer. Space goes on to the next.";
  });
  byId("filter").addEventListener("change", () => page.showMany(byId("filter").value));
  byId("list").addEventListener("change", () => { byId("list").blur(); page.changeList(byId("list").value); });
  window.addEventListener("hashchange", () => page.follow());
  window.addEventListener("beforeunload", (event) => { if (page.answers.busy) event.preventDefault(); });
  listen(page);
  await page.hear();
  page.work(page.list);
  page.show();
  if (page.nextOpen(-1) < 0) say("Every frame has a label.");
  page.follow();
  setInterval(() => page.hear(), LOOK_AGAIN);
  document.addEventListener("visibilitychange", () => document.hidden || page.hear());
}

start();
