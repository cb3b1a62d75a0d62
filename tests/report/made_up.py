"""A made-up report: one model, two ranges, a few frames, and the page as a person reads it."""

import base64
import hashlib
import io
import json
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from linecam.boards.catalogue import load_boards
from linecam.camera.region import Region
from linecam.evaluation.candidates import Candidate, TrainedModel
from linecam.networks.model_name import ModelName
from linecam.report.page import Made, Setup, Sources, write_page
from linecam.workflow.settings import Settings
from tests.evaluation.made_up import candidate, choice_of, trained
from tests.report.insight_files import insight_files

TEMPLATE = Path(__file__).parents[2] / "linecam/report/page.html.j2"
CLASSES = ["bad", "good", "no_mask"]
WORTH = {"value": 0.5, "low": -0.123, "high": 0.8}
CHOSEN = "resnet9-8-none/coreset-6/seed-1"
VOID = {"meta", "link", "img", "br", "source", "input", "hr"}
FINDING = {"rule": "arena-size", "where": "999999 bytes", "why": "the heap has 256000", "mend": "take a smaller input"}
COST = {
    "file_bytes": 99416,
    "place": "drive",
    "arena_bytes": 109360,
    "peak_bytes": 98304,
    "peak_at": 4,
    "macs": 16678960,
    "latency_ms": [55.9, 75.6],
    "latency_basis": "two fits",
    "layers": [
        {
            "operator": "PAD",
            "output": [1, 10, 10, 3],
            "macs": 0,
            "weights": 32,
            "cycles": [0, 0],
            "instructions": 15900,
        },
        {
            "operator": "CONV_2D",
            "output": [1, 8, 8, 16],
            "macs": 27648,
            "weights": 496,
            "cycles": [64700, 84500],
            "instructions": 139370,
        },
    ],
}
CONFIG = Settings(dataset={"name": "belt", "kind": "belt", "classes": CLASSES}).as_dict()
HOSTILE = "<script>alert(1)</script>-7.jpg"
# Path, part, label, and what the chosen form says with which probability.
FRAMES = [
    ("a-1.jpg", "train", "bad", "bad", 0.9),
    ("a-2.jpg", "train", "good", "good", 0.9),
    ("a-3.jpg", "train", "no_mask", "no_mask", 0.9),
    ("a-4.jpg", "train", "good", "bad", 0.9),
    ("b-5.jpg", "test", "bad", "good", 0.61),
    ("b-6.jpg", "test", "bad", "bad", 0.9),
    (HOSTILE, "test", "good", "no_mask", 0.97),
    ("b-8.jpg", "test", "good", "good", 0.9),
    ("b-9.jpg", "unlabelled", "", "good", 0.9),
]
SENSOR = io.BytesIO()
Image.new("RGB", (320, 240), (90, 90, 90)).save(SENSOR, "PNG")
DIGESTS = {path: f"f{n:063x}" for n, (path, *_) in enumerate(FRAMES)}
DIGESTS["b-5.jpg"] = hashlib.sha256(SENSOR.getvalue()).hexdigest()


class Page(HTMLParser):
    """Tags, texts, the cells of its tables, and whether the tags are nested well."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.sections: dict[str, list[str]] = {}
        self.tables: dict[str, list[list[str]]] = {}
        self.images: dict[str, list[tuple[str, str]]] = {}  # by section: alt text and address
        self._section: list[str] = []
        self._images: list[tuple[str, str]] = []
        self._rows: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self._section = self.sections[values["aria-labelledby"] or ""] = []
            self._images = self.images[values["aria-labelledby"] or ""] = []
        elif tag == "img":
            self._images.append((values["alt"] or "", values["src"] or ""))
        label = values.get("aria-label") or ""
        if tag == "div" and label.endswith(", table"):
            self._rows = self.tables[label.removesuffix(", table")] = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"style", "script"} & set(self.open):
            return
        self.words.append(data)
        self._section.append(data)
        if {"td", "th"} & set(self.open):
            self._rows[-1][-1] = joined([self._rows[-1][-1], data])

    def text(self, section: str | None = None) -> str:
        """All words, or those of a section, by its id."""
        return joined(self.words if section is None else self.sections[section])

    def figures(self, section: str) -> list[str]:
        """The numbers in the text of a section, in their order."""
        return re.findall(r"[-+]?\d[\d,.]*\d%?|\d%?", self.text(section))

    def rows(self, table: str) -> list[list[str]]:
        """The cells of a table's rows, but for its head."""
        return self.tables[table][1:]


