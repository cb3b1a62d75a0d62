"""Compute the charts by which the camera notices that the line is no longer what the model was tested on."""

import logging
from pathlib import Path

import pandas as pd

from linecam.evaluation.candidates import Candidate, Choice, TrainedModel
from linecam.evaluation.drift import FEWEST, LEARN, about, brightness, drift_settings, windows_of
from linecam.evaluation.predictions import read_predictions
from linecam.evaluation.votes import read_votes
from linecam.files import read_json, write_json
from linecam.frames.index import read_pixels, read_split
from linecam.workflow.job import job


def set_drift(
    choice_path: Path,
    candidates: list[Candidate],
    models: list[TrainedModel],
    voted: Path,
    votes: Path,
    split: Path,
    pixels: dict[int, Path],
    drift: Path,
    *,
    classes: list[str],
    false_alarm: int,
    every: int,
    learn: int,
) -> None:
    """Write what line_drift reads (`drift_settings`) to `drift`, from what the chosen model says of the test frames.

    `voted` has the number of frames of a decision, `votes` what predict_votes wrote, `pixels` the
    usable frames by the size of a network's input. Where fewer than `FEWEST` decisions are known from test frames, the
    camera learns what is usual from `LEARN` decisions, and the log says so.
    """
    choice = Choice.read(choice_path)
    chosen = choice.among_trained(models)
    size = read_json(voted)["votes"]
    if size == 1:
        table = read_predictions(chosen.predictions[choice.range])
        frames = table[table["part"] == "test"].drop_duplicates("sha256")
    else:
        frames = windows_of(read_votes(votes, classes), size)
    known = frames["sha256"].nunique()
    if known < FEWEST and not learn:
        learn = LEARN
        logging.warning(
            "Only %d test frames say what %d frames in a row are taken for: that is too few. So the camera learns from "
            "its first %d decisions what is usual on the line, as line.drift.learn would have it.",
            known,
            size,
            learn,
        )
    rows = read_split(split).query("part == 'test'").drop_duplicates("sha256")["row"].to_numpy()
    light = brightness(read_pixels(pixels[choice.model.input_size])[rows])
    if frames.empty:  # the levels are those of single frames then, better than none
        table = read_predictions(chosen.predictions[choice.range])
        frames, size = table[table["part"] == "test"].drop_duplicates("sha256"), 1
    found = drift_settings(
        frames,
        pd.Series(frames["sha256"]),
        light,
        classes,
        read_json(choice.among(candidates).thresholds)["thresholds"],
        votes=size,
        false_alarm=false_alarm,
        every=every,
        learn=learn,
    )
    logging.info("%s", about(found, known))
    write_json(drift, found)


if __name__ == "__main__":
    with job(snakemake):
        set_drift(
            Path(snakemake.input.choice),
            [Candidate.from_param(candidate) for candidate in snakemake.params.candidates],
            [TrainedModel.from_param(model) for model in snakemake.params.trained],
            Path(snakemake.input.voted),
            Path(snakemake.input.votes),
            Path(snakemake.input.split),
            dict(zip(snakemake.params.sizes, map(Path, snakemake.input.pixels), strict=True)),
            Path(snakemake.output.drift),
            classes=snakemake.params.classes,
            false_alarm=snakemake.params.false_alarm,
            every=snakemake.params.every,
            learn=snakemake.params.learn,
        )
