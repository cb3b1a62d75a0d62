// Frames and their labels, as the server has told them; nothing here touches the page.

export const ALL = "all", OPEN = "open", DISAGREE = "disagree", DOUBT = "doubt", UNSURE = "unsure", CLASS = "class:";
export const ASKED = "asked", NEXT = "next", SUSPECT = "suspect";

export class Frames {
  constructor(told) {
    Object.assign(this, told); // dataset, by, decision, unsure, classes, frames, paths, advice, on_map
    this.rows = {};
    this.number = new Map(this.frames.map((frame, n) => [frame.sha256, n]));
  }

  word = (label) => (label === this.unsure ? "not sure" : label);

  rowsOf(frame) { return this.rows[frame.sha256] ?? []; }

  labelBy(frame, by) { return this.rowsOf(frame).find((row) => row.by === by)?.label ?? ""; }

  mine(frame) { return this.labelBy(frame, this.by); }

  others(frame) { return this.rowsOf(frame).filter((row) => row.by !== this.by && row.by !== this.decision); }

  /** What counts: a decision, else the first who is sure, else who isn't, else the folder; {label, by} or null. */
  counts(frame) {
    const rows = this.rowsOf(frame), sure = rows.filter((row) => row.label !== this.unsure);
    const row = sure.find((one) => one.by === this.decision) ?? sure[0];
    if (row) return row;
    if (rows.length) return rows[0];
    return frame.given ? { label: frame.given, by: frame.given_by } : null;
  }

  done(frame) { return Boolean(frame.given || this.rowsOf(frame).length); }

  /** Whether people say different things of a frame; `settled` where a decision stands. */
  disagreement(frame) {
    const sure = this.rowsOf(frame).filter((row) => row.label !== this.unsure);
    const said = new Set(sure.filter((row) => row.by !== this.decision).map((row) => row.label));
    const decided = sure.some((row) => row.by === this.decision);
    return { any: said.size > 1 || decided, settled: decided };
  }

  undecided() { return this.frames.filter((frame) => this.unsettled(frame)); }

  unsettled(frame) {
    const { any, settled } = this.disagreement(frame);
    return any && !settled;
  }

  /** The frames without a label of the group that `frame` belongs to, that one first. */
  rest(frame) {
    const open = this.frames.filter((one) => one.group === frame.group && one !== frame && !this.done(one));
    return [frame, ...open];
  }

  /** How many frames count as each label, as a Map. */
  tally() {
    const found = new Map();
    for (const frame of this.frames) {
      const label = this.counts(frame)?.label;
      if (label) found.set(label, (found.get(label) ?? 0) + 1);
    }
    return found;
  }

  /** How many frames have a label, of how many: [done, all], of all frames or of a part. */
  progress(part) {
    const frames = part ? this.frames.filter((frame) => frame.part === part) : this.frames;
    return [frames.filter((frame) => this.done(frame)).length, frames.length];
  }

  /** What one can work through, frame by frame: [[value, text], ...], lists that are empty left out. */
  worklists() {
    const lists = [[ALL, "all frames"], [ASKED, `your list, ${this.advice.asked}`], [NEXT, "the next batch"], [SUSPECT, "labels that look wrong"]];
    return lists.map(([value, text]) => [value, text, this.filtered(value).length]).filter(([value, , number]) => number || value === ALL)
      .map(([value, text, number]) => [value, `${text} (${number})`]);
  }

  filters() {
    const asked = this.frames.some((frame) => frame.asked) ? [[ASKED, `your list, ${this.advice.asked}`]] : [];
    const next = this.frames.some((frame) => frame.part === "next") ? [[NEXT, "the next batch"]] : [];
    return [
      [ALL, "all frames"],
      [OPEN, "without a label"],
      ...this.classes.map((name) => [CLASS + name, name]),
      [UNSURE, "not sure"],
      ...asked,
      ...next,
      ...("doubtful" in this.advice.next ? [[SUSPECT, "labels that look wrong"]] : []),
      [DOUBT, "where the model says something else"],
      [DISAGREE, "where people disagree"],
    ];
  }

  filtered(filter) {
    const label = (frame) => this.counts(frame)?.label ?? "";
    switch (filter) {
      case ALL: return this.frames;
      case OPEN: return this.frames.filter((frame) => !this.done(frame));
      case ASKED: return this.frames.filter((frame) => frame.asked).sort((a, b) => a.asked - b.asked);
      case NEXT: return this.frames.filter((frame) => frame.part === "next");
      case SUSPECT: return this.frames.filter((frame) => frame.doubt).sort((a, b) => a.doubt - b.doubt);
      case UNSURE: return this.frames.filter((frame) => label(frame) === this.unsure);
      case DISAGREE: return this.frames.filter((frame) => this.disagreement(frame).any);
      case DOUBT:
        return this.frames
          .filter((frame) => frame.suggestion && label(frame) && label(frame) !== frame.suggestion)
          .sort((a, b) => b.p - a.p);
      default: return this.frames.filter((frame) => label(frame) === filter.slice(CLASS.length));
    }
  }
}

export const name = (frame) => frame.path.split("/").at(-1);

export const percent = (p) => `${Math.round(100 * p)} %`;

export const plural = (n) => `${n} frame${n === 1 ? "" : "s"}`;

/** "about 6 minutes left" for so many seconds. */
export function left(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return "less than a minute left";
  if (minutes < 90) return `about ${minutes} minute${minutes > 1 ? "s" : ""} left`;
  return `about ${Math.round(minutes / 60)} hours left`;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
