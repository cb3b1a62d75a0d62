"""The report: one HTML page that says what was built, how good it is and from what it was made."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from linecam.boards.board import Board
from linecam.camera.region import Region
from linecam.evaluation.candidates import Candidate, Choice, TrainedModel
from linecam.evaluation.metrics import rarest_class
from linecam.evaluation.predictions import read_predictions
from linecam.evaluation.selection_study import LEARNERS
from linecam.files import atomic_write, read_json, sha256
from linecam.frames.index import read_index, read_pixels, read_split
from linecam.report.charts import LossChart, loss_chart
from linecam.report.forms import forms_of
from linecam.report.insight import Insight, insights
from linecam.report.layers import amplitude, bar
from linecam.report.pictures import Pictures, mistakes
from linecam.report.selection_study import SelectionStudy
from linecam.report.sweep import Sweep
from linecam.report.text import mean, percent

# The most mistakes, training frames, and rows of a table that are shown.
MISTAKES = 48
SHEET = 40
ROWS = 50

# Where a model's weights began, by its method.
BEGUN = {
    "taught": "pretrained on what a large network of ImageNet sees in the frames",
    "simclr": "pretrained on the frames by SimCLR",
    "distilled": "pretrained on the frames by distillation of a larger network",
    "rendered": "pretrained on rendered frames of a belt",
    "none": "trained from random weights",
    "given": "from a given backbone",
}


@dataclass(frozen=True)
class Sources:
    """The files that the page is made from, besides those of the models."""

    choice: Path
    clean: Path  # the chosen model's figures with and without the camera's arithmetic
    votes: Path  # its figures over several frames in a row
    index: Path
    quarantine: Path
    account: Path  # what became of every file
    split: Path  # that of the chosen model
    summaries: dict[str, Path]  # of the split of each selection
    pixels: dict[int, Path]  # by input size
    pretraining: dict[str, Path]  # the loss of each epoch, by backbone that was pretrained
    template: Path  # the page; its sections lie beside it in sections/
    insight: Insight
    selection_study: tuple[Path, Path] | None = None  # summary and chart, where that study has been run


@dataclass(frozen=True)
class Setup:
    """With what it was made."""

    dataset: str
    classes: list[str]
    frame_size: str
    region: Region  # of the frame, that goes to the network
    confidence: float
    accept: str  # whether a bundle is made of a weak model, `bundle.accept`
    configuration: str  # all of it, YAML
    boards: dict[str, Board]
    versions: dict[str, str]  # of packages


def write_page(
    sources: Sources, models: list[TrainedModel], candidates: list[Candidate], setup: Setup, page: Path
) -> None:
    """Write the report to `page`: it needs nothing else. Equal inputs give equal bytes."""
    choice = Choice.read(sources.choice)
    chosen, candidate = choice.among_trained(models), choice.among(candidates)
    forms = forms_of(chosen, candidates)
    best = next(form for form in forms if form.name == choice.range)
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # of each section, else the next one begins on its last line
        loader=FileSystemLoader(sources.template.parent, encoding="utf-8"),
    )
    environment.filters |= {"percent": percent, "mean": mean, "amplitude": amplitude, "ratio_bar": bar}
    text = environment.get_template(sources.template.name).render(
        **vars(setup),
        choice=choice,
        begun=BEGUN[choice.model.method],
        forms=forms,
        best=best,
        rarest=rarest_class(best.metrics["test"], setup.classes),
        digest=sha256(candidate.tflite),
        clean=read_json(sources.clean),
        votes=read_json(sources.votes),
        score=read_json(chosen.score),
        decides=read_json(candidate.thresholds),
        charts=loss_charts(chosen.history, sources.pretraining),
        sweep=Sweep.read(models, choice, setup.classes) if len(models) > 1 else None,
        selection_study=SelectionStudy.read(*sources.selection_study) if sources.selection_study else None,
        learners=LEARNERS,
        **frames(sources, choice.model.input_size, chosen.predictions[choice.range]),
        **insights(
            sources.insight,
            split=sources.split,
            pixels=sources.pixels[choice.model.input_size],
            predictions=chosen.predictions[choice.range],
            held_out=candidate.held_out,
            classes=setup.classes,
            dataset=setup.dataset,
        ),
    )
    with atomic_write(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def frames(sources: Sources, input_size: int, predictions: Path) -> dict[str, object]:
    """What the page shows of the frames: by the names that the template has for it.

    `predictions` are the chosen model's, whose network's input has `input_size` pixels a side.
    """
    index, split = read_index(sources.index), read_split(sources.split)
    set_aside = pd.read_csv(sources.quarantine, dtype=str, keep_default_na=False)
    wrong = mistakes(read_predictions(predictions))
    return {
        "picture": Pictures(split, read_pixels(sources.pixels[input_size])),
        "mistakes": wrong[:MISTAKES],
        "mistakes_in_all": len(wrong),
        # The split keeps the order of the picking, and lists training frames before those of the test.
        "sheet": list(split[split["part"] == "train"].head(SHEET).itertuples()),
        "statuses": {status: int((index["status"] == status).sum()) for status in ("ok", "duplicate", "quarantined")},
        "account": read_json(sources.account)["lines"],
        "seen_in_part": read_json(sources.account)["seen_in_part"],
        "unlabelled": int((split["part"] == "unlabelled").sum()),
        "summaries": {selection: read_json(path) for selection, path in sources.summaries.items()},
        "set_aside": list(set_aside.head(ROWS).itertuples()),
        "set_aside_in_all": len(set_aside),
        "most_rows": ROWS,
    }


def loss_charts(history: Path, pretraining: dict[str, Path]) -> list[LossChart]:
    """The loss of the training, and of the pretraining of each backbone where there was one."""
    return [
        loss_chart("Training loss", pd.read_csv(history), "training"),
        *(loss_chart(f"Pretraining loss, {name}", pd.read_csv(path), "loss") for name, path in pretraining.items()),
    ]
