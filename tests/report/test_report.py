"""The report: the figures of its inputs, the frames that were judged wrong, nothing from elsewhere, the same bytes."""

import base64
import hashlib
import io
import itertools
import json
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from linecam.boards.catalogue import load_boards
from linecam.camera.region import Region
from linecam.evaluation.candidates import Candidate, TrainedModel
from linecam.files import sha256
from linecam.networks.model_name import ModelName
from linecam.report.page import Made, Setup, Sources, write_page
from linecam.report.pictures import large_pictures, mistakes
from linecam.report.text import duration, mean
from linecam.workflow.settings import Settings
from tests.evaluation.made_up import MISSING, candidate, choice_of, trained
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
    about = {"model": CHOSEN, "range": "calibrated", "votes": 3, "thresholds": {}, "test_frames": 4, "frames": 2}
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


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inputs:
    """Inputs to change; their page has empty charts, since drawing takes most of its time."""
    monkeypatch.setattr("linecam.report.charts._svg", lambda *_: "data:image/svg+xml;base64,")
    return prepare(tmp_path)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> "Page":
    """The page of these inputs as they are."""
    folder = tmp_path_factory.mktemp("page")
    return prepare(folder).write(folder / "page.html")


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


def test_the_answer_that_never_looks_stands_beside_the_model_from_the_first_sentence_on(page):
    assert "2 of 4 right 50.0 %; 40.0 % to 60.0 % always saying good is right on 2" in page.text("result")
    assert "51.2 %; of always saying good: 33.3 %." in page.text("confusion")
    assert "balanced accuracy 77.7 %; always saying good is right on 61.0 %, balanced accuracy 33.3 %." in page.text(
        "held-out"
    )


def test_a_weak_model_says_so_before_anything_else(inputs, page, tmp_path):
    assert "weak model" not in page.text()
    weak = [
        {"why": "It finds <33.3 %> of a class.", "mend": "Label `<more>` frames."},
        {"why": "Stuck.", "mend": "Train."},
    ]
    write(inputs.sources.choice, choice_of(CHOSEN, weak=weak))
    refused = inputs.write(tmp_path / "page.html")
    head = refused.text().partition("linecam report of")[0]
    assert "belt, a weak model: bad parts missed: 1 of 2;" in head
    assert "This model is weak. No bundle is made of it; bundle.accept: weak makes one all the same." in head
    assert "It finds <33.3 %> of a class. What to do: Label <more> frames. Stuck. What to do: Train." in head
    assert refused.open == []
    inputs.setup = replace(inputs.setup, config=CONFIG | {"bundle": CONFIG["bundle"] | {"accept": "weak"}})
    accepted = inputs.write(tmp_path / "page.html").text()
    assert "This model is weak. A bundle is made of it because bundle.accept is weak." in accepted


def test_the_result_is_that_of_the_chosen_form(page):
    result = page.text("result")
    assert "bad parts missed (worst) 1 of 2 50.0 %; 40.0 % to 60.0 % taken for good 1" in result
    assert "Because <it> is best." in result
    assert "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" in result  # of the bytes {}
    assert "16,678,960" in result
    verdict = result[result.index("OpenMV Cam H7") :]
    assert verdict.startswith("OpenMV Cam H7 accepted")
    for figure in ("55.9 to 75.6 ms", "99,416 of 113,664 bytes (87.5 %)", "109,360 of 256,000 bytes (42.7 %)"):
        assert figure in verdict


def test_each_operator_has_its_cost(page):
    for figure in ("98,304", "operator 4", "55.9 to 75.6 ms: two fits"):
        assert figure in page.text("board")
    assert page.rows("Operators") == [
        ["0 PAD", "1 × 10 × 10 × 3", "0", "32", "16", "10.2 %", "0 to 0"],
        ["1 CONV_2D", "1 × 8 × 8 × 16", "27,648", "496", "139", "89.8 %", "65 to 84"],
    ]


