// Many frames at once: a list of pictures with a place (the focus) and marks, by keyboard or mouse.

import { make } from "./dialogs.js";

const PER_PAGE = 60;
const LONG = 500; // ms that a finger is down: all frames up to there are marked
const byId = (id) => document.getElementById(id);

export class Grid {
  /** `caption(frame)` gives the elements below a picture. `opened(frame)` is called for a double click, `changed()`
   * where marks or place have changed by pointer. */
  constructor(caption, opened, changed) {
    this.changed = changed;
    this.list = byId("grid");
    this.caption = caption;
    this.opened = opened;
    this.frames = [];
    this.marked = new Set();
    this.broken = new Set(); // what cannot be shown gets no label here
    this.place = this.anchor = 0;
  }

  show(frames, marked = [], place = 0) {
    this.frames = frames;
    this.marked = new Set(marked);
    this.place = this.anchor = Math.max(0, Math.min(place, frames.length - 1));
    this.draw();
    this.focus();
  }

  get frame() { return this.frames[this.place]; }

  /** What a key labels: the marked frames, else the one that is focused. */
  chosen() {
    const chosen = this.marked.size ? this.frames.filter((frame) => this.marked.has(frame)) : [this.frame];
    return chosen.filter((frame) => frame && !this.broken.has(frame));
  }

  get first() { return Math.floor(this.place / PER_PAGE) * PER_PAGE; }

  draw() {
    const shown = this.frames.slice(this.first, this.first + PER_PAGE);
    this.drawn = this.first;
    this.list.replaceChildren(
      ...shown.map((frame, n) => {
        const picture = make("img", { src: `small/${frame.sha256}`, alt: "", loading: "lazy" });
        picture.addEventListener("error", () => {
          this.broken.add(frame);
          picture.replaceWith(make("span", { class: "gone" }, "cannot be shown"));
        });
        const item = make("li", { role: "option", id: `cell-${this.first + n}`, title: frame.path }, make("div", { class: "cell" }, picture), make("p"));
        this.heed(item, this.drawn + n, frame);
        return item;
      }),
    );
    if (!shown.length) this.list.replaceChildren(make("li", { class: "none" }, "There are none."));
    this.update();
  }

  /** Have a picture take the mouse and fingers: a click marks, Shift or a long touch marks all up to it. */
  heed(item, place, frame) {
    let timer = 0, long = false;
    item.addEventListener("pointerdown", ({ pointerType }) => {
      long = false;
      if (pointerType === "touch") timer = setTimeout(() => { long = true; this.go(place, true); this.changed(); }, LONG);
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) item.addEventListener(end, () => clearTimeout(timer));
    item.addEventListener("contextmenu", (event) => event.preventDefault());
    item.addEventListener("mousedown", (event) => event.preventDefault()); // selects no text
    item.addEventListener("click", ({ shiftKey }) => {
      if (long) return;
      this.go(place, shiftKey);
      if (!shiftKey) this.mark();
      this.changed();
    });
    item.addEventListener("dblclick", () => this.opened(frame));
  }

  /** Labels, marks and place anew; the pictures stay. */
  update() {
    this.frames.slice(this.drawn, this.drawn + PER_PAGE).forEach((frame, n) => {
      const item = byId(`cell-${this.drawn + n}`);
      const marked = this.marked.has(frame);
      item.setAttribute("aria-selected", marked);
      item.tabIndex = this.drawn + n === this.place ? 0 : -1;
      item.lastChild.replaceChildren(...(marked ? [make("b", { class: "mark" }, "✓ ")] : []), ...this.caption(frame));
    });
  }

  focus() { byId(`cell-${this.place}`)?.focus(); }

  go(place, extend = false) {
    this.place = Math.max(0, Math.min(place, this.frames.length - 1));
    if (extend) {
      const [low, high] = [Math.min(this.anchor, this.place), Math.max(this.anchor, this.place)];
      this.frames.slice(low, high + 1).forEach((frame) => this.marked.add(frame));
    } else {
      this.anchor = this.place;
    }
    if (this.first === this.drawn) this.update();
    else this.draw();
    this.focus();
  }

  /** The first picture that is drawn, and the place after the last. */
  get span() { return [this.drawn, Math.min(this.drawn + PER_PAGE, this.frames.length)]; }

  /** The page before or after. */
  turn(by) {
    this.go(this.place + by * PER_PAGE);
    this.changed();
  }

  markAll() {
    this.marked = new Set(this.marked.size === this.frames.length ? [] : this.frames);
    this.update();
  }

  mark() {
    if (!this.frame) return;
    if (!this.marked.delete(this.frame)) this.marked.add(this.frame);
    this.update();
  }

  /** Take a key; whether it was one of this list's. */
  key(event) {
    const columns = getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -PER_PAGE, PageDown: PER_PAGE };
    if (event.key in steps) this.go(this.place + steps[event.key], event.shiftKey);
    else if (event.key === "Home") this.go(0, event.shiftKey);
    else if (event.key === "End") this.go(this.frames.length - 1, event.shiftKey);
    else if (event.key === " ") this.mark();
    else if (event.key.toLowerCase() === "a") this.markAll();
    else return false;
    return true;
  }
}