def joined(words: list[str]) -> str:
    return " ".join(" ".join(words).split())


def ratio(part: int, of: int) -> dict[str, Any]:
    if not of:
        return {"of": [part, of], "value": None, "low": None, "high": None}
    return {"of": [part, of], "value": part / of, "low": max(part / of - 0.1, 0), "high": min(part / of + 0.1, 1)}


def metrics(right: int, bad: int = 1, cost: bool = True) -> dict[str, Any]:
    recalls = {"bad": ratio(bad, 2), "good": ratio(1, 2), "no_mask": ratio(0, 0)}
    figures: dict[str, Any] = {
        "test": {
            "frames": 4,
            "accuracy": ratio(right, 4),
            "balanced_accuracy": 0.512,
            "confusion": [[1, 1, 0], [0, 1, 1], [0, 0, 0]],
            "classes": {name: {"precision": 0.345, "recall": recall} for name, recall in recalls.items()},
        },
        "paired": {"differ": 3, "only_this_right": 2, "only_float_right": 1},
        "agreement": {"on": "unlabelled frames", "frames": 77, "argmax": 0.987, "probability_gap": 0.01},
        "leak": {"by_number": {"near": ratio(2, 3), "far": ratio(0, 1), "worth": WORTH}, "by_embedding": None},
    }
    constant = figures["test"] | {"says": "good", "accuracy": ratio(2, 4), "balanced_accuracy": 0.333}
    found = {"bad": ratio(0, 2), "good": ratio(2, 2), "no_mask": ratio(0, 0)}
    constant["classes"] = {name: {"precision": 0.25, "recall": recall} for name, recall in found.items()}
    figures |= {"constant": constant}
    return figures | ({"cost": {"bytes": 99416, "arena_bytes": 109360, "macs": 16678960}} if cost else {})


def on_clean(camera: int, clean: int, paired: tuple[int, int, int]) -> dict[str, Any]:
    """What evaluate_clean writes: so many of 4 right on either, and the paired counts."""
    figures = {name: metrics(right)["test"] for name, right in (("camera", camera), ("clean", clean))}
    figures["clean"]["classes"]["bad"]["recall"] = ratio(2, 2)
    counts = dict(zip(("differ", "only_camera_right", "only_clean_right"), paired, strict=True))
    return {"model": CHOSEN, "range": "calibrated", "paired": counts} | figures


def on_votes(three: tuple[int, int, int] = (2, 1, 0), **values: Any) -> dict[str, Any]:
    """What evaluate_votes writes: 1 and 3 frames have figures, and `three` paired counts; 5 frames have none."""
    left_out = {"training": 0, "set_aside": 0, "ambiguous": 0, "missing": 0}
    counts = dict(zip(("differ", "only_vote_right", "only_single_right"), three, strict=True))
    some, none = left_out | {"training": 1, "missing": 1}, left_out | {"missing": 4}
    sizes = [
        {
            "votes": 1,
            "windows": 4,
            "left_out": left_out,
            "test": metrics(1)["test"],
            "paired": dict.fromkeys(counts, 0),
        },
        {"votes": 3, "windows": 2, "left_out": some, "test": metrics(3)["test"], "paired": counts},
        {"votes": 5, "windows": 0, "left_out": none, "test": None, "paired": None},
    ]
    about = {"model": CHOSEN, "range": "calibrated", "votes": 3, "sequences": True, "thresholds": {}}
    about |= {"test_frames": 4, "frames": 2}
    return about | {"why": None, "constant": metrics(1)["constant"], "sizes": sizes} | values


def on_held_out(balanced: float = 0.777, loss: float = 0.4321, effective: float = 123.0) -> dict[str, Any]:
    """What calibrate writes."""
    errors = {"before": 0.1234, "after": 0.0567}
    return {
        "frames": 123,
        "effective_frames": effective,
        "loss": loss,
        "accuracy": 0.876,
        "balanced_accuracy": balanced,
        "constant": {"says": "good", "accuracy": 0.61, "balanced_accuracy": 0.3334},
        "temperature": 1.2345,
        "calibration_error": errors,
    }