def test_another_processor_has_no_cycles_and_no_limit_no_share(inputs, tmp_path):
    layers = [layer | {"cycles": None, "instructions": None} for layer in COST["layers"]]
    path = inputs.candidates[0].firmware["h7"]
    cost = COST | {"place": "sd", "latency_ms": [1.07, 1.07], "layers": layers}
    write(path, {"accepted": True, "findings": [], "cost": cost})
    page = inputs.write(tmp_path / "page.html")
    assert "1.07 ms a frame (estimated): file 99,416 bytes, memory" in page.text()
    assert page.rows("Operators")[1] == ["1 CONV_2D", "1 × 8 × 8 × 16", "27,648", "496", "–", "–", "–"]


def test_of_a_class_without_test_frames_nothing_is_known(page):
    assert "no_mask missed unknown no test frame" in page.text("result")


def test_the_verdict_goes_by_the_thresholds_of_main_py_and_stands_before_all_else(inputs, tmp_path):
    path = inputs.models[0].metrics["calibrated"]
    value = json.loads(path.read_text())
    decided = metrics(4)["test"] | {"confusion": [[54, 0, 0], [58, 57, 0], [0, 0, 30]], "accuracy": ratio(141, 200)}
    for name, found, of in (("bad", 54, 54), ("good", 57, 116), ("no_mask", 30, 30)):
        decided["classes"] = decided["classes"] | {name: {"precision": 0.5, "recall": ratio(found, of)}}
    write(path, value | {"decided": decided})
    page = inputs.write(tmp_path / "page.html")
    result = page.text("result")
    assert page.text().startswith(
        "belt: linecam report belt: bad parts missed: 0 of 54; good parts rejected: 59 of 116"
    )
    assert "The worst class is good : good parts rejected: 59 of 116. That is weak" in result
    assert "good parts rejected (worst) 59 of 116 50.9 %; 40.9 % to 60.9 % taken for bad 58, no decision 1" in result
    assert "Of 112 frames that it calls bad, 54 are." in result
    assert "141 of 200 right" in result
    assert result.count("weak") == 2, "in the sentence and on the tile of the class"
    assert [row[-1] for row in page.rows("Confusion matrix, by thresholds")[:2]] == ["100.0 %", "49.1 %"]


def test_what_a_class_means_stands_beside_it(inputs, page, tmp_path):
    assert "folded over" not in page.text()
    inputs.setup = replace(inputs.setup, definitions={"bad": "A mask that is <folded over>."})
    shown = inputs.write(tmp_path / "page.html")
    assert "(worst) bad: A mask that is <folded over>. 1 of 2" in shown.text("result")
    assert "bad (A mask that is <folded over>.), judged good" in shown.text("wrong")


def test_every_form_has_its_row_and_a_refused_one_its_reasons(page):
    recalls = ["50.0 % 34.5 %", "50.0 % 34.5 %", "– 34.5 %"]
    paired = ["3 differ right: this 2, float 1", "98.7 %", "99,416", "109,360", "16.68"]
    forms = {row[0]: row[1:] for row in page.rows("Forms of the model")}
    assert forms == {
        "float float32, in PyTorch": ["75.0 % 65.0 % to 85.0 %", *recalls, *"–––––", "–"],
        "onnx float32, in onnxruntime": ["75.0 % 65.0 % to 85.0 %", *recalls, *paired[:2], *"–––", "–"],
        "calibrated chosen int8, activations calibrated on training frames": [
            "50.0 % 40.0 % to 60.0 %", *recalls, *paired, "accepted",
        ],
        "fixed_-6_6 int8, every activation from -6 to 6": [
            "100.0 % 90.0 % to 100.0 %", *recalls, *paired, "refused arena-size",
        ],
        "always good for comparison: what never looks": [
            "50.0 % 40.0 % to 60.0 %", "0.0 % 25.0 %", "100.0 % 25.0 %", "– 25.0 %", *"–––––", "–",
        ],
    }  # fmt: skip
    why = page.text("forms").partition("Why OpenMV Cam H7 refuses fixed_-6_6")[2]
    assert all(FINDING[part] in why for part in ("rule", "where", "why", "mend"))
    assert page.text("forms").count("Why OpenMV") == 1
    assert "77 unlabelled frames" in page.text("forms")
    assert [tag.get("class") for name, tag in page.tags if name == "tr"].count("chosen") == 1


