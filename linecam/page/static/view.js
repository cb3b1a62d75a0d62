// How the large frame is shown: zoomed, moved, brighter, with more contrast. Only the view: no pixel and no label changes.

import { button } from "./buttons.js";

const byId = (id) => document.getElementById(id);
const STEP = 1.5, MOST = 16, TAP = 2.5; // factors of a key, at most, of a double tap
const TWICE = 350, NEAR = 24; // ms and pixels: two taps within these are a double tap
const COARSE = 4; // screen pixels a pixel of the frame, from which on its pixels are shown as squares

export class View {
  scale = 1;
  x = 0; // of the frame's upper left corner, in pixels of the screen, from that of its box
  y = 0;
  pointers = new Map(); // fingers that are down, or the mouse
  tap = { time: 0, x: 0, y: 0 };

  constructor() {
    this.photo = byId("photo");
    this.large = byId("large");
    this.sliders = { brightness: byId("brightness"), contrast: byId("contrast") };
    for (const [name, slider] of Object.entries(this.sliders)) {
      slider.value = sessionStorage.getItem(name) ?? 0;
      slider.addEventListener("input", () => this.lighten());
    }
    byId("light").addEventListener("click", () => {
      const open = document.body.classList.toggle("light");
      byId("light").setAttribute("aria-expanded", open);
    });
    byId("zoom").append(
      button("−", "", () => this.zoom(1 / STEP), { id: "smaller", "aria-label": "Smaller" }),
      button("+", "", () => this.zoom(STEP), { id: "larger", "aria-label": "Larger" }));
    byId("moretools").append(
      button("Z", "1×", () => this.asItIs(), { id: "asitis", title: "The whole frame as it is: no zoom, no other light" }),
      button("S", "dim", () => this.dim(), { id: "dim", "aria-pressed": "true", title: "Dim what the camera's model doesn't see" }));
    this.lighten();
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.photo);
  }

  /** Another frame is shown: all of it. The light stays, for frames of a line are dark together. */
  reset() {
    Object.assign(this, { scale: 1, x: 0, y: 0 });
    this.draw();
  }

  asItIs() {
    for (const slider of Object.values(this.sliders)) slider.value = 0;
    this.lighten();
    this.reset();
  }

  dim() { byId("dim").setAttribute("aria-pressed", !document.body.classList.toggle("undimmed")); }

  /** Move a slider by so many steps. */
  step(name, by) {
    const slider = this.sliders[name];
    slider.value = Number(slider.value) + by * Number(slider.step);
    this.lighten();
  }

  lighten() {
    const factors = {};
    for (const [name, slider] of Object.entries(this.sliders)) {
      factors[name] = 2 ** Number(slider.value);
      slider.setAttribute("aria-valuetext", `${factors[name].toFixed(1)} times`);
      sessionStorage.setItem(name, slider.value);
    }
    const plain = factors.brightness === 1 && factors.contrast === 1;
    document.body.style.setProperty("--light", plain ? "none" : `brightness(${factors.brightness}) contrast(${factors.contrast})`);
  }

  /** Zoom by a factor, around a place of the screen that stays where it is; without one, around the middle. */
  zoom(factor, at = null) {
    const box = this.photo.getBoundingClientRect();
    const [px, py] = at ? [at.x - box.left, at.y - box.top] : [box.width / 2, box.height / 2];
    const scale = Math.max(1, Math.min(MOST, this.scale * factor)), by = scale / this.scale;
    Object.assign(this, { scale, x: px - by * (px - this.x), y: py - by * (py - this.y) });
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.photo;
    this.x = Math.min(0, Math.max(width * (1 - this.scale), this.x));
    this.y = Math.min(0, Math.max(height * (1 - this.scale), this.y));
    byId("layer").style.transform = this.scale === 1 ? "none" : `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.photo.classList.toggle("zoomed", this.scale > 1);
    this.photo.classList.toggle("coarse", width * this.scale > COARSE * (this.large.naturalWidth || Infinity));
    byId("asitis").lastChild.textContent = `${Number(this.scale.toFixed(1))}×`;
    const { full } = this.large.dataset; // more pixels than a screen has
    if (this.scale > 1 && full && !this.large.src.endsWith(full)) this.large.src = full;
  }

  listen() {
    const { photo, pointers } = this;
    photo.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(2 ** (-event.deltaY / 250), { x: event.clientX, y: event.clientY });
    }, { passive: false });
    photo.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      photo.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, moved: 0 });
    });
    photo.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = { x: event.clientX, y: event.clientY };
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) this.pinch(before, now, other);
      else this.move(now.x - before.x, now.y - before.y);
      pointers.set(event.pointerId, { ...now, moved: before.moved + Math.hypot(now.x - before.x, now.y - before.y) });
    });
    photo.addEventListener("pointerup", (event) => {
      const was = pointers.get(event.pointerId);
      if (was && pointers.size === 1 && was.moved < NEAR) this.tapped(was, event.timeStamp);
      pointers.delete(event.pointerId);
    });
    photo.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
  }

  move(dx, dy) {
    if (this.scale === 1) return;
    Object.assign(this, { x: this.x + dx, y: this.y + dy });
    this.draw();
  }

  /** One of two fingers has moved: the frame follows their distance and their middle. */
  pinch(before, now, other) {
    const far = (one) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
    const middle = (one) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
    this.zoom(far(now) / far(before), middle(before));
    this.move(middle(now).x - middle(before).x, middle(now).y - middle(before).y);
  }

  tapped({ x, y }, time) {
    const twice = time - this.tap.time < TWICE && Math.hypot(x - this.tap.x, y - this.tap.y) < NEAR;
    this.tap = twice ? { time: 0, x: 0, y: 0 } : { time, x, y };
    if (!twice) return;
    if (this.scale > 1) this.reset();
    else this.zoom(TAP, { x, y });
  }
}
