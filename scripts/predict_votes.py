"""Predict with the chosen model on the frames around each test frame, over which main.py votes."""

from pathlib import Path

import numpy as np

from linecam.evaluation.candidates import Candidate, Choice
from linecam.evaluation.votes import frames_around
from linecam.files import atomic_write
from linecam.frames.index import read_index, read_pixels, read_split
from linecam.tflite.tflm import predict
from linecam.workflow.job import job

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


if __name__ == "__main__":
    with job(snakemake):
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