def test_the_confusion_matrix_is_the_chosen_models(page):
    assert page.rows("Confusion matrix") == [
        ["bad", "1", "1", "0", "2", "50.0 %"],
        ["good", "0", "1", "1", "2", "50.0 %"],
        ["no_mask", "0", "0", "0", "0", "–"],
        ["precision", "34.5 %", "34.5 %", "34.5 %", "", ""],
    ]


def test_the_cameras_path_is_set_against_a_clean_resize(page):
    assert page.figures("camera")[:4] == ["3", "4", "1", "2"], "differ, of all; the camera alone right, the clean alone"
    assert "QVGA" in page.text("camera")
    half = "50.0 % 40.0 % to 60.0 %"
    assert page.rows("What the camera's path costs") == [
        ["camera", half, half, half, "–"],
        ["clean", "75.0 % 65.0 % to 85.0 %", "100.0 % 90.0 % to 100.0 %", half, "–"],
        ["always good", half, "0.0 % 0.0 % to 10.0 %", "100.0 % 90.0 % to 100.0 %", "–"],
    ]


def test_a_camera_that_changes_no_judgement_costs_nothing_that_shows(inputs, tmp_path):
    write(inputs.sources.clean, on_clean(2, 2, (0, 0, 0)))
    page = inputs.write(tmp_path / "page.html")
    assert "Nothing that this test could show" in page.text("camera")
    assert page.figures("camera")[0] == "4"


def test_a_vote_is_set_against_single_frames(inputs, page, tmp_path):
    assert page.figures("votes")[:5] == ["3", "2", "2", "1", "0"], "votes, differ, of all; vote right, single right"
    assert "2 of 4 test frames" in page.text("votes")
    assert "with the thresholds" not in page.text("votes")
    half = "50.0 % 40.0 % to 60.0 % 34.5 %"
    assert page.rows("What voting brings") == [
        ["1", "25.0 % 15.0 % to 35.0 %", half, half, "– 34.5 %", "–", "4", "–"],
        [
            "3 main.py", "75.0 % 65.0 % to 85.0 %", half, half, "– 34.5 %", "2 differ right: vote 1, single 0", "2",
            "a training frame 1, a missing number 1",
        ],
        ["5", "–", "–", "–", "–", "–", "0", "a missing number 4"],
        [
            "always good", "50.0 % 40.0 % to 60.0 %", "0.0 % 0.0 % to 10.0 % 25.0 %",
            "100.0 % 90.0 % to 100.0 % 25.0 %", "– 25.0 %", "–", "–", "–",
        ],
    ]  # fmt: skip
    write(inputs.sources.votes, on_votes(thresholds={"bad": 0.3}))
    assert "with the thresholds" in inputs.write(tmp_path / "page.html").text("votes")


@pytest.mark.parametrize(
    ("votes", "words"),
    [
        (on_votes((0, 0, 0)), "Nothing that this test could show"),
        (on_votes(votes=5), "Unknown for the 5 frames"),
        (on_votes(votes=1), "main.py decides by single frames, by bundle.votes , or because the frames are no"),
        (on_votes(why="No <window>.", frames=0), "Unknown: No <window>. main.py decides over 3 frames in a row."),
        (on_votes(why="None.", frames=0, votes=1), "Unknown: None. main.py decides over 1 frame in a row."),
    ],
)
def test_what_a_vote_brings_where_there_is_little_to_say(inputs, tmp_path, votes, words):
    write(inputs.sources.votes, votes)
    page = inputs.write(tmp_path / "page.html")
    assert words in page.text("votes")
    assert "alone is right" not in page.text("votes")
    assert page.open == []


def test_wrong_frames_are_shown_with_their_own_pixels_the_most_confident_first(page):
    assert [alt for alt, _ in page.images["wrong"]] == [
        f"{HOSTILE}: good, judged no_mask",
        f"{HOSTILE}, as the network sees it",
        "b-5.jpg: bad, judged good",
        "b-5.jpg, as the sensor sees it",
    ]
    assert [grey for _, grey in pictures(page, "wrong")] == [60, 60, 40]
    assert page.figures("wrong")[0] == "2"
    assert f"good , judged no_mask 97.0 % {HOSTILE} Label again good , judged no_mask 97.0 %. {HOSTILE}" in page.text(
        "wrong"
    )


