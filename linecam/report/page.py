"""The report: one HTML page that says what was built, how good it is and from what it was made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from linecam.boards.board import Board
from linecam.bundle.portable import without_paths
from linecam.camera.region import Region
from linecam.evaluation.candidates import Candidate, Choice, TrainedModel
from linecam.evaluation.label_doubts import doubtful_labels
from linecam.evaluation.learning_curve import LearningCurve
from linecam.evaluation.predictions import decide, read_predictions
from linecam.evaluation.selection_study import LEARNERS
from linecam.evaluation.thresholds import SURE
from linecam.files import atomic_write, read_json, sha256
from linecam.frames.index import read_index, read_pixels, read_split
from linecam.percent import percent
from linecam.report.advice import advise
from linecam.report.comparison import Comparison
from linecam.report.evidence import facts_of, loss_charts, probability_charts
from linecam.report.forms import Form, forms_of
from linecam.report.insight import Insight, insights
from linecam.report.layers import amplitude, bar
from linecam.report.pictures import Pictures, flips, large_pictures, mistakes
from linecam.report.runs import Run, before, labels_of, tested_of
from linecam.report.selection_study import SelectionStudy
from linecam.report.steps import steps_of
from linecam.report.study import LabelStudy
from linecam.report.sweep import Sweep
from linecam.report.teacher import Teacher
from linecam.report.text import duration, mean, unbroken, with_code
from linecam.report.verdict import GOOD, UNDECIDED, Verdict
from linecam.report.words import WORDS

# The most mistakes, training frames, flipped frames, doubtful labels, and rows of a table that are shown.
MISTAKES = 48
SHEET = 40
FLIPS = 24
DOUBTS = 12
ROWS = 50

# Where a model's weights began, by its method.
BEGUN = {
    "taught": "pretrained with a large network that was trained on ImageNet",
    "simclr": "pretrained on the frames by SimCLR",
    "distilled": "pretrained with a larger network that SimCLR trained on the frames",
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
    frames: Path  # the folder below which the frames lie
    pretraining: dict[str, Path]  # the loss of each epoch, by backbone that was pretrained
    benchmarks: Path  # the folder of what each job took, which may be missing
    runs: Path  # the folder of earlier runs, which may be missing; this one joins them
    template: Path  # the page; its sections lie beside it in sections/
    insight: Insight
    study: tuple[Path, Path] | None = None  # table and chart, where `snakemake study` has been run
    selection_study: tuple[Path, Path] | None = None  # summary and chart, where that study has been run


@dataclass(frozen=True)
class Made:
    """When the page was written, and by which linecam."""

    when: str  # ISO 8601, local time to the second
    version: str
    revision: str | None  # in git

    @property
    def day(self) -> str:
        """The date of it."""
        return self.when[:10]


@dataclass(frozen=True)
class Setup:
    """With what it was made."""

    dataset: str
    classes: list[str]
    region: Region  # of the frame, that goes to the network
    config: Mapping[str, Any]  # all settings
    configuration: str  # the same, YAML
    boards: dict[str, Board]
    versions: dict[str, str]  # of packages
    made: Made
    definitions: Mapping[str, str]  # what a class means, a sentence for some or all
    labelling: str  # where the labelling page answers, while it runs
    options: str = ""  # what every command of this dataset takes, such as --configfile config/mine.yaml


def write_page(
    sources: Sources, models: list[TrainedModel], candidates: list[Candidate], setup: Setup, page: Path
) -> None:
    """Write the report to `page`, which needs nothing else, and keep the run's figures in `sources.runs`.

    Equal inputs give equal bytes.
    """
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # of each section, else the next one begins on its last line
        loader=FileSystemLoader(sources.template.parent, encoding="utf-8"),
    )
    environment.filters |= {"duration": duration, "code": with_code}
    environment.filters["percent"] = lambda share: unbroken(percent(share))
    environment.filters["mean"] = lambda shares: unbroken(mean(shares))
    environment.filters |= {"amplitude": amplitude, "ratio_bar": bar}
    template = environment.get_template(sources.template.name)
    shown, run = contents(sources, models, candidates, setup)
    text = template.render(**vars(setup), **shown)
    with atomic_write(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    run.keep(sources.runs)


def run_of(
    setup: Setup, choice: Choice, best: Form, split: Path, tested: pd.DataFrame, decides: Any, votes: Any
) -> Run:
    """What is kept of this run.

    `best` is the chosen form, `tested` has the test frames and as `predicted` what main.py decides of each, `decides`
    is thresholds.json, and `votes` is votes.json.
    """
    return Run(
        when=setup.made.when,
        linecam=setup.made.version,
        revision=setup.made.revision,
        config=without_paths(dict(setup.config)),
        model=str(choice.model),
        range=choice.range,
        weak=bool(choice.weak),
        labels=labels_of(read_split(split)),
        tested=tested_of(tested),
        score=dict(best.metrics.get("decided", best.metrics["test"])),
        thresholds=decides["thresholds"],
        votes=votes["votes"],
        boards={
            board: {key: one["cost"].get(key) for key in ("latency_ms", "arena_bytes", "file_bytes")}
            for board, one in best.firmware.items()
        },
    )


def contents(
    sources: Sources, models: list[TrainedModel], candidates: list[Candidate], setup: Setup
) -> tuple[dict[str, object], Run]:
    """What the page shows, besides `setup`, by the names that the template has for it; and what is kept of the run."""
    choice, classes = Choice.read(sources.choice), setup.classes
    chosen, candidate = choice.among_trained(models), choice.among(candidates)
    assert chosen.float_predictions is not None, "the chosen model has competed"
    forms = forms_of(chosen, candidates)
    best = next(form for form in forms if form.name == choice.range)
    decides, clean, score = read_json(candidate.thresholds), read_json(sources.clean), read_json(chosen.score)
    wanted, confidence = setup.config["bundle"]["recall"], setup.config["evaluate"]["confidence"]
    verdict = Verdict.of(best.metrics.get("decided", best.metrics["test"]), classes, wanted)
    of_int8, of_float = map(read_predictions, (chosen.predictions[choice.range], chosen.float_predictions))
    held_out = read_predictions(candidate.held_out)
    learning = LearningCurve.read(chosen.learning.values())
    # What a weak model doubts says nothing of the labels.
    doubts = doubtful_labels(held_out, classes).head(0 if choice.weak else len(held_out))
    status = read_index(sources.index)["status"]
    statuses = {name: int((status == name).sum()) for name in ("ok", "duplicate", "quarantined")}
    summaries = {selection: read_json(path) for selection, path in sources.summaries.items()}
    votes = read_json(sources.votes)
    facts = facts_of(
        choice.model,
        setup.config,
        verdict,
        best.metrics,
        decides,
        score,
        of_float,
        teacher=Teacher.beside(chosen.teacher, held_out, classes) if chosen.teacher else None,
        epochs=len(pd.read_csv(chosen.history)),
        doubtful=len(doubts),
        usable=statuses["ok"],
        # Of stills a number says nothing: two that follow each other show two parts.
        near=summaries[choice.model.selection]["near_training"] if votes["sequences"] else None,
        camera=clean["paired"],
        models=len(models),
    )
    test = of_int8[of_int8["part"] == "test"].reset_index(drop=True)
    decided = decide(test, classes, decides["thresholds"])
    tested = test.assign(predicted=decided)
    run = run_of(setup, choice, best, sources.split, tested, decides, votes)
    earlier = before(run, sources.runs)
    since = Comparison(earlier, run) if earlier else None
    shown: dict[str, object] = {
        "since": since,
        "choice": choice,
        "accept": setup.config["bundle"]["accept"],
        "confidence": confidence,
        "sure": unbroken(percent(SURE, 0)),
        "frame_size": setup.config["camera"]["frame_size"],
        "begun": BEGUN[choice.model.method],
        "forms": forms,
        "best": best,
        "verdict": verdict,
        "voted": voted(votes, classes, wanted),
        "good": GOOD,
        "undecided": UNDECIDED,
        "statuses": statuses,
        "facts": facts,
        "advice": advise(facts),
        "doubts": list(doubts.head(DOUBTS).itertuples()),
        "doubts_in_all": len(doubts),
        "words": WORDS,
        "digest": sha256(candidate.tflite),
        "clean": clean,
        "votes": votes,
        "score": score,
        "decides": decides,
        "charts": loss_charts(chosen.history, learning, sources.pretraining),
        "learning": learning,
        "probability_charts": probability_charts(held_out, test, decided, classes, decides["thresholds"]),
        "sweep": Sweep.read(models, choice, classes) if len(models) > 1 else None,
        "study": LabelStudy.read(*sources.study) if sources.study else None,
        "selection_study": SelectionStudy.read(*sources.selection_study) if sources.selection_study else None,
        "learners": LEARNERS,
        "steps": steps_of(sources.benchmarks),
        "summaries": summaries,
        **frames(sources, setup.region, choice.model.input_size, tested),
        **flipped(of_float, of_int8),
        "changed": {
            "mended": of_frames(tested, since.mended if since else []),
            "broken": of_frames(tested, since.broken if since else []),
        },
        **insights(
            sources.insight,
            split=sources.split,
            pixels=sources.pixels[choice.model.input_size],
            predictions=chosen.predictions[choice.range],
            held_out=candidate.held_out,
            classes=classes,
            dataset=setup.dataset,
        ),
    }
    return shown, run


def voted(votes: Mapping[str, Any], classes: list[str], wanted: Mapping[str, float]) -> Verdict | None:
    """The verdict over as many frames as main.py decides over; None where that is one, or is not known."""
    sizes = [size for size in votes["sizes"] if size["votes"] == votes["votes"] and size["test"]]
    return Verdict.of(sizes[0]["test"], classes, wanted) if sizes and votes["votes"] > 1 else None


def of_frames(test: pd.DataFrame, digests: list[str]) -> list[Any]:
    """The rows of the test frames with these SHA-256, as many as the page shows."""
    return list(test[test["sha256"].isin(digests)].head(FLIPS).itertuples())


def flipped(of_float: pd.DataFrame, of_int8: pd.DataFrame) -> dict[str, object]:
    """The test frames that int8 judges differently from float."""
    found = flips(of_float, of_int8)
    return {"flips": found[:FLIPS], "flips_in_all": len(found)}


def frames(sources: Sources, region: Region, input_size: int, test: pd.DataFrame) -> dict[str, object]:
    """What the page shows of the frames: by the names that the template has for it.

    `test` has the test frames, and as `predicted` what main.py decides of each. `region` is what goes to the network,
    whose input has `input_size` pixels a side.
    """
    split = read_split(sources.split)
    set_aside = pd.read_csv(sources.quarantine, dtype=str, keep_default_na=False)
    wrong = mistakes(test)
    return {
        "picture": Pictures(split, read_pixels(sources.pixels[input_size])),
        "mistakes": wrong[:MISTAKES],
        "mistakes_in_all": len(wrong),
        "large": large_pictures(wrong[:MISTAKES], sources.frames, region),
        # The split keeps the order of the picking, and lists training frames before those of the test.
        "sheet": list(split[split["part"] == "train"].head(SHEET).itertuples()),
        "account": read_json(sources.account)["lines"],
        "seen_in_part": read_json(sources.account)["seen_in_part"],
        "unlabelled": int((split["part"] == "unlabelled").sum()),
        "set_aside": list(set_aside.head(ROWS).itertuples()),
        "set_aside_in_all": len(set_aside),
        "most_rows": ROWS,
    }
