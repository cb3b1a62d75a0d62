"""What a board says of a model, as the files firmware/<model>/<range>/<board>.json hold it."""

from dataclasses import dataclass
from typing import TypedDict


class FindingEntry(TypedDict):
    """A rule of the firmware that a model breaks: where, why the rule is there, how to mend the model."""

    rule: str
    where: str
    why: str
    mend: str


@dataclass(frozen=True)
class Finding:
    """A rule that a model breaks: at which operator or tensor, why the rule is there, how to mend the model."""

    rule: str
    where: str
    why: str
    mend: str

    def as_json(self) -> FindingEntry:
        """The finding as JSON values."""
        return {"rule": self.rule, "where": self.where, "why": self.why, "mend": self.mend}

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.why}. To mend it, {self.mend}."


class LayerCost(TypedDict):
    """One operator of a model. `cycles`, by two fits, lower first, and `instructions` are estimates for a Cortex-M7; on
    other processors they are null."""

    operator: str
    output: list[int]
    macs: int
    weights: int  # bytes
    cycles: list[int] | None
    instructions: int | None


class Cost(TypedDict, total=False):
    """What a model costs on a board; empty where the board could take no model at all."""

    file_bytes: int
    place: str  # where the file lies: drive, romfs or sd
    arena_bytes: int | None  # on the board; None where TFLM does not run the model
    peak_bytes: int  # of activations that live at once
    peak_at: int  # the number of the operator where they do
    macs: int  # multiply-accumulates of one inference
    estimate_ms: list[float] | None  # lower and upper end, before any measured time corrects it
    instructions: int | None
    unmeasured: list[str]  # kinds that were not measured: they count like the most similar operator
    latency_ms: list[float] | None  # lower and upper end
    latency_basis: str | None  # what the latency was estimated by
    layers: list[LayerCost]


class VerdictFile(TypedDict):
    """Whether a board takes a model, why not, and what the model costs there."""

    accepted: bool
    findings: list[FindingEntry]
    cost: Cost