def test_a_wrong_frame_opens_in_the_sensors_pixels_and_leads_to_its_place_on_the_labelling_page(page):
    large = page.images["wrong"][-1][1]
    assert large.startswith("data:image/jpeg;base64,")
    with Image.open(io.BytesIO(base64.b64decode(large.partition(",")[2]))) as image:
        assert image.size == (240, 240)
        assert abs(image.getpixel((9, 9))[0] - 90) < 3
    opens = [tag["popovertarget"] for _, tag in page.tags if "popovertarget" in tag]
    assert opens == [id for n in (1, 2) for id in (f"frame-{n}", f"frame-{n}")], "one opens, one closes"
    again = [tag["href"] for name, tag in page.tags if tag.get("class") == "again"]
    names = ["a-4.jpg", HOSTILE, HOSTILE, "b-5.jpg", "b-5.jpg"]
    assert again == [f"http://127.0.0.1:8765/#frame={DIGESTS[name]}" for name in names]


def test_only_so_many_bytes_are_large_pictures(tmp_path, monkeypatch):
    table = pd.DataFrame({"path": ["a.png", "b.png"], "part": "test", "label": "bad", "predicted": "good"})
    table["p_bad"], table["p_good"] = [0.1, 0.2], [0.9, 0.8]
    for name in table["path"]:
        Image.new("RGB", (64, 64), (ord(name[0]), 5, 5)).save(tmp_path / name)
    table["sha256"] = [sha256(tmp_path / name) for name in table["path"]]
    region = Region(side=64)
    both = large_pictures(mistakes(table), tmp_path, region)
    assert list(both) == list(table["sha256"])
    monkeypatch.setattr("linecam.report.pictures.LARGE_BYTES", sum(map(len, both.values())) - 1)
    assert list(large_pictures(mistakes(table), tmp_path, region)) == [table["sha256"][0]]


def test_frames_that_int8_judges_otherwise_than_float_are_shown(page):
    assert page.images["confusion"][0][0] == "b-5.jpg: bad, float says bad, int8 says good"
    assert "1 test frame, those that float judges right first" in page.text("confusion")
    assert "bad : float bad 70.0 %, int8 good 61.0 % b-5.jpg" in page.text("confusion")


def test_a_frame_without_a_decision_is_a_mistake_with_its_highest_score():
    table = pd.DataFrame({"path": ["a", "b"], "part": "test", "label": "bad", "predicted": ["", "bad"], "sha256": ""})
    table["p_bad"], table["p_good"] = [0.6, 0.9], [0.4, 0.1]
    assert [(one.path, one.predicted, one.p) for one in mistakes(table)] == [("a", "no decision", 0.6)]


def test_training_frames_are_shown_in_the_order_of_the_split(page):
    shown = [("a-1.jpg: bad", 0), ("a-2.jpg: good", 10), ("a-3.jpg: no_mask", 20), ("a-4.jpg: good", 30)]
    assert pictures(page, "data") == shown
    assert "The first 4 of selection coreset-6, in the order of their picking" in page.text()


def test_no_more_than_48_wrong_and_40_training_frames_are_shown(inputs, tmp_path):
    many = pd.DataFrame(
        [
            (f"c-{n}.jpg", part, "bad", "good", (n + 1) / 100)
            for part, n in [*(("test", n) for n in range(60)), *(("train", n) for n in range(60))]
        ],
        columns=["path", "part", "label", "predicted", "p_good"],
    )
    many["sha256"], many["row"] = [f"f{n:063x}" for n in range(len(many))], 0
    many["p_bad"] = many["p_no_mask"] = 0.0
    write(inputs.sources.split, pd.concat([many, pd.read_csv(inputs.sources.split).query("path == 'a-4.jpg'")]))
    write(inputs.models[0].predictions["calibrated"], many)
    page = inputs.write(tmp_path / "page.html")
    wrong = [alt for alt, _ in pictures(page, "wrong") if "judged" in alt]
    assert [len(wrong), len(pictures(page, "data"))] == [48, 40]
    assert wrong[0] == "c-59.jpg: bad, judged good"
    assert page.figures("wrong")[:2] == ["48", "60"]


def test_equal_probabilities_are_ordered_by_path():
    rows = [("z", 0.5), ("a", 0.5), ("m", 0.7)]
    table = pd.DataFrame(rows, columns=["path", "p_good"]).assign(part="test", label="bad", predicted="good", sha256="")
    assert [mistake.path for mistake in mistakes(table)] == ["m", "a", "z"]


