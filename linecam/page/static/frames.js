// Frames and their labels, as the server has told them; nothing here touches the page.

export const ALL = "all", OPEN = "open", DISAGREE = "disagree", DOUBT = "doubt", UNSURE = "unsure", CLASS = "class:";

export class Frames {
  constructor(told) {
    Object.assign(this, told); // dataset, by, decision, unsure, classes, frames, paths
    this.rows = {};
    this.number = new Map(this.frames.map((frame, n) => [frame.sha256, n]));
  }

  word(label) { return label === this.unsure ? "not sure" : label; }

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

  /** The number of the next frame without a label after `at`, from the first one on at the end; -1 for none. */
  nextOpen(at) {
    const total = this.frames.length;
    for (let step = 1; step <= total; step++) {
      const n = (at + step) % total;
      if (!this.done(this.frames[n])) return n;
    }
    return -1;
  }

  /** How many frames have a label, of how many: [done, all], of all frames or of a part. */
  progress(part) {
    const frames = part ? this.frames.filter((frame) => frame.part === part) : this.frames;
    return [frames.filter((frame) => this.done(frame)).length, frames.length];
  }

  filters() {
    return [
      [ALL, "all frames"],
      [OPEN, "without a label"],
      ...this.classes.map((name) => [CLASS + name, name]),
      [UNSURE, "not sure"],
      [DOUBT, "where the model says something else"],
      [DISAGREE, "where people disagree"],
    ];
  }

  filtered(filter) {
    const label = (frame) => this.counts(frame)?.label ?? "";
    switch (filter) {
      case ALL: return this.frames;
      case OPEN: return this.frames.filter((frame) => !this.done(frame));
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
