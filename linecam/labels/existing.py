"""Labels that frames have without anybody's answer: by the folder they lie in, or by the belt's truth."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from linecam.errors import UserError


class Label(NamedTuple):
    """A frame's class, and who says so: a person, labels.csv (of nobody named), folder or truth."""

    name: str
    by: str


def existing_labels(
    index: pd.DataFrame, truth: Path | None, classes: list[str]
) -> tuple[dict[str, Label], dict[str, list[str]]]:
    """Labels by sha256; and by sha256 the paths of frames in folders of two classes, which have no label.

    `index` is that of the frames, `truth` the belt's table (frame, label). A folder counts more than the truth. Raises
    `UserError` where the truth has another class than `classes`.
    """
    labels: dict[str, Label] = {}
    if truth:
        by_name = pd.read_csv(truth, dtype=str, keep_default_na=False).set_index("frame")["label"]
        unknown = sorted(set(by_name) - set(classes))
        if unknown:
            raise UserError(
                f"{truth} has frames labelled {', '.join(unknown)}, which dataset.classes = {classes} does not name. "
                "Name every class there."
            )
        rows = index[index["path"].isin(by_name.index)]
        labels |= {
            digest: Label(by_name[path], "truth") for digest, path in zip(rows["sha256"], rows["path"], strict=True)
        }
    in_folder = index[(index["label"] != "") & (index["status"] != "quarantined")]
    classes_of = in_folder.groupby("sha256")["label"].transform("nunique")
    agreed, contradicted = in_folder[classes_of == 1], in_folder[classes_of > 1]
    labels |= {digest: Label(name, "folder") for digest, name in zip(agreed["sha256"], agreed["label"], strict=True)}
    paths = contradicted.groupby("sha256")["path"].agg(list).to_dict()
    return {digest: label for digest, label in labels.items() if digest not in paths}, paths
