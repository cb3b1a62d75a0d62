"""Choose the model and the quantization that go into the bundles, without a look at the test labels."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from linecam.errors import UserError
from linecam.evaluation.candidates import Candidate
from linecam.evaluation.figures import Agreement, HeldOutScore, Weakness
from linecam.evaluation.predictions import read_predictions
from linecam.evaluation.tournament import NEAR
from linecam.evaluation.weakness import in_words, weaknesses
from linecam.files import read_json, write_json
from linecam.percent import percent
from linecam.workflow.job import job


@dataclass(frozen=True)
class Criteria:
    """By what a model is called weak: see `weaknesses`."""

    classes: list[str]
    batch_size: int
    label_smoothing: float
    confidence: float


@dataclass(frozen=True)
class Rated:
    """A candidate with what decides about it."""

    candidate: Candidate
    held_out: HeldOutScore
    agreement: Agreement  # with the float model
    weak: list[Weakness]  # why it is no good, where it is not
    refused: list[dict[str, str]]  # the findings of the boards that do not take it, each with its board
    cost: int  # of one inference on the first board: instructions or, where none are estimated, multiply-accumulates

    @classmethod
    def read(cls, candidate: Candidate, criteria: Criteria) -> Self:
        """The candidate with what its files say."""
        verdicts = {board: read_json(path) for board, path in candidate.firmware.items()}
        refused = [finding | {"board": board} for board, verdict in verdicts.items() for finding in verdict["findings"]]
        cost = next(iter(verdicts.values()))["cost"]
        weak = weaknesses(
            read_predictions(candidate.held_out), list(pd.read_csv(candidate.history)["loss"]), **vars(criteria)
        )
        return cls(
            candidate,
            read_json(candidate.score),
            read_json(candidate.metrics)["agreement"],
            weak,
            refused,
            cost.get("instructions") or cost.get("macs", 0),
        )

    @property
    def rank(self) -> tuple[bool, float, str, float, float, str]:
        """Sort key: candidates that are not weak come first, and among them the best."""
        name, span = str(self.candidate.model), self.candidate.range
        agreement = self.agreement
        return bool(self.weak), self.held_out["loss"], name, -agreement["argmax"], agreement["probability_gap"], span

    def as_json(self) -> dict[str, object]:
        """What choice.json keeps of it."""
        names = {"model": str(self.candidate.model), "range": self.candidate.range}
        figures = {"held_out": self.held_out, "agreement": self.agreement}
        return names | figures | {"weak": self.weak, "refused": self.refused}


def choose(candidates: list[Candidate], choice: Path, criteria: Criteria) -> None:
    """Write the chosen candidate, the reason, why it is weak where it is, and all candidates, the best first.

    The model is the one with the lowest loss on what its folds held out, of those that are not weak by `criteria` where
    there are any. A cheaper network takes its place where its balanced accuracy is within `NEAR` of it. Of the model's
    ranges that every board accepts, the chosen one agrees most often with the float model, and of equals it has the
    nearest probabilities. Raises `UserError` where no board accepts any.
    """
    rated = sorted((Rated.read(candidate, criteria) for candidate in candidates), key=lambda one: one.rank)
    accepted = [one for one in rated if not one.refused]
    if not accepted:
        rules = sorted({f"{finding['rule']} ({finding['mend']})" for one in rated for finding in one.refused})
        raise UserError(
            f"No board in bundle.boards takes any of the {len(rated)} models. They break these rules, each with what "
            f"to do: {'; '.join(rules)}."
        )
    chosen = cheapest(accepted)
    reason = why(chosen, accepted, models=len({one.candidate.model for one in rated}))
    logging.info("%s", reason)
    best, weak = chosen.candidate, chosen.weak
    if weak:
        logging.warning("The model is weak. %s", in_words(weak))
    write_json(
        choice,
        {
            "model": str(best.model),
            "range": best.range,
            "reason": reason,
            "weak": weak,
            "candidates": [one.as_json() for one in rated],
        },
    )


def cheapest(accepted: list[Rated]) -> Rated:
    """The cheapest of `accepted`, the best of which comes first, that is about as good as the first."""
    first = accepted[0]
    enough = first.held_out["balanced_accuracy"] - NEAR
    near = [
        one
        for one in accepted
        if bool(one.weak) == bool(first.weak) and (one.held_out["balanced_accuracy"] >= enough or one is first)
    ]
    return min(near, key=lambda one: (one.cost, one.rank))


def why(chosen: Rated, accepted: list[Rated], models: int) -> str:
    """Why `chosen` was chosen among `accepted` (the best first), of `models` trained models."""
    first, model = accepted[0], chosen.candidate.model
    good = " and that are not weak" if not chosen.weak and any(one.weak for one in accepted) else ""
    loss, balanced = first.held_out["loss"], first.held_out["balanced_accuracy"]
    reason = (
        f"{first.candidate.model} is the only model that was trained (loss on held-out training frames {loss:.3f}, "
        f"balanced accuracy {balanced:.3f})."
        if models == 1
        else f"{first.candidate.model} has the lowest loss on held-out training frames of all models that every board "
        f"takes{good} ({loss:.3f}, of {models} trained; balanced accuracy {balanced:.3f})."
    )
    if chosen.cost < first.cost:
        ours = chosen.held_out["balanced_accuracy"]
        reason += (
            f" But {model} goes into the bundle: it takes {percent(chosen.cost / first.cost, 0)} of the work on the "
            f"camera; its balanced accuracy is {'less than a point' if ours < balanced else 'no'} lower ({ours:.3f})."
        )
    agreement, ranges = chosen.agreement, sum(one.candidate.model == model for one in accepted)
    most = f"Of {ranges} ranges that the firmware takes, {chosen.candidate.range} agrees most often"
    only = f"{chosen.candidate.range} is the only range that the firmware takes. It agrees"
    return (
        f"{reason} {only if ranges == 1 else most} with the float model: on {percent(agreement['argmax'])} of "
        f"{agreement['frames']} {agreement['on']}. The probabilities differ by {agreement['probability_gap']:.4f} on "
        "average. No test label was used."
    )


if __name__ == "__main__":
    with job(snakemake):
        choose(
            [Candidate.from_param(candidate) for candidate in snakemake.params.candidates],
            Path(snakemake.output.choice),
            Criteria(
                classes=snakemake.params.classes,
                batch_size=snakemake.params.batch_size,
                label_smoothing=snakemake.params.label_smoothing,
                confidence=snakemake.params.confidence,
            ),
        )
