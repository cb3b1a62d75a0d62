// What to do with the labels: the exact command, by what is still open.

import { make } from "./dialogs.js";
import { plural } from "./frames.js";

const command = (text) => make("code", { class: "command" }, text);

/** What is still open, and the command that goes on: [text or element, ...]. */
export function goOn(frames) {
  const { advice } = frames, lines = [];
  const open = frames.frames.filter((frame) => !frames.done(frame) && frame.part !== "asked").length;
  if (open) lines.push(`${plural(open)} still ${open === 1 ? "has" : "have"} no label. Go on later with this command:`, command(advice.label));
  const undecided = frames.undecided().length;
  if (undecided) {
    lines.push(`People disagree about ${plural(undecided)}: snakemake stops at ${undecided === 1 ? "it" : "them"} until you have decided, with D.`);
  }
  if (open || undecided) return lines;
  const [, batch] = frames.progress("next"), { train } = advice.next;
  if (batch && train) lines.push(`The next batch is labelled. Set select.train to ${train} in your configuration. Then train on all labels with this command:`);
  else if (batch) lines.push("The next batch is labelled. Copy its frames into train/, each into the folder of its class. Then train on all labels with this command:");
  else lines.push("Every frame has an answer. Go on with this command:");
  return [...lines, command(advice.go_on)];
}
