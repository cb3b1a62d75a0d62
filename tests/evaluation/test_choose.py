"""Which model goes into the bundle, and why: against hand-made figures."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from linecam.errors import UserError
from linecam.evaluation.candidates import Candidate
from scripts.choose import Criteria, choose
from tests.evaluation.made_up import candidate
from tests.evaluation.splits import CLASSES

A, B = "resnet9-64-simclr/coreset-200/seed-1", "resnet9-64-simclr/coreset-200/seed-2"
LIGHT = (10_000_000, 8_000_000)  # what one inference takes: instructions, multiply-accumulates


class Candidates:
    """Models and ranges, with the files that `choose` reads."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.all: list[Candidate] = []

    def write(self, name: str, value: object) -> Path:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
        return path

    def table(self, name: str, table: pd.DataFrame) -> Path:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False)
        return path

    def held_out(self, name: str, weak: bool) -> Path:
        """Sixty frames of three classes: all judged right or, of a weak model, all taken for one class."""
        labels = CLASSES * 20
        return self.table(
            name, pd.DataFrame({"label": labels, "predicted": ["good"] * 60 if weak else labels, "weight": 1.0})
        )

    def add(
        self,
        model: str,
        span: str,
        balanced: float = 0.9,
        argmax: float = 0.9,
        gap: float = 0.01,
        loss: float = 0.5,
        refused: tuple[str, ...] = (),
        boards: tuple[str, ...] = ("h7",),
        weak: bool = False,
        work: tuple[int | None, int] = (25_000_000, 9_000_000),
    ) -> None:
        """`work` is what one inference takes on each board: instructions, multiply-accumulates."""
        cost = dict(zip(("instructions", "macs"), work, strict=True))
        at = f"{len(self.all)}"
        finding = {"rule": "too large", "where": "file", "why": "9 bytes over", "mend": "take a smaller network"}
        agreement = {"on": "unlabelled frames", "frames": 10, "argmax": argmax, "probability_gap": gap}
        self.all.append(
            candidate(
                model,
                span,
                held_out=self.held_out(f"{at}/held_out.csv", weak),
                history=self.table(f"{at}/history.csv", pd.DataFrame({"loss": [1.1, 0.3]})),
                score=self.write(f"{at}/score.json", {"balanced_accuracy": balanced, "loss": loss}),
                metrics=self.write(f"{at}/metrics.json", {"agreement": agreement, "test": {"frames": 3}}),
                firmware={
                    board: self.write(
                        f"{at}/{board}.json",
                        {
                            "accepted": board not in refused,
                            "findings": [finding] if board in refused else [],
                            "cost": cost,
                        },
                    )
                    for board in boards
                },
            )
        )

    def choose(self) -> dict[str, Any]:
        criteria = Criteria(classes=CLASSES, batch_size=16, label_smoothing=0.05, confidence=0.95)
        choose(self.all, self.place / "choice.json", criteria)
        return json.loads((self.place / "choice.json").read_text())

    def chosen(self) -> tuple[str, str]:
        choice = self.choose()
        return choice["model"], choice["range"]


@pytest.fixture
def candidates(tmp_path: Path) -> Candidates:
    return Candidates(tmp_path)


def test_the_model_that_is_best_on_held_out_frames_then_the_range_that_agrees_most(candidates):
    candidates.add(A, "calibrated", loss=0.6, argmax=1.0, gap=0.0)
    candidates.add(B, "calibrated", loss=0.4, argmax=0.7)
    candidates.add(B, "fixed_-10_10", loss=0.4, argmax=0.8)
    candidates.add(B, "fixed_-6_6", loss=0.4, argmax=0.75)
    assert candidates.chosen() == (B, "fixed_-10_10")


def test_of_equal_agreement_the_nearest_probabilities(candidates):
    candidates.add(A, "calibrated", gap=0.02)
    candidates.add(A, "fixed_-6_6", gap=0.01)
    assert candidates.chosen() == (A, "fixed_-6_6")


def test_the_loss_decides_where_the_balanced_accuracy_says_otherwise(candidates):
    candidates.add(A, "calibrated", balanced=0.95, loss=0.5)
    candidates.add(B, "calibrated", balanced=0.90, loss=0.4)
    assert candidates.chosen() == (B, "calibrated")


def test_a_weak_model_is_chosen_only_where_there_is_no_other(candidates, caplog):
    candidates.add(A, "calibrated", loss=0.2, weak=True)
    assert [set(reason) for reason in candidates.choose()["weak"]] == [{"why", "mend"}] * 2
    assert "The model is weak. Of 60 labelled frames" in caplog.text
    caplog.clear()
    candidates.add(B, "calibrated", loss=0.4)
    choice = candidates.choose()
    assert (choice["model"], choice["weak"]) == (B, [])
    assert "that every board takes and that are not weak (0.400, of 2 trained" in choice["reason"]
    assert [bool(one["weak"]) for one in choice["candidates"]] == [False, True]
    assert "weak." not in caplog.text