def on_thresholds(**thresholds: float) -> dict[str, Any]:
    """What set_thresholds writes; of no_mask no frame was held out."""
    point = {"wanted": 0.98, "threshold": 0.34765625, "recall": ratio(19, 20), "false_alarms": ratio(7, 100)}
    point |= {"promised": False, "needed": 149, "effective_frames": 20.0}
    none = {"wanted": 1.0, "threshold": 0.99609375, "recall": ratio(0, 0), "false_alarms": ratio(0, 120)}
    none |= {"promised": False, "needed": None, "effective_frames": 0.0}
    points = {"bad": [point, point | {"wanted": 0.5, "promised": True}], "no_mask": [none]}
    return {"thresholds": thresholds, "too_few": ["bad: 20 <labels>."], "operating_points": points}


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, pd.DataFrame):
        value.to_csv(path, index=False)
    else:
        path.write_text(json.dumps(value), encoding="utf-8")
    return path


def of_float(table: pd.DataFrame) -> pd.DataFrame:
    """What the float form says: otherwise of b-5.jpg, and right of all frames that it was trained on."""
    table = table.copy()
    table.loc[table["path"] == "b-5.jpg", ["predicted", "p_bad", "p_good"]] = ["bad", 0.7, 0.3]
    train = table["part"] == "train"
    table.loc[train, "predicted"] = table.loc[train, "label"]
    return table


def unseen(table: pd.DataFrame) -> pd.DataFrame:
    """What folds' models say of the training frames: a-4.jpg is labelled good, and they are sure of bad."""
    return table[table["part"] == "train"].assign(weight=1.0)


def sensor_frames(folder: Path) -> Path:
    """The folder of the frames, of which only b-5.jpg is still there."""
    folder.mkdir()
    (folder / "b-5.jpg").write_bytes(SENSOR.getvalue())
    return folder


def benchmarks(folder: Path) -> Path:
    """What Snakemake writes of three jobs, one of which was too quick to have its memory measured."""
    head = "s\th:m:s\tmax_rss\n"
    for name, line in {"choose": "0.5\t0:00:00\t-", "fold/0": "61\t0:01:01\t99.6", "fold/1": "4\t0:00:04\t8"}.items():
        path = folder / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{head}{line}\n")
    return folder


@dataclass
class Inputs:
    """What a page is made from."""

    sources: Sources
    models: list[TrainedModel]
    candidates: list[Candidate]
    setup: Setup

    def write(self, page: Path) -> Page:
        write_page(self.sources, self.models, self.candidates, self.setup, page)
        return Page(page.read_text(encoding="utf-8"))


