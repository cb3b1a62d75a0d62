"""Whether the labels are good for more: the model and the large network that taught it, on the same unseen frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from linecam.evaluation.calibration import by_class
from linecam.evaluation.predictions import read_predictions
from linecam.report.mcnemar import surely_more


@dataclass(frozen=True)
class Teacher:
    """How well a simple classifier on the large network's features judges the labelled frames, each without its fold.

    The large network does not fit the camera. But what it finds can be found in these frames, with these labels.
    """

    balanced_accuracy: float  # 0..1, weighed as the model's own
    better: bool  # than the model, on the same frames, and surely

    @classmethod
    def beside(cls, said: Path, held_out: pd.DataFrame, classes: list[str]) -> Self:
        """The teacher, of whom soft_label.py wrote `said`, beside the model, whose folds' predictions `held_out` are.

        `held_out` has `sha256` and `predicted`.
        """
        table = read_predictions(said).merge(held_out[["sha256", "predicted"]], on="sha256")
        targets = np.array([classes.index(label) for label in table["label"]])
        right = table[[f"p_{name}" for name in classes]].to_numpy().argmax(axis=1) == targets
        model = (table["predicted"] == table["label"]).to_numpy()
        return cls(
            by_class(right.astype(np.float64), targets, table["weight"].to_numpy(np.float64)),
            surely_more(int((right & ~model).sum()), int((model & ~right).sum())),
        )
