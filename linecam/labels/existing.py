"""Labels that frames have without anybody's answer: by the folder they lie in, or by the belt's truth."""

from pathlib import Path

import pandas as pd

from linecam.errors import UserError


def existing_labels(
    index: pd.DataFrame, truth: Path | None, classes: list[str]
) -> tuple[dict[str, tuple[str, str]], dict[str, list[str]]]:
    """By sha256 label and source (folder or truth); and the paths of frames in folders of two classes, which have none.

    `index` is that of the frames, `truth` the belt's table (frame, label). Raises `UserError` where that has another
    class than `classes`.
    """
    given: dict[str, tuple[str, str]] = {}
    if truth:
        by_name = pd.read_csv(truth, dtype=str, keep_default_na=False).set_index("frame")["label"]
        unknown = sorted(set(by_name) - set(classes))
        if unknown:
            raise UserError(
                f"{truth} has frames labelled {', '.join(unknown)}, which dataset.classes = {classes} does not name. "
                "Name every class there."
            )
        rows = index[index["path"].isin(by_name.index)]
        given |= {digest: (by_name[path], "truth") for digest, path in zip(rows["sha256"], rows["path"], strict=True)}
    in_folder = index[(index["label"] != "") & (index["status"] != "quarantined")]
    classes_of = in_folder.groupby("sha256")["label"].transform("nunique")
    agreed, contradicted = in_folder[classes_of == 1], in_folder[classes_of > 1]
    given |= {digest: (label, "folder") for digest, label in zip(agreed["sha256"], agreed["label"], strict=True)}
    paths = contradicted.groupby("sha256")["path"].agg(list).to_dict()
    return {digest: said for digest, said in given.items() if digest not in paths}, paths