def prepare(folder: Path) -> Inputs:
    """The inputs of a report, and the files that they name: one model, two ranges, one refused."""
    table = pd.DataFrame(FRAMES, columns=["path", "part", "label", "predicted", "p"])
    table["sha256"] = [DIGESTS[path] for path in table["path"]]
    pixels = np.stack([np.full((8, 8, 3), 10 * n, np.uint8) for n in range(len(table))])
    np.save(folder / "8.npy", pixels[::-1])  # not in the order of the split
    split = table.assign(row=range(len(table) - 1, -1, -1), by="me")[["row", "sha256", "path", "part", "label", "by"]]
    for name in CLASSES:
        table[f"p_{name}"] = np.where(table["predicted"] == name, table["p"], 0.01)
    index = table.assign(status="ok", reason="", bytes=10, width=9, height=9, sequence="a", number=1)
    index.loc[8, "status"] = "duplicate"
    aside = pd.DataFrame(
        {
            "path": [f"{n:03}<i>.jpg" for n in range(53)],
            "status": "quarantined",
            "reason": "empty & void",
            "bytes": 1234,
        }
    )
    model = folder / CHOSEN
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.0]})
    tflite = model / "model.tflite"
    write(tflite, {})
    forms = {"float": metrics(3, cost=False), "onnx": metrics(3, cost=False), "calibrated": metrics(2)}
    forms["fixed_-6_6"] = metrics(4)
    verdicts = {"calibrated": [], "fixed_-6_6": [FINDING]}
    summary = {
        "frames": {part: dict.fromkeys(CLASSES, 41 + n) for n, part in enumerate(["test", "train"])},
        "left_out_of_test": ["test/<b>.jpg"],
        "near_training": {"within_frames": 25, "test_frames": 3},
        "unsure": ["x/<1>.jpg", "x/2.jpg"],
        "unsure_in_test": 1,
    }
    choice = choice_of(CHOSEN, reason="Because <it> is best.")
    said = {"lines": ["train/<i>/: 8 .jpg, labelled good"], "seen_in_part": []}
    return Inputs(
        Sources(
            choice=write(folder / "choice.json", choice),
            clean=write(folder / "clean.json", on_clean(2, 3, (3, 1, 2))),
            votes=write(folder / "votes.json", on_votes()),
            index=write(folder / "frames.csv", index),
            quarantine=write(folder / "quarantine.csv", aside),
            account=write(folder / "account.json", said),
            split=write(folder / "split.csv", split),
            summaries={"coreset-6": write(folder / "split.json", summary)},
            pixels={16: folder / "16.npy", 8: folder / "8.npy"},
            frames=sensor_frames(folder / "frames"),
            benchmarks=benchmarks(folder / "benchmarks"),
            runs=folder / "runs",
            pretraining={},
            template=TEMPLATE,
            insight=insight_files(folder / "insight", table.assign(row=split["row"])),
        ),
        [
            trained(
                CHOSEN,
                history=write(model / "history.csv", history),
                score=write(model / "score.json", on_held_out()),
                metrics={form: write(model / f"{form}.json", value) for form, value in forms.items()},
                predictions={"calibrated": write(model / "calibrated.csv", table.drop(columns="p"))},
                float_predictions=write(model / "float.csv", of_float(table).drop(columns="p")),
            )
        ],
        [
            candidate(
                CHOSEN,
                span,
                tflite=tflite,
                held_out=write(model / "held_out.csv", unseen(table).drop(columns="p")),
                thresholds=write(model / "thresholds.json", on_thresholds()),
                firmware={
                    "h7": write(
                        model / span / "h7.json", {"accepted": not findings, "findings": findings, "cost": COST}
                    )
                },
            )
            for span, findings in verdicts.items()
        ],
        Setup(
            dataset="belt",
            classes=CLASSES,
            region=Region(side=240),
            config=CONFIG,
            configuration="dataset: {name: belt}\n",
            boards={
                "h7": replace(
                    load_boards()["openmv-h7"],
                    title="OpenMV Cam H7",
                    places={"drive": 113664, "sd": None},
                    heap_bytes=[65536, 256000],
                )
            },
            versions={"torch": "2.14.1"},
            made=Made("2026-11-26T12:34:56", "9.8.7", "abc<def>"),
            definitions={},
            labelling="http://127.0.0.1:8765",
        ),
    )


def colour(uri: str | None) -> int:
    """The grey of a picture of one colour, by its data URI."""
    assert uri is not None
    head, _, data = uri.partition(",")
    assert head in {"data:image/webp;base64", "data:image/png;base64"}
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (8, 8)
        grey = image.convert("RGB").getpixel((3, 3))[0]
    # WebP is off by one; the frames here are multiples of ten.
    return grey if "png" in head else round(grey, -1)


def pictures(page: Page, section: str) -> list[tuple[str, int]]:
    """Alt text and grey of each frame that a section shows as the network sees it."""
    return [
        (alt, colour(src))
        for alt, src in page.images[section]
        if src.startswith(("data:image/webp", "data:image/png")) and alt
    ]


def with_model(inputs: Inputs, model: str, right: int, folder: Path, *, competes: bool = True) -> None:
    """Add a model to a sweep."""
    first = inputs.models[0]
    names = list(first.metrics) if competes else ["float"]
    inputs.models.append(
        replace(
            first,
            model=ModelName.parse(model),
            predictions={},
            metrics={form: write(folder / model / f"{form}.json", metrics(right, bad=0)) for form in names},
            score=write(folder / model / "score.json", on_held_out(balanced=0.25, loss=0.9)),
        )
    )


def pretrained(inputs: Inputs, losses: list[float], folder: Path) -> None:
    """Add the history of a pretraining."""
    history = pd.DataFrame({"epoch": range(1, len(losses) + 1), "loss": losses})
    inputs.sources = replace(inputs.sources, pretraining={"resnet9-8": write(folder / "ssl.csv", history)})
