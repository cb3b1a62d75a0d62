// Answers: sent until they are on the server's disk, never over what others have written meanwhile, and taken back.

import { ask } from "./dialogs.js";
import { Ended, post } from "./server.js";

const STEPS = 500; // so many answers can be taken back

export class Answers {
  busy = false; // one is on its way
  sent = 0; // how many were
  ended = false; // nobody takes any more
  steps = JSON.parse(sessionStorage.getItem("undos") ?? "[]"); // to take back: {decision, changes: [sha256, before, after]}

  /** `alarm(text)` shows why an answer isn't saved yet, or nothing; `changed()` that others have written labels. */
  constructor(frames, alarm, changed) {
    Object.assign(this, { frames, alarm, changed });
  }

  /** Write labels, [[frame, label], ...]; whether they are on the disk. Asks where others stand there now. */
  async write(wanted, decision, undoable = true) {
    if (this.busy || this.ended || !wanted.length) return false;
    this.hold(true);
    this.sent += 1;
    const by = this.whose(decision);
    const changes = wanted.map(([one, label]) => [one.sha256, this.frames.labelBy(one, by), label]);
    const step = { decision, changes: changes.filter(([, before, label]) => before !== label) };
    // Before it is sent: where the page is loaded anew meanwhile, the answer may stand, and can be taken back.
    if (undoable && step.changes.length) this.keep([...this.steps, step]);
    const reply = await this.send(changes, decision);
    if (reply?.status !== 200) this.keep(this.steps.filter((one) => one !== step));
    this.hold(false);
    if (!reply) return false;
    Object.assign(this.frames.rows, reply.data.rows ?? {});
    if (reply.status === 409) return this.conflict(wanted, changes, decision);
    if (reply.status !== 200) {
      await ask("This could not be written", [reply.data.error], [[true, "Enter", "Back"]]);
      return false;
    }
    return true;
  }

  /** Take the last answer back: its [[frame, before, label], ...]; null where there is none or it could not be written. */
  async takeBack() {
    const last = this.steps.at(-1), { frames } = this;
    if (!last) return null;
    const back = last.changes.map(([digest, before, label]) => [frames.frames[frames.number.get(digest)], before, label])
      .filter(([one, before]) => one && frames.labelBy(one, this.whose(last.decision)) !== before);
    if (back.length && !(await this.write(back, last.decision, false))) return null;
    this.keep(this.steps.filter((one) => one !== last));
    return back;
  }

  /** This page is of another run of linecam than the one that answers. Throws any other error. */
  lost(error) {
    if (!(error instanceof Ended)) throw error;
    this.ended = true;
    this.alarm("This page belongs to a run of linecam that has ended. Another run is going on: open the address that it printed. Your last answer is saved only if that page shows it.");
  }

  whose(decision) { return decision ? this.frames.decision : this.frames.by; }

  hold(busy) {
    this.busy = busy;
    document.body.classList.toggle("busy", busy);
  }

  keep(steps) {
    this.steps = steps.slice(-STEPS);
    sessionStorage.setItem("undos", JSON.stringify(this.steps));
  }

  async send(changes, decision) {
    const answers = changes.map(([sha256, before, label]) => ({ sha256, label, seen: before }));
    const about = answers.length === 1 ? ` “${this.frames.word(answers[0].label) || "none"}”` : ` for ${answers.length} frames`;
    const waiting = () =>
      this.alarm(`linecam does not answer. Your answer${about} is kept here and sent again until it does. If linecam has ended, start it again: the new page begins at this frame.`);
    try {
      const reply = await post("answers", { answers, decision }, waiting);
      this.alarm("");
      return reply;
    } catch (error) {
      this.lost(error);
      return null;
    }
  }

  /** Other labels stand there than this page knew of: let the user choose. */
  async conflict(wanted, changes, decision) {
    const { frames } = this, by = this.whose(decision);
    const now = (digest) => frames.labelBy(frames.frames[frames.number.get(digest)], by);
    const differ = changes.filter(([digest, before, label]) => now(digest) !== before && now(digest) !== label);
    const lines = differ.slice(0, 12).map(([digest, , label]) =>
      `${frames.paths[digest]}: ${frames.word(now(digest)) || "no label"} is saved now, your answer is ${frames.word(label) || "no label"}.`);
    if (differ.length > lines.length) lines.push(`And ${differ.length - lines.length} more.`);
    this.changed();
    const choice = await ask(`Meanwhile ${by} has given another answer in another window`, lines, [
      ["keep", "K", "Keep the other answer"],
      ["write", "W", "Write my answer instead"],
    ]);
    const contested = new Set(differ.map(([digest]) => digest));
    if (choice === "write") return this.write(wanted, decision);
    if (choice !== "keep") return false;
    const others = wanted.filter(([one]) => !contested.has(one.sha256));
    return others.length ? this.write(others, decision) : true;
  }
}