@pytest.mark.parametrize(
    ("lost", "work", "wins"),
    [(0.009, LIGHT, True), (0.011, LIGHT, False), (0.0, (30_000_000, 1), False), (0.0, (None, 8_000_000), True)],
)
def test_a_cheaper_model_wins_that_is_within_a_point_of_the_best(candidates, lost, work, wins):
    heavy = (None, 9_000_000) if work[0] is None else (25_000_000, 9_000_000)
    candidates.add(A, "calibrated", balanced=0.9, loss=0.4, work=heavy)
    candidates.add(B, "calibrated", balanced=0.9 - lost, loss=0.5, argmax=0.9, work=work)
    candidates.add(B, "fixed_-6_6", balanced=0.9 - lost, loss=0.5, argmax=0.95, work=work)
    choice = candidates.choose()
    assert (choice["model"], choice["range"]) == ((B, "fixed_-6_6") if wins else (A, "calibrated"))
    assert f"{A} has the lowest loss" in choice["reason"]
    assert (f"{B} goes into the bundle: it takes {40 if work[0] else 89} % of the work" in choice["reason"]) == wins
    assert ("2 ranges" in choice["reason"]) == wins


@pytest.mark.parametrize(("balanced", "told"), [(0.895, "less than a point"), (0.9, "no"), (0.95, "no")])
def test_the_reason_says_how_much_worse_a_cheaper_model_is_if_at_all(candidates, balanced, told):
    candidates.add(A, "calibrated", balanced=0.9, loss=0.4)
    candidates.add(B, "calibrated", balanced=balanced, loss=0.5, work=LIGHT)
    assert f"its balanced accuracy is {told} lower ({balanced:.3f})." in candidates.choose()["reason"]


def test_a_cheaper_model_that_is_weak_does_not_win(candidates):
    candidates.add(A, "calibrated", loss=0.4)
    candidates.add(B, "calibrated", loss=0.5, weak=True, work=LIGHT)
    assert candidates.chosen() == (A, "calibrated")


def test_a_full_tie_does_not_depend_on_the_order(candidates):
    for model in (A, B):
        for span in ("calibrated", "fixed_-6_6"):
            candidates.add(model, span)
    first = candidates.choose()
    candidates.all.reverse()
    assert candidates.choose() == first
    assert (first["model"], first["range"]) == (A, "calibrated")


def test_what_one_board_refuses_is_not_chosen(candidates):
    candidates.add(A, "calibrated", argmax=1.0, boards=("h7", "rt"), refused=("rt",))
    candidates.add(A, "fixed_-6_6", argmax=0.5, boards=("h7", "rt"))
    choice = candidates.choose()
    assert choice["range"] == "fixed_-6_6"
    refused = {candidate["range"]: candidate["refused"] for candidate in choice["candidates"]}
    assert [finding["board"] for finding in refused["calibrated"]] == ["rt"]
    assert refused["fixed_-6_6"] == []


def test_all_candidates_are_listed_best_first_with_their_figures(candidates):
    candidates.add(A, "calibrated", balanced=0.5, loss=0.9)
    candidates.add(B, "calibrated", balanced=0.6, loss=0.8)
    choice = candidates.choose()
    assert [candidate["model"] for candidate in choice["candidates"]] == [B, A]
    assert set(choice["candidates"][0]) == {"model", "range", "held_out", "agreement", "weak", "refused"}
    assert choice["candidates"][0]["held_out"]["balanced_accuracy"] == 0.6


def test_the_reason_names_the_figures(candidates):
    candidates.add(A, "calibrated", balanced=0.912, loss=0.345, argmax=0.95)
    candidates.add(A, "fixed_-6_6", balanced=0.912, loss=0.345, argmax=0.85)
    reason = candidates.choose()["reason"]
    for part in (
        A,
        "0.912",
        "0.345",
        "is the only model that was trained",
        "calibrated",
        "95.0 %",
        "10 unlabelled frames",
        "2 ranges",
    ):
        assert part in reason


def test_the_reason_does_not_call_best_what_a_refused_model_beat(candidates):
    candidates.add(A, "calibrated", loss=0.1, refused=("h7",))
    candidates.add(B, "calibrated", loss=0.7)
    choice = candidates.choose()
    assert choice["model"] == B
    told = f"{B} has the lowest loss on held-out training frames of all models that every board takes (0.700, of 2"
    assert told in choice["reason"]
    assert "calibrated is the only range that the firmware takes. It agrees with the float model" in choice["reason"]


def test_nothing_accepted_is_an_error_that_says_what_to_do(candidates):
    candidates.add(A, "calibrated", refused=("h7",))
    candidates.add(A, "fixed_-6_6", refused=("h7",))
    with pytest.raises(UserError) as error:
        candidates.choose()
    for part in ("2 models", "too large", "take a smaller network"):
        assert part in str(error.value)
    assert str(error.value).count("too large") == 1
    assert not (candidates.place / "choice.json").exists()
