"""Two runs side by side: what changed in settings and labels, what in the figures, and which test frames flipped."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from linecam.percent import percent
from linecam.report import mcnemar
from linecam.report.runs import Run, find, some_kept

Changed = tuple[str, Any, Any]  # what, before, after; None where it was or is not there


@dataclass(frozen=True)
class Labels:
    """How the labels of two runs differ, in frames."""

    added: int
    removed: int
    changed: int  # to another class

    @classmethod
    def between(cls, old: Mapping[str, str], new: Mapping[str, str]) -> Self:
        """The changes between two mappings of frames to labels."""
        both = old.keys() & new.keys()
        return cls(len(new) - len(both), len(old) - len(both), sum(old[frame] != new[frame] for frame in both))

    def __str__(self) -> str:
        parts = [f"{count:,} {what}" for what, count in vars(self).items() if count]
        return ", ".join(parts) or "the same"


@dataclass(frozen=True)
class Comparison:
    """What differs between an earlier run and a later one."""

    old: Run
    new: Run

    @property
    def settings(self) -> list[Changed]:
        """The settings that differ, by their dotted keys."""
        old, new = dict(flat(self.old.config)), dict(flat(self.new.config))
        keys = [*old, *(key for key in new if key not in old)]
        return [(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]

    @property
    def labels(self) -> Labels:
        """The changes of the labels that the models learned from."""
        return Labels.between(self.old.labels, self.new.labels)

    @property
    def test_labels(self) -> Labels:
        """The changes of the test frames' labels."""
        old, new = ({frame: label for frame, (label, _) in run.tested.items()} for run in (self.old, self.new))
        return Labels.between(old, new)

    @property
    def common(self) -> list[str]:
        """The test frames of both runs that have the same label in both: on these alone the models are compared."""
        return [frame for frame, (label, _) in self.old.tested.items() if self.new.tested.get(frame, ("",))[0] == label]

    @property
    def mended(self) -> list[str]:
        """The common test frames that only the later run has right."""
        return [frame for frame in self.common if self._right(self.new, frame) and not self._right(self.old, frame)]

    @property
    def broken(self) -> list[str]:
        """The common test frames that only the earlier run has right."""
        return [frame for frame in self.common if self._right(self.old, frame) and not self._right(self.new, frame)]

    @property
    def p_value(self) -> float:
        """How often so large a difference of the two comes by chance (see `mcnemar`)."""
        return mcnemar.p_value(len(self.mended), len(self.broken))

    @property
    def verdict(self) -> str:
        """The flips in one sentence."""
        mended, broken = len(self.mended), len(self.broken)
        if not self.common:
            return "The runs have no test frame in common, so the models cannot be compared frame by frame."
        if not mended + broken:
            return f"On the {len(self.common):,} test frames of both runs, both models are right on the same frames."
        flips = f"{mended} now right that {_were(mended)} wrong, {broken} now wrong that {_were(broken)} right"
        chance = f"A difference as large comes by chance in {percent(self.p_value)} of such comparisons (p)"
        judged = "it may well be chance" if self.p_value >= 0.05 else "it is hardly chance"
        return f"On the {len(self.common):,} test frames of both runs: {flips}. {chance}: {judged}."

    @property
    def figures(self) -> list[Changed]:
        """The figures of both runs, as text, also those that are the same."""
        rows = [
            self._row("model", lambda run: run.model),
            self._row("range", lambda run: run.range),
            self._row("accuracy", lambda run: _share(run.score["accuracy"])),
            self._row("balanced accuracy", lambda run: percent(run.score["balanced_accuracy"])),
        ]
        for name in dict.fromkeys([*self.old.score["classes"], *self.new.score["classes"]]):
            rows.append(self._row(f"{name} found", lambda run, name=name: _recall(run, name)))
        rows.append(self._row("votes", lambda run: run.votes))
        for name in dict.fromkeys([*self.old.thresholds, *self.new.thresholds]):
            rows.append(self._row(f"threshold of {name}", lambda run, name=name: run.thresholds.get(name)))
        for board in dict.fromkeys([*self.old.boards, *self.new.boards]):
            for what, key in (("ms a frame", "latency_ms"), ("memory", "arena_bytes"), ("file", "file_bytes")):
                rows.append(
                    self._row(f"{board}: {what}", lambda run, board=board, key=key: _cost(run.boards.get(board), key))
                )
        return rows

    def _row(self, what: str, value: Callable[..., Any]) -> Changed:
        return what, value(self.old), value(self.new)

    def in_words(self) -> str:
        """For the terminal."""
        rows = [("", self.old.when, self.new.when), *self.figures]
        table = [(what, _text(old), _text(new), "" if old == new or not what else "*") for what, old, new in rows]
        widths = [max(len(row[column]) for row in table) for column in range(3)]
        lines = [
            f"{what:{widths[0]}}  {old:>{widths[1]}}  {new:>{widths[2]}}  {changed}".rstrip()
            for what, old, new, changed in table
        ]
        lines += ["", self.verdict, ""]
        lines += [f"Labels to learn from: {self.labels}. Labels of the test: {self.test_labels}."]
        if self.old.linecam != self.new.linecam:
            lines += [f"linecam {self.old.linecam} made the first, {self.new.linecam} the second."]
        changed = [f"  {key}: {_text(old)} -> {_text(new)}" for key, old, new in self.settings]
        lines += ["Settings that differ:", *changed] if changed else ["The settings are the same."]
        return "\n".join(lines)

    @staticmethod
    def _right(run: Run, frame: str) -> bool:
        label, decided = run.tested[frame]
        return label == decided


def compare(runs: Path, first: str, second: str) -> str:
    """Two runs of the folder `runs`, as `find` finds them, in words."""
    return Comparison(find(first, runs), find(second, runs)).in_words()


def listed(runs: Path) -> str:
    """The runs in a folder, a line each. Raises `UserError` where there is none."""
    files = some_kept(runs)
    lines = [_line(number, Run.read(path)) for number, path in enumerate(files, start=1)]
    return "\n".join([*lines, "`linecam compare A B` sets two of them side by side, by their numbers."])


def _line(number: int, run: Run) -> str:
    weak = ", weak" if run.weak else ""
    balanced = f"balanced accuracy {percent(run.score['balanced_accuracy'])}"
    return f"{number:>3}  {run.name}  {balanced}, {len(run.labels):,} labels, {run.model} {run.range}{weak}"


def flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values."""
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from flat(item, f"{before}{key}.")
        else:
            yield f"{before}{key}", item


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _share(share: Mapping[str, Any]) -> str:
    part, total = share["of"]
    return f"{percent(share['value'])} ({part} of {total})" if total else "no test frame"


def _recall(run: Run, name: str) -> str | None:
    found = run.score["classes"].get(name)
    return _share(found["recall"]) if found else None


def _cost(cost: Mapping[str, Any] | None, key: str) -> str | None:
    value = cost.get(key) if cost else None
    if isinstance(value, list | tuple):
        return " to ".join(map(str, dict.fromkeys(value)))
    return f"{value:,} bytes" if isinstance(value, int) else None


def _text(value: Any) -> str:
    return "-" if value is None else str(value)
