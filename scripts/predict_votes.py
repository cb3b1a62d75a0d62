"""Predict with the chosen model on the frames around each test frame, over which main.py votes."""

from pathlib import Path

import numpy as np
import pandas as pd

from linecam.errors import reported
from linecam.evaluation.candidates import Candidate, Choice
from linecam.files import atomic_write
from linecam.frames.index import read_index, read_pixels, read_split
from linecam.tflite.tflm import predict

READ = ["path", "sha256", "sequence", "number", "status"]


def predict_votes(
    choice_path: Path,
    candidates: list[Candidate],
    pixels: dict[int, Path],
    index: Path,
    split: Path,
    votes: Path,
    *,
    classes: list[str],
    reach: int,
    workers: int,
) -> None:
    """Write the chosen int8 model's probabilities for the frames up to `reach` numbers from each test frame.

    For each input size `pixels` names the array of usable frames. `votes` gets the columns of `frames_around` but for
    `row`, and p_<class> in 0..1 with 8 digits. That is all digits of the multiples of 1/256 that an int8 softmax has:
    a vote adds them up, and a tie has to stay one. p_<class> is empty where a frame can't be used, and where no frame
    next to the test frame can.
    """
    chosen = Choice.read(choice_path).among(candidates)
    table = frames_around(read_index(index, READ), read_split(split), reach)
    usable = table["status"] == "ok"
    beside = table.loc[usable & table["offset"].abs().eq(1), "sha256"]
    needed = usable & table["sha256"].isin(beside)
    for name in classes:
        table[f"p_{name}"] = ""
    if needed.any():
        rows, places = np.unique(table.loc[needed, "row"].to_numpy(dtype=np.intp), return_inverse=True)
        array = read_pixels(pixels[chosen.model.input_size])
        probabilities = predict(chosen.tflite, array[rows], workers, "TFLM, votes")[places]
        for number, name in enumerate(classes):
            table.loc[needed, f"p_{name}"] = [f"{value:.8f}" for value in probabilities[:, number]]
    with atomic_write(votes) as temporary:
        table.drop(columns="row").to_csv(temporary, index=False)


def frames_around(index: pd.DataFrame, split: pd.DataFrame, reach: int) -> pd.DataFrame:
    """For each test frame of a split one row for each offset from -reach to reach, in the number of the frame.

    `index` has every file. Columns: sha256, path and label of the test frame; offset; `frame`, the path of the one at
    that offset, and its `row` in the pixel arrays, or "" and -1; status. Frames belong together that have one
    sequence; they are consecutive only if their numbers are. `status` is ok; training (the model was trained or chosen
    on that content); set_aside (a duplicate, or quarantined); ambiguous (several contents have this number); or
    missing.
    """
    files = index.assign(row=(index["status"] == "ok").cumsum() - 1)
    numbered = files[files["number"] >= 0].rename(columns={"path": "frame", "sha256": "content"})
    test = split.loc[split["part"] == "test", ["sha256", "path", "label"]]
    trained = split.loc[~split["part"].isin(["test", "unlabelled"]), "sha256"]
    test = test.merge(files[["path", "sequence", "number", "row"]].rename(columns={"row": "own"}), on="path")

    wanted = test.merge(pd.DataFrame({"offset": range(-reach, reach + 1)}), how="cross")
    # Beside a frame without a number there is none.
    wanted["number"] = (wanted["number"] + wanted["offset"]).where(wanted["number"] >= 0, -1)
    found = wanted.merge(numbered[["sequence", "number", "frame", "content", "status", "row"]], how="left")
    found["contents"] = found.groupby(["sha256", "offset"])["content"].transform("nunique")
    found["later"] = found["status"] != "ok"
    found = found.sort_values("later", kind="stable").drop_duplicates(["sha256", "offset"])
    table = wanted.merge(found[["sha256", "offset", "frame", "row", "content", "contents", "status"]])

    centre = table["offset"] == 0
    doubtful = table["sha256"].isin(table.loc[centre & (table["contents"] > 1), "sha256"])
    said = np.select(
        [
            centre,
            table["content"].isin(trained),
            doubtful | (table["contents"] > 1),
            table["content"].isna(),
            table["status"] != "ok",
        ],
        ["ok", "training", "ambiguous", "missing", "set_aside"],
        "ok",
    )
    table["status"] = said
    table["frame"] = table["frame"].where(~centre, table["path"]).where(table["status"] == "ok", "")
    table["row"] = table["row"].where(~centre, table["own"]).where(table["status"] == "ok", -1).astype(np.intp)
    return table[["sha256", "path", "label", "offset", "frame", "row", "status"]]


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        predict_votes(
            Path(snakemake.input.choice),
            [Candidate.from_param(candidate) for candidate in snakemake.params.candidates],
            dict(zip(snakemake.params.sizes, map(Path, snakemake.input.pixels), strict=True)),
            Path(snakemake.input.frames),
            Path(snakemake.input.split),
            Path(snakemake.output.votes),
            classes=snakemake.params.classes,
            reach=snakemake.params.reach,
            workers=snakemake.threads,
        )
