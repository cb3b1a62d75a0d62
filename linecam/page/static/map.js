// The map of all frames, as a way to pick some: drawn by the report's script, and sent to the server as the list to label.
// Of a test frame it shows what people say, never what a model says: the server does not tell.

import { Frames, name, percent, plural } from "./frames.js";
import { Ended, get, post } from "./server.js";

const byId = (id) => document.getElementById(id);
const PARTS = ["train", "test", "asked", "next"]; // in the order of the marks of map_drawing.js
const PART = ["training", "test", "not selected", "next batch"];
const partOf = (one) => (PARTS.includes(one.part) ? PARTS.indexOf(one.part) : 2);

function alarm(text) {
  byId("alarm").hidden = !text;
  byId("alarm").textContent = text;
}

function back() { location.assign(`./${location.hash}`); }

/** An element that Bokeh's tooltips show: they do not see the styles of the page. */
function picture(one, size) {
  const made = new Image();
  made.src = `small/${one.sha256}`;
  made.alt = one.path;
  made.style.cssText = `display:block;width:${size}px;height:${size}px;object-fit:contain`;
  return made;
}

/** What is known of a frame, as lines. */
function told(frames, one) {
  const label = frames.counts(one)?.label;
  const lines = [`${PART[partOf(one)]}, ${label ? `labelled ${frames.word(label)}` : "not labelled"}`];
  if (one.suggestion) lines.push(`the model says ${one.suggestion} (${percent(one.p)})`);
  if (one.doubt) lines.push(`looks wrong: ${one.reason}`);
  return [...lines, name(one)];
}

function show(frames) {
  const all = frames.frames, number = (label) => frames.classes.indexOf(label), unknown = frames.classes.length;
  const classOf = all.map((one) => number(frames.counts(one)?.label ?? one.suggestion)).map((n) => (n < 0 ? unknown : n));
  const below = document.querySelector("footer").offsetHeight + 32;
  let picked = [];
  window.Bokeh.logger.set_level("warn");
  window.drawFrameMap(window.Bokeh, {
    x: all.map((one) => one.x),
    y: all.map((one) => one.y),
    part: all.map(partOf),
    marked: all.map((one) => one.doubt > 0),
    small: all.map((one) => partOf(one) === 2),
    ways: {
      class: { words: [...frames.classes, "unknown"], of: classOf },
      part: { words: PART, of: all.map(partOf) },
      doubt: { words: ["looks wrong", "others"], of: all.map((one) => (one.doubt ? 0 : 1)) },
    },
    room: Math.max(320, window.innerHeight - byId("map-plot").getBoundingClientRect().top - below),
    plain: ["unknown", "not selected", "others"],
    pictured: (n, size) => picture(all[n], size),
    told: (n) => told(frames, all[n]),
    selected: (indices) => {
      picked = indices.map((n) => all[n].sha256);
      byId("map-selected").textContent = picked.length ? `${plural(picked.length)} selected` : "No frame is selected.";
      byId("map-label").textContent = picked.length === 1 ? "Label this frame" : `Label these ${plural(picked.length)}`;
      byId("map-label").disabled = !picked.length;
    },
  });
  byId("map-label").addEventListener("click", () => label(picked));
}

/** Have these frames listed, and go on to them. */
async function label(picked) {
  byId("map-label").disabled = true;
  try {
    const { status, data } = await post("asked", picked, () => alarm("linecam does not answer. Your selection is sent again until it does."));
    if (status === 200) return location.assign("./");
    alarm(data.error);
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    alarm("This page belongs to a run of linecam that has ended. Open the address that linecam label printed last, or start it again.");
  }
  byId("map-label").disabled = false;
}

async function start() {
  byId("map-back").addEventListener("click", back);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "m" && !event.ctrlKey && !event.metaKey && !event.altKey) back();
  });
  const { status, data } = await get("map");
  if (status !== 200) return alarm(data.error);
  const { rows, ...about } = data, frames = new Frames(about);
  frames.rows = rows;
  const here = frames.frames.length;
  byId("map-count").textContent = here < data.usable ? `${here} of ${plural(data.usable)}` : plural(here);
  show(frames);
}

start().catch((error) => alarm(`The map cannot be drawn: ${error.message}`));