def test_a_model_without_mistakes_says_so(inputs, tmp_path):
    path = inputs.models[0].predictions["calibrated"]
    table = pd.read_csv(path, keep_default_na=False)
    write(path, table[table["part"] != "test"])
    page = inputs.write(tmp_path / "page.html")
    assert "None" in page.text("wrong")
    assert page.figures("wrong") == ["4"]


def test_nothing_of_the_data_becomes_markup(page):
    assert not {"i", "b"} & {name for name, tag in page.tags if "style" not in tag}
    # The map's own script, and what it unpacks.
    assert [tag.get("type") for name, tag in page.tags if name == "script"] == ["text/plain"] * 3 + [None]
    assert HOSTILE in page.text()
    assert "000<i>.jpg quarantined empty & void 1,234" in page.text()
    assert "test/<b>.jpg" in page.text()


def test_the_page_is_well_formed_and_loads_nothing(inputs, tmp_path):
    pretrained(inputs, [4.5], tmp_path)
    page = inputs.write(tmp_path / "page.html")
    assert page.open == []
    for _, tag in page.tags:
        for key in ("src", "srcset"):
            assert tag.get(key, "data:").startswith("data:")
        assert tag.get("href", "#").startswith(("#", "http://127.0.0.1:8765/#frame="))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    # What a script may do is the policy's, and tests/report/test_map_browser.py looks at it.
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"url\(|@import|https?:(?!//127\.0\.0\.1:8765/#)", outside)
    assert str(tmp_path) not in text
    names = [tag["id"] for _, tag in page.tags if "id" in tag]
    assert len(names) == len(set(names))
    links = {tag["href"] for name, tag in page.tags if name == "a" and tag["href"].startswith("#")}
    assert links <= {f"#{name}" for name in names}
    assert {f"#{name}" for name in page.sections} <= links
    terms = [tag for name, tag in page.tags if tag.get("class") == "term"]
    assert terms and all(tag["title"] for tag in terms)
    assert all(tag.get("alt") or tag.get("aria-hidden") for name, tag in page.tags if name == "img")
    levels = [int(name[1]) for name, _ in page.tags if re.fullmatch(r"h\d", name)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_curves_show_pretraining_where_there_was_one(inputs, tmp_path):
    def charts() -> list[str]:
        page = inputs.write(tmp_path / "page.html")
        return [alt for alt, _ in page.images["training"]]

    assert charts() == ["Training loss over 3 epochs: training from 3.000 to 1.000."]
    pretrained(inputs, [4.5, 4.25], tmp_path)
    assert charts()[1:] == ["Pretraining loss, resnet9-8 over 2 epochs: loss from 4.500 to 4.250."]


@pytest.mark.parametrize(
    ("losses", "right", "says"),
    [
        ([1.0, 0.9, 0.8], [0.5, 0.6, 0.7], "still falls at the end , in the last fifth of the training from 0.900 to "
         "0.800. The training may be too short. Try twice as long: finetune: {epochs: 6} ."),
        ([1.0, 0.6, 0.8], [0.5, 0.8, 0.7], "rises again at the end : it was lowest, 0.600, after 67 % of the training, "
         "and ends at 0.800. From there on the model learns its own frames by heart. More labels help most: "
         "snakemake select_next says which frames. A shorter training may help too, since the balanced accuracy fell "
         "meanwhile from 80.0 % to 70.0 %: finetune: {epochs: 2} ."),
        ([1.0, 0.6, 0.8], [0.5, 0.8, 0.9], "A shorter training would not: the balanced accuracy was 80.0 % then, and "
         "is 90.0 % at the end."),
        ([1.0, 0.6, 0.6], [0.5, 0.8, 0.8], "neither falls nor rises at the end. The training is long enough."),
    ],
    ids=["falling", "rising", "surer", "level"],
)  # fmt: skip
def test_the_loss_on_unseen_frames_is_drawn_and_its_end_is_told(inputs, tmp_path, losses, right, says):
    learning = {}
    for fold, off in enumerate((-0.1, 0.0, 0.1)):
        table = {"fold": fold, "epoch": [1, 2, 3], "loss": np.array(losses) + off, "balanced_accuracy": right}
        learning[str(fold)] = write(tmp_path / f"{fold}.csv", pd.DataFrame(table))
    inputs.models[0] = replace(inputs.models[0], learning=learning)
    page = inputs.write(tmp_path / "page.html")
    assert says in page.text("training")
    (chart,) = [alt for alt, _ in page.images["training"]]
    assert chart.endswith(
        f"On unseen frames, mean of 3 folds: from 1.000 to {losses[-1]:.3f}, {min(losses):.3f} at the lowest."
    )


def test_what_the_folds_held_out_and_what_each_threshold_costs(inputs, page, tmp_path):
    held_out = page.text("held-out")
    for figure in ("87.6 % of 123", "balanced accuracy 77.7 %", "5.7 % (12.3 % before", "temperature of 1.2345"):
        assert figure in held_out
    assert page.rows("Operating points")[0] == [
        "bad", "98.0 %", "0.348", "no: takes 149 labels", "19 of 20 (85.0 % to 100.0 %)", "7 of 100, 7.0 %",
    ]  # fmt: skip
    assert page.rows("Operating points")[1][3] == "yes"
    assert "bad: 20 <labels>." in held_out
    assert "no threshold is set" in held_out
    rival = candidate("rival-8-none/coreset-6/seed-1", "calibrated", tflite=MISSING,
                      thresholds=write(tmp_path / "rival.json", on_thresholds(good=0.9)))  # fmt: skip
    inputs.candidates.insert(0, rival)
    write(inputs.candidates[1].thresholds, on_thresholds(bad=0.34765625, good=0.5))
    held_out = inputs.write(tmp_path / "page.html").text("held-out")
    assert "bad from 0.348 on, good from 0.500 on." in held_out


def test_folds_of_chosen_frames_say_that_they_are_weighed(inputs, page, tmp_path):
    assert "share of the line" not in page.text("held-out")
    write(inputs.models[0].score, on_held_out(effective=45.4))
    page = inputs.write(tmp_path / "page.html")
    text = page.text("held-out")
    assert "each counts by the share of the line that it stands for" in text
    assert "The 123 labels say as much as 45 of frames drawn at random" in text
    assert "always saying good is right on 61.0 %" in text
    assert page.rows("Operating points")[0][3:] == [
        "no: takes 149 labels at random, these say as much as 20",
        "19 of 20, weighed 95.0 % (85.0 % to 100.0 %)",
        "7 of 100, weighed 7.0 %",
    ]


def test_a_class_that_no_fold_held_out_has_no_share(page):
    assert page.rows("Operating points")[-1] == [
        "no_mask",
        "100.0 %",
        "0.996",
        "no",
        "0 of 0 (– to –)",
        "0 of 120, 0.0 %",
    ]


def test_the_data_are_counted(page):
    assert page.figures("data")[:4] == ["8", "1", "0", "1"], "usable, duplicate, quarantined, unlabelled"
    assert "What became of every file train/<i>/: 8 .jpg, labelled good" in page.text()
    assert page.rows("Split of selection coreset-6") == [
        ["train", "42", "42", "42", "126"],
        ["test", "41", "41", "41", "123"],
    ]
    data = page.text("data")
    assert "within 25 frames of a training frame of the same sequence: 3." in data
    assert "the same bytes stand in train: 1." in data
    assert "3 of 4" in page.text("result"), "test frames near a training frame"
    aside = page.rows("Frames that were set aside")
    assert [row[0] for row in aside] == [f"{n:03}<i>.jpg" for n in range(50)]
    assert "The first 50 of 53" in data
    assert "dataset: {name: belt}" in page.text("making")
    making = page.text("making")
    assert "torch 2.14.1" in making
    assert "linecam 9.8.7, commit abc<def> , on 2026-11-26." in making
    assert page.rows("Steps by time") == [["fold", "2", "1 min 5 s", "100"], ["choose", "1", "0.5 s", "–"]]
    assert "1 min 6 s in 3 jobs" in making


def test_what_the_network_sees_of_the_frames_is_said_where_everybody_reads_it(inputs: Inputs, tmp_path: Path) -> None:
    line = "512 frames of 2048 x 96: the network sees the middle 96 x 96, 5 % of each"
    write(inputs.sources.account, {"lines": [line], "seen_in_part": [line]})
    text = inputs.write(tmp_path / "page.html").text()
    assert text.index(f"{line}. What became of every file") > 0


def test_a_region_of_the_frame_is_named_and_what_is_enlarged_is_said(inputs: Inputs, tmp_path: Path) -> None:
    plain = inputs.write(tmp_path / "page.html").text()
    assert "Camera: QVGA, RGB565" in plain
    assert "enlarged" not in plain
    for size, enlarged in ((6, True), (60, False)):
        region = Region(roi=(40, 100, 200, size), frame=(320, 240))
        inputs.setup = replace(inputs.setup, region=region)
        text = inputs.write(tmp_path / "page.html").text()
        assert f"Camera: QVGA, the 200 x {size} pixels from 40, 100 on, RGB565" in text
        assert (f"camera.roi has 200 x {size} pixels, which are enlarged to 8 x 8" in text) == enlarged
    rois = (40, 100, 90, 6), (150, 100, 90, 6)
    inputs.setup = replace(inputs.setup, region=Region(rois=rois, frame=(320, 240)))
    text = inputs.write(tmp_path / "page.html").text()
    assert "Camera: QVGA, each of 2 places of 90 x 6 pixels, RGB565" in text
    assert "each of camera.rois has 90 x 6 pixels, which are enlarged to 8 x 8" in text


def test_nothing_set_aside_and_no_unlabelled_frame(inputs, tmp_path):
    write(inputs.sources.quarantine, pd.read_csv(inputs.sources.quarantine).head(0))
    split = pd.read_csv(inputs.sources.split, keep_default_na=False)
    write(inputs.sources.split, split[split["part"] != "unlabelled"])
    summary = json.loads(inputs.sources.summaries["coreset-6"].read_text())
    summary["left_out_of_test"], summary["near_training"]["test_frames"] = [], 0
    write(inputs.sources.summaries["coreset-6"], summary)
    page = inputs.write(tmp_path / "page.html")
    assert "Frames that were set aside" not in page.tables
    assert "No unlabelled frames" in page.text("data")
    assert "stand in train: 0." in page.text("data")
    assert "of a training frame" not in page.text("result")


def test_frames_near_training_frames_and_unsure_ones(page):
    assert "nobody is sure of, and that are in no part: 2; selected for the test: 1." in page.text("data")
    assert "nobody is sure of their label: 1 of 5 frames" in page.text("result")
    by_number, by_embedding = page.rows("Test frames like training frames")
    assert "25" in by_number[0]
    assert by_number[1:] == [
        "66.7 % 56.7 % to 76.7 % 2 of 3", "0.0 % 0.0 % to 10.0 % 0 of 1", "+50.0 points -12.3 to +80.0",
    ]  # fmt: skip
    assert by_embedding[1].startswith("unknown")


def test_whether_choosing_pays_where_it_was_studied(page, inputs, tmp_path):
    assert "selecting" not in page.sections
    random = {"learner": "finetuned", "strategy": "random", "labels": 25, "value": 0.8, "low": 0.75, "high": 0.85}
    random |= {"gain": {"value": 0.0, "low": 0.0, "high": 0.0}}
    ours = random | {"strategy": "coreset", "value": 0.9, "gain": {"value": 0.1, "low": 0.02, "high": 0.18}}
    results = [row | {"learner": learner} for learner in ("finetuned", "probe") for row in (random, ours)]
    found = {"embedded": "swift7-112-simclr", "seeds": 2, "test_frames": 40, "confidence": 0.95, "results": results}
    summary = write(
        tmp_path / "summary.json", found | {"verdict": ["coreset, finetuned: <better>."], "by_chance": "About 0.1."}
    )
    Image.new("RGB", (8, 8), (7, 7, 7)).save(tmp_path / "plot.png")
    inputs.sources = replace(inputs.sources, selection_study=(summary, tmp_path / "plot.png"))
    studied = inputs.write(tmp_path / "page.html")
    assert "coreset, finetuned: <better>." in studied.text("selecting")
    assert studied.figures("selecting")[:2] == ["40", "2"], "test frames, seeds"
    cells = ["25", "80.0 % 75.0 % to 85.0 %", "90.0 % 75.0 % to 85.0 % +10.0 (+2.0 to +18.0)"]
    assert studied.rows("What strategies of selection bring") == [["linear probe", *cells], ["finetuned", *cells]]
    assert 7 in [grey for _, grey in pictures(studied, "selecting")]
    assert studied.open == []


def test_what_more_labels_brought_where_it_was_studied(page, inputs, tmp_path):
    assert "labels" not in page.sections
    rows = [("slim7-96", "none", 25, seed, value) for seed, value in ((1, 0.7), (2, 0.8))]
    table = pd.DataFrame(rows, columns=["network", "method", "labels", "seed", "float_balanced_accuracy"])
    Image.new("RGB", (8, 8), (7, 7, 7)).save(tmp_path / "labels.png")
    inputs.sources = replace(inputs.sources, study=(write(tmp_path / "study.csv", table), tmp_path / "labels.png"))
    studied = inputs.write(tmp_path / "page.html")
    assert studied.rows("Balanced accuracy by labels") == [["slim7-96", "none", "25", "2", "75.0 ± 7.1 %"]]
    assert pictures(studied, "labels")[0][1] == 7
    assert studied.open == []


def test_what_the_scores_are_worth_is_drawn(page):
    charts = [alt for alt, _ in page.images["held-out"]]
    assert "bad 0.0 % missed at 33.3 % false alarms; good 50.0 % missed at 0.0 % false alarms" in charts[0]
    assert "bad finds 50.0 % with a precision of 100.0 %; good finds 50.0 % with a precision of 50.0 %" in charts[1]
    assert "training frames, unseen: 75 % right of 4 where it says 90 %; test frames:" in charts[2]


def test_a_time_is_as_exact_as_matters():
    assert [duration(value) for value in (0.44, 9.96, 59.4, 59.6, 185, 7815)] == [
        "0.4 s", "10 s", "59 s", "1 min 0 s", "3 min 5 s", "2 h 10 min",
    ]  # fmt: skip


def test_a_single_model_is_no_sweep(page):
    assert "sweep" not in page.sections


def test_a_sweep_lists_all_models_and_their_spread_over_seeds(inputs, tmp_path):
    with_model(inputs, "resnet9-8-none/coreset-6/seed-2", 1, tmp_path)
    with_model(inputs, "resnet9-8-none/random-6/seed-1", 4, tmp_path, competes=False)
    page = inputs.write(tmp_path / "page.html")
    # Float: 75 % and 25 %, quantized: 50 % and 25 %.
    assert page.rows("Mean ± standard deviation over the seeds") == [
        [
            "resnet9-8", "none", "coreset-6", "2", "51.4 ± 37.3 %", "50.0 ± 35.4 %", "25.0 ± 35.4 %", "50.0 ± 0.0 %",
            "–", "37.5 ± 17.7 %",
        ],
        ["resnet9-8", "none", "random-6", "1", "25.0 %", "100.0 %", "0.0 %", "50.0 %", "–", "–"],
    ]  # fmt: skip
    assert page.rows("Each model") == [
        ["resnet9-8 chosen", "none", "coreset-6", "1", "0.432", "77.7 %", "75.0 %", "50.0 %", "50.0 %", "–", "50.0 %"],
        ["resnet9-8", "none", "coreset-6", "2", "0.900", "25.0 %", "25.0 %", "0.0 %", "50.0 %", "–", "25.0 %"],
        ["resnet9-8", "none", "random-6", "1", "0.900", "25.0 %", "100.0 %", "0.0 %", "50.0 %", "–", "–"],
        ["always good", "–", "–", "–", "–", "33.3 %", "50.0 %", "0.0 %", "100.0 %", "–", "50.0 %"],
    ]
    assert page.open == []


def test_equal_inputs_give_equal_bytes(tmp_path):
    inputs = prepare(tmp_path)
    for name in ("one", "two"):
        inputs.write(tmp_path / f"{name}.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_the_mean_leaves_out_what_is_unknown():
    assert mean([0.5, None]) == "50.0 %"
    assert mean([None]) == "–"
    assert mean([0.4, 0.6, None]) == "50.0 ± 14.1 %"
