"""The verdict in the words of a line: how many parts of each class are missed, or rejected though they are good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from linecam.evaluation.figures import Score
from linecam.intervals import Ratio

# The class that main.py lights green for. Where there is none of this name, no class is better than another.
GOOD = "good"
# What people call parts. Other classes, such as no_mask, are named as they are.
PARTS = {"good", "bad"}
# The share of a class that a model has to find to be called good, where `bundle.recall` doesn't say.
ENOUGH = 0.9
# The most classes that a headline names.
NAMED = 3
# What stands for a decision that main.py does not take.
UNDECIDED = "no decision"


@dataclass(frozen=True)
class ClassVerdict:
    """What becomes of the test frames of one class."""

    name: str
    missed: Ratio  # the frames of this class that are not judged to be of it
    taken_for: dict[str, int]  # by class, or `UNDECIDED`, how many of these; the most first
    judged: tuple[int, int]  # of the frames that are judged to be of it, how many are, and how many there are
    words: str  # what happens to the missed ones, such as "bad parts missed"
    fate: str  # the same without the class: "missed", "rejected" or "taken for another class"
    enough: float  # the share of its frames that has to be found

    @property
    def grade(self) -> str:
        """`good` or `weak`, by whether `enough` is found of the test frames; `unknown` where there is none."""
        if self.missed["value"] is None:
            return "unknown"
        return "good" if 1 - self.missed["value"] >= self.enough else "weak"

    @property
    def sure(self) -> bool:
        """Whether the interval leaves no doubt of the grade."""
        low, high = self.missed["low"], self.missed["high"]
        if low is None or high is None:
            return False
        return 1 - high >= self.enough or 1 - low < self.enough

    @property
    def sentence(self) -> str:
        """Such as `bad parts missed: 8 of 54`."""
        missed, frames = self.missed["of"]
        return f"{self.words}: {missed} of {frames}" if frames else f"{self.words}: unknown, no test frame"


@dataclass(frozen=True)
class Verdict:
    """What becomes of the test frames of every class, in the classes' order."""

    classes: list[ClassVerdict]

    @classmethod
    def of(cls, score: Score, names: Sequence[str], wanted: Mapping[str, float]) -> "Verdict":
        """The verdict of a score of the classes `names`; `wanted` is `bundle.recall`, a share for some classes."""
        return cls([_class_verdict(score, names, number, wanted) for number in range(len(names))])

    @property
    def worst(self) -> ClassVerdict:
        """The class of which the largest share is missed; of several the one with the fewest frames."""
        return self.ranked[0]

    @property
    def ranked(self) -> list[ClassVerdict]:
        """The classes, the worst first, for that is what is read first; those without a test frame come last."""
        return sorted(self.classes, key=_rank)

    @property
    def headline(self) -> str:
        """The sentences of all classes, the worst first; if there are many classes, only of the worst."""
        told = "; ".join(one.sentence for one in self.ranked[:NAMED])
        return told if len(self.classes) <= NAMED else f"{told}; fewer of the other classes"


def _rank(one: ClassVerdict) -> tuple[bool, float, int]:
    share, (_, frames) = one.missed["value"], one.missed["of"]
    return share is None, -(share or 0.0), frames


def _class_verdict(score: Score, names: Sequence[str], number: int, wanted: Mapping[str, float]) -> ClassVerdict:
    name, row = names[number], score["confusion"][number]
    recall = score["classes"][name]["recall"]
    frames = recall["of"][1]
    taken = {other: count for other, count in zip(names, row, strict=True) if other != name and count}
    if undecided := frames - sum(row):
        taken[UNDECIDED] = undecided
    judged = sum(line[number] for line in score["confusion"])
    return ClassVerdict(
        name,
        complement(recall),
        dict(sorted(taken.items(), key=lambda item: -item[1])),
        (row[number], judged),
        *_words(name, names),
        wanted.get(name, ENOUGH),
    )


def _words(name: str, names: Sequence[str]) -> tuple[str, str]:
    """What happens to frames of a class that are not judged to be of it: with the class, and without."""
    what = f"{name} parts" if name in PARTS else name
    of_parts = "rejected" if name == GOOD else "missed"
    fate = of_parts if GOOD in names else "taken for another class"
    return f"{what} {fate}", fate


def complement(share: Ratio) -> Ratio:
    """The share of the others, with its interval."""
    (part, total), value, low, high = share["of"], share["value"], share["low"], share["high"]
    if value is None or low is None or high is None:
        return {"of": [total - part, total], "value": None, "low": None, "high": None}
    return {
        "of": [total - part, total],
        "value": round(1 - value, 6),
        "low": round(1 - high, 6),
        "high": round(1 - low, 6),
    }
