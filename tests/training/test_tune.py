"""The tournament on real trainings: it finds the recipe that a line needs, and writes settings that can be used."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from linecam.evaluation.calibration import balanced_loss
from linecam.evaluation.tournament import Entrant
from linecam.networks.models import backbone, save_weights
from linecam.training.augment import Spread
from linecam.workflow.config import load_settings
from scripts.tune import CONFIGURED, Line, judge, tune

CLASSES = ["left", "right"]
SETTINGS = {
    "epochs": 20,
    "batch_size": 8,
    "learning_rate": 0.01,
    "weight_decay": 0.05,
    "label_smoothing": 0.05,
    "augment": vars(Spread(flips=True, degrees=3)),
}
STRAIGHT = vars(Spread(flips=False, degrees=3))


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """Frames whose class is the side that is bright, so that who mirrors them learns nothing."""
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 90, (40, 40, 40, 3), dtype=np.uint8)
    for number, frame in enumerate(frames):
        frame[:, (slice(None, 20), slice(20, None))[number % 2]] += 120
    np.save(tmp_path / "train.npy", frames)
    pd.DataFrame(
        {
            "row": range(40),
            "sha256": [f"{n:064x}" for n in range(40)],
            "path": [f"{n}.jpg" for n in range(40)],
            "part": "train",
            "label": CLASSES * 20,
            "by": "me",
            "fold": np.arange(40) // 2 % 3,
            "weight": 1.0,
        }
    ).to_csv(tmp_path / "train.csv", index=False)
    save_weights(tmp_path / "backbone.safetensors", backbone("slim7-32"), {})
    return Line(
        tmp_path / "train.npy", tmp_path / "train.csv", CLASSES, {"slim7-32": tmp_path / "backbone.safetensors"}, []
    )


def test_what_a_line_needs_wins_and_its_settings_can_be_laid_over_a_configuration(line, tmp_path):
    table, result, best = (tmp_path / name for name in ("table.md", "result.json", "best.yaml"))
    tune(line, table, result, best, settings=SETTINGS, augment={"as parts lie": STRAIGHT}, seed=1, minutes=5, workers=2)
    found = json.loads(result.read_text())
    assert found["winner"]["entrant"] == {"network": "slim7-32", "augment": "as parts lie"}
    assert found["winner"]["balanced_accuracy"] > 0.9
    accuracies = {one["entrant"]["augment"]: one["balanced_accuracy"] for one in found["results"]}
    assert accuracies[CONFIGURED] < 0.8, "mirrored frames have both labels"
    laid_over = yaml.safe_load(best.read_text())
    settings = load_settings({"dataset": {"name": "belt", "kind": "belt"}} | laid_over, [best])
    assert settings.networks == ("slim7-32",)
    assert not settings.finetune.augment.flips
    assert "**as parts lie**" in table.read_text()
    assert best.read_text().startswith("# slim7-32, frames varied 'as parts lie': ")


def test_logits_are_judged_at_their_best_temperature_and_weighed():
    targets, weights = np.array([0, 0, 1, 1]), np.array([1.0, 3.0, 1.0, 1.0])
    logits = np.array([[9, 0], [0, 9], [0, 9], [0, 9]], np.float32)
    judged = judge(Entrant("swift7-32", CONFIGURED), 6, logits, targets, weights, 1)
    assert judged.balanced_accuracy == pytest.approx((1 / 4 + 1) / 2)
    assert judged.loss < balanced_loss(logits, targets, weights)
