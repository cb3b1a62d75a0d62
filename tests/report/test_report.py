"""The report: the figures of its inputs, the frames that were judged wrong, nothing from elsewhere, the same bytes."""

import base64
import io
import itertools
import json
import re
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scripts.report import mean, report, wrong

TEMPLATE = Path(__file__).parents[2] / "scripts" / "report.html.j2"
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
        {"operator": "PAD", "output": [1, 10, 10, 3], "macs": 0, "weights": 32, "cycles": [0, 0]},
        {"operator": "CONV_2D", "output": [1, 8, 8, 16], "macs": 27648, "weights": 496, "cycles": [64700, 84500]},
    ],
}
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


class Page(HTMLParser):
    """Tags, texts, and whether the tags are nested well."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def ratio(part: int, of: int) -> dict[str, Any]:
    if not of:
        return {"of": [part, of], "value": None, "low": None, "high": None}
    return {"of": [part, of], "value": part / of, "low": max(part / of - 0.1, 0), "high": min(part / of + 0.1, 1)}


def metrics(right: int, bad: int = 1, cost: bool = True) -> dict[str, Any]:
    recalls = {"bad": ratio(bad, 2), "good": ratio(1, 2), "no_mask": ratio(0, 0)}
    return {
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
    } | ({"cost": {"bytes": 99416, "arena_bytes": 109360, "macs": 16678960}} if cost else {})


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
    return about | {"why": None, "sizes": sizes} | values


def on_held_out(balanced: float = 0.777, loss: float = 0.4321) -> dict[str, Any]:
    """What calibrate writes."""
    errors = {"before": 0.1234, "after": 0.0567}
    return {
        "frames": 123,
        "loss": loss,
        "accuracy": 0.876,
        "balanced_accuracy": balanced,
        "temperature": 1.2345,
        "calibration_error": errors,
    }


def on_thresholds(**thresholds: float) -> dict[str, Any]:
    """What set_thresholds writes; of no_mask no frame was held out."""
    point = {"wanted": 0.98, "threshold": 0.34765625, "recall": ratio(19, 20), "false_alarms": ratio(7, 100)}
    none = {"wanted": 1.0, "threshold": 0.99609375, "recall": ratio(0, 0), "false_alarms": ratio(0, 120)}
    return {"thresholds": thresholds, "operating_points": {"bad": [point, point | {"wanted": 1.0}], "no_mask": [none]}}


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, pd.DataFrame):
        value.to_csv(path, index=False)
    else:
        path.write_text(json.dumps(value), encoding="utf-8")
    return path


def prepare(folder: Path) -> dict[str, Any]:
    """The arguments of `report` but for the page, and the files that they name: one model, two ranges, one refused."""
    table = pd.DataFrame(FRAMES, columns=["path", "part", "label", "predicted", "p"])
    table["sha256"] = [f"f{n:063x}" for n in range(len(table))]
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
    return {
        "choice_path": write(
            folder / "choice.json", {"model": CHOSEN, "range": "calibrated", "reason": "Because <it> is best."}
        ),
        "models": [
            {
                "model": CHOSEN,
                "history": write(model / "history.csv", history),
                "score": write(model / "score.json", on_held_out()),
                "metrics": {form: write(model / f"{form}.json", value) for form, value in forms.items()},
                "predictions": {"calibrated": write(model / "calibrated.csv", table.drop(columns="p"))},
            }
        ],
        "candidates": [
            {
                "model": CHOSEN,
                "range": span,
                "tflite": tflite,
                "thresholds": write(model / "thresholds.json", on_thresholds()),
                "firmware": {
                    "h7": write(
                        model / span / "h7.json", {"accepted": not findings, "findings": findings, "cost": COST}
                    )
                },
            }
            for span, findings in verdicts.items()
        ],
        "clean": write(folder / "clean.json", on_clean(2, 3, (3, 1, 2))),
        "votes": write(folder / "votes.json", on_votes()),
        "index": write(folder / "frames.csv", index),
        "quarantine": write(folder / "quarantine.csv", aside),
        "split": write(folder / "split.csv", split),
        "summaries": {"coreset-6": write(folder / "split.json", summary)},
        "pixels": [folder / "16.npy", folder / "8.npy"],
        "pretraining": {},
        "template": TEMPLATE,
        "config": {
            "dataset": {"name": "belt", "classes": CLASSES},
            "camera": {"frame_size": "QVGA"},
            "evaluate": {"confidence": 0.95},
        },
        "configuration": "dataset: {name: belt}\n",
        "boards": {
            "h7": {
                "title": "OpenMV Cam H7",
                "processor": "Cortex-M7",
                "places": {"drive": 113664, "sd": None},
                "heap_bytes": [65536, 256000],
            }
        },
        "versions": {"torch": "2.14.1"},
    }


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    return prepare(tmp_path)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> "Page":
    """The page of these inputs as they are."""
    folder = tmp_path_factory.mktemp("page")
    return made(prepare(folder), folder / "page.html")


def made(inputs: dict[str, Any], page: Path) -> Page:
    report(**inputs, page=page)
    return Page(page.read_text(encoding="utf-8"))


def colour(uri: str | None) -> int:
    """The grey of a picture of one colour."""
    assert uri is not None
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (8, 8)
        return image.getpixel((3, 3))[0]


def pictures(page: Page) -> list[tuple[str | None, int]]:
    """Alt text and grey of each frame that is shown."""
    return [
        (tag["alt"], colour(tag["src"]))
        for name, tag in page.tags
        if name == "img" and (tag["src"] or "").startswith("data:image/png")
    ]


def with_model(inputs: dict[str, Any], model: str, right: int, folder: Path, *, competes: bool = True) -> None:
    """Add a model to a sweep."""
    entry = deepcopy(inputs["models"][0]) | {"model": model, "predictions": {}}
    names = list(entry["metrics"]) if competes else ["float"]
    entry["metrics"] = {form: write(folder / model / f"{form}.json", metrics(right, bad=0)) for form in names}
    entry["score"] = write(folder / model / "score.json", on_held_out(balanced=0.25, loss=0.9))
    inputs["models"].append(entry)


def test_the_result_is_that_of_the_chosen_form(page):
    text = page.text()
    assert "belt: 50.0% on the test frames" in text
    assert "Of 4 test frames the model judges 2 right." in text
    assert "Accuracy 50.0% 40.0% to 60.0% 2 of 4" in text
    assert "OpenMV Cam H7 accepted , 55.9 to 75.6 ms a frame (estimated): file 99,416 of 113,664 bytes (87.5%)" in text
    assert "arena 109,360 of 256,000 bytes (42.7%)" in text
    assert "16,678,960 multiply-accumulates" in text
    assert "Because <it> is best." in text
    assert "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" in text  # of the bytes {}


def test_each_operator_has_its_cost(page):
    text = page.text()
    assert "98,304 are activations that live at once, at operator 4. One frame takes 55.9 to 75.6 ms: two fits." in text
    assert "0 PAD 1 × 10 × 10 × 3 0 32 0 to 0 1 CONV_2D 1 × 8 × 8 × 16 27,648 496 65 to 84" in text


def test_another_processor_has_no_cycles_and_no_limit_no_share(inputs, tmp_path):
    layers = [layer | {"cycles": None} for layer in COST["layers"]]
    path = inputs["candidates"][0]["firmware"]["h7"]
    cost = COST | {"place": "sd", "latency_ms": [1.07, 1.07], "layers": layers}
    write(path, {"accepted": True, "findings": [], "cost": cost})
    text = made(inputs, tmp_path / "page.html").text()
    assert "1.07 ms a frame (estimated): file 99,416 bytes, arena" in text
    assert "1 CONV_2D 1 × 8 × 8 × 16 27,648 496 –" in text


def test_a_class_without_test_frames_is_the_rarest_and_its_recall_unknown(page):
    text = page.text()
    assert "There is no test frame of no_mask : how many of them it finds is unknown." in text
    assert "Recall of no_mask (rarest) – no test frame" in text


def test_the_rarest_class_with_test_frames_is_told_in_frames(inputs, tmp_path):
    path = inputs["models"][0]["metrics"]["calibrated"]
    value = json.loads(path.read_text())
    value["test"]["classes"]["no_mask"]["recall"] = ratio(30, 30)
    value["test"]["classes"]["good"]["recall"] = ratio(7, 20)
    write(path, value)
    text = made(inputs, tmp_path / "page.html").text()
    assert "Of the rarest class, bad , it finds 1 of 2." in text
    assert "Recall of bad (rarest) 50.0% 40.0% to 60.0% 1 of 2" in text


def test_every_form_has_its_row_and_a_refused_one_its_reasons(page):
    text = page.text()
    figures = "99,416 109,360 16.68"
    assert "float float32, in PyTorch 75.0% 65.0% to 85.0% 50.0% 34.5% 50.0% 34.5% – 34.5% – – – – – –" in text
    assert (
        "calibrated chosen int8, activations calibrated on training frames 50.0% 40.0% to 60.0% 50.0% 34.5% "
        f"50.0% 34.5% – 34.5% 3 differ right: this 2, float 1 98.7% {figures} accepted"
    ) in text
    assert (
        "fixed_-6_6 int8, every activation from -6 to 6 100.0% 90.0% to 100.0% 50.0% 34.5% "
        f"50.0% 34.5% – 34.5% 3 differ right: this 2, float 1 98.7% {figures} refused arena-size"
    ) in text
    reason = "arena-size, 999999 bytes: the heap has 256000. To mend it, take a smaller input."
    assert f"Why OpenMV Cam H7 refuses fixed_-6_6 {reason} Confusion matrix" in text
    assert text.count("refuse") == 2
    assert "on 77 unlabelled frames" in text
    assert [tag.get("class") for name, tag in page.tags if name == "tr"].count("chosen") == 1


def test_the_confusion_matrix_is_the_chosen_models(page):
    text = page.text()
    assert "bad 1 1 0 2 50.0% good 0 1 1 2 50.0% no_mask 0 0 0 0 – precision 34.5% 34.5% 34.5%" in text


def test_the_cameras_path_is_set_against_a_clean_resize(page):
    text = page.text()
    assert (
        "judges 3 of 4 test frames otherwise than cleanly resized ones: it alone is right on 1, the clean resize alone "
        "on 2."
    ) in text
    assert "Camera: QVGA, RGB565" in text
    assert "camera 50.0% 40.0% to 60.0% 50.0% 40.0% to 60.0% 50.0% 40.0% to 60.0% –" in text
    assert "clean 75.0% 65.0% to 85.0% 100.0% 90.0% to 100.0% 50.0% 40.0% to 60.0% –" in text


def test_a_camera_that_changes_no_judgement_costs_nothing_that_shows(inputs, tmp_path):
    write(inputs["clean"], on_clean(2, 2, (0, 0, 0)))
    text = made(inputs, tmp_path / "page.html").text()
    assert "Nothing that this test could show: the same file judges all 4 test frames alike" in text
    assert "otherwise than cleanly" not in text


def test_a_vote_is_set_against_single_frames(inputs, page, tmp_path):
    text = page.text()
    assert (
        "Over 3 frames, as main.py decides, the model judges 2 of 2 test frames with complete windows otherwise than "
        "by themselves: the vote alone is right on 1, the single frame alone on 0."
    ) in text
    assert "decided as main.py does. Figures are of the 2 of 4 test frames" in text
    classes = "50.0% 40.0% to 60.0% 34.5% 50.0% 40.0% to 60.0% 34.5% – 34.5%"
    assert f"1 25.0% 15.0% to 35.0% {classes} – 4 – 3 main.py 75.0% 65.0% to 85.0% {classes} 2 differ" in text
    assert "2 differ right: vote 1, single 0 2 a training frame 1, a missing number 1 5 – – – – – 0 a missing" in text
    write(inputs["votes"], on_votes(thresholds={"bad": 0.3}))
    assert "as main.py does, with the thresholds." in made(inputs, tmp_path / "page.html").text()


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        (on_votes((0, 0, 0)), "judges all 2 test frames with complete windows as it does by themselves."),
        (on_votes(votes=5), "Unknown for the 5 frames that main.py decides over: no test frame has a complete window"),
        (on_votes(votes=1), "main.py decides by single frames: bundle.votes is 1."),
        (on_votes(why="No <window>.", frames=0), "Unknown: No <window>. main.py decides over 3 frames in a row."),
        (on_votes(why="None.", frames=0, votes=1), "Unknown: None. main.py decides over 1 frame in a row."),
    ],
)
def test_what_a_vote_brings_where_there_is_little_to_say(inputs, tmp_path, votes, said):
    write(inputs["votes"], votes)
    page = made(inputs, tmp_path / "page.html")
    assert said in page.text()
    assert "otherwise than by themselves" not in page.text()
    assert page.open == []


def test_wrong_frames_are_shown_with_their_own_pixels_the_most_confident_first(page):
    assert pictures(page)[:2] == [
        (f"{HOSTILE}: good, judged no_mask", 60),
        ("b-5.jpg: bad, judged good", 40),
    ]
    assert "All 2, the most confident mistake first" in page.text()
    assert f"good , judged no_mask 97.0% {HOSTILE} bad , judged good 61.0% b-5.jpg" in page.text()


def test_training_frames_are_shown_in_the_order_of_the_split(page):
    shown = [("a-1.jpg: bad", 0), ("a-2.jpg: good", 10), ("a-3.jpg: no_mask", 20), ("a-4.jpg: good", 30)]
    assert pictures(page)[2:] == shown
    assert "The first 4 of selection coreset-6, in the order of their picking" in page.text()


def test_no_more_than_48_wrong_and_40_training_frames_are_shown(inputs, tmp_path):
    many = pd.DataFrame(
        [
            (f"c-{n}.jpg", part, "bad", "good", n / 100)
            for part, n in [*(("test", n) for n in range(60)), *(("train", n) for n in range(60))]
        ],
        columns=["path", "part", "label", "predicted", "p_good"],
    )
    many["sha256"], many["row"] = [f"f{n:063x}" for n in range(len(many))], 0
    write(inputs["split"], many)
    write(inputs["models"][0]["predictions"]["calibrated"], many)
    page = made(inputs, tmp_path / "page.html")
    names = [alt for alt, _ in pictures(page)]
    assert len(names) == 48 + 40
    assert names[0] == "c-59.jpg: bad, judged good"
    assert "The 48 most confident of 60" in page.text()


def test_equal_probabilities_are_ordered_by_path():
    rows = [("z", 0.5), ("a", 0.5), ("m", 0.7)]
    table = pd.DataFrame(rows, columns=["path", "p_good"]).assign(part="test", label="bad", predicted="good")
    assert [row["path"] for row in wrong(table)] == ["m", "a", "z"]


def test_a_model_without_mistakes_says_so(inputs, tmp_path):
    path = inputs["models"][0]["predictions"]["calibrated"]
    table = pd.read_csv(path, keep_default_na=False)
    write(path, table[table["part"] != "test"])
    assert "None: it judged all 4 right." in made(inputs, tmp_path / "page.html").text()


def test_nothing_of_the_data_becomes_markup(page):
    assert not {"script", "i", "b"} & {name for name, tag in page.tags if "style" not in tag}
    assert HOSTILE in page.text()
    assert "000<i>.jpg quarantined empty & void 1,234" in page.text()
    assert "test/<b>.jpg" in page.text()


def test_the_page_is_well_formed_and_loads_nothing(inputs, tmp_path):
    inputs["pretraining"] = {"resnet9-8": write(tmp_path / "ssl.csv", pd.DataFrame({"epoch": [1], "loss": [4.5]}))}
    page = made(inputs, tmp_path / "page.html")
    assert page.open == []
    for _, tag in page.tags:
        for key in ("src", "srcset"):
            assert tag.get(key, "data:").startswith("data:")
        assert tag.get("href", "#").startswith("#")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|https?:", text)
    assert str(tmp_path) not in text
    names = [tag["id"] for _, tag in page.tags if "id" in tag]
    assert len(names) == len(set(names))
    assert {tag["href"] for name, tag in page.tags if name == "a"} == {f"#{name}" for name in names}
    assert all(tag.get("alt") for name, tag in page.tags if name == "img")
    levels = [int(name[1]) for name, _ in page.tags if re.fullmatch(r"h\d", name)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_curves_show_pretraining_where_there_was_one(inputs, tmp_path):
    def plots() -> list[str]:
        page = made(inputs, tmp_path / "page.html")
        return [tag["alt"] for name, tag in page.tags if name == "img" and "svg" in tag["src"]]

    assert plots() == ["Training loss over 3 epochs: training from 3.000 to 1.000."]
    pretrained = pd.DataFrame({"epoch": [1, 2], "loss": [4.5, 4.25]})
    inputs["pretraining"] = {"resnet9-8": write(tmp_path / "ssl.csv", pretrained)}
    assert plots()[1:] == ["Pretraining loss, resnet9-8 over 2 epochs: loss from 4.500 to 4.250."]


def test_what_the_folds_said_and_what_each_threshold_costs(inputs, page, tmp_path):
    text = page.text()
    assert "a model trained without its fold: 87.6% of 123 right, balanced accuracy 77.7%." in text
    assert "error of the probabilities is 5.7% (12.3% before their temperature of 1.2345)." in text
    assert "bad 98.0% 0.348 19 of 20 (85.0% to 100.0%) 7 of 100, 7.0%" in text
    assert "main.py decides for the highest score; no threshold is set." in text
    rival = inputs["candidates"][0] | {
        "model": "a rival",
        "thresholds": write(tmp_path / "rival.json", on_thresholds(good=0.9)),
    }
    inputs["candidates"].insert(0, rival)
    write(inputs["candidates"][1]["thresholds"], on_thresholds(bad=0.34765625, good=0.5))
    text = made(inputs, tmp_path / "page.html").text()
    assert "main.py decides by these thresholds: bad from 0.348 on, good from 0.500 on." in text


def test_a_class_that_no_fold_held_out_has_no_share(page):
    assert "no_mask 100.0% 0.996 0 of 0 (– to –) 0 of 120, 0.0%" in page.text()


def test_the_data_are_counted(page):
    text = page.text()
    assert "8 usable frames, 1 duplicate, 0 quarantined. 1 unlabelled frames" in text
    assert "train 42 42 42 126 test 41 41 41 123" in text
    assert "within 25 frames of a training frame of the same sequence: 3 of 4." in text
    assert "the same bytes stand in train: 1." in text
    assert "The first 50 of 53; index/quarantine.csv lists all." in text
    assert "049<i>.jpg" in text
    assert "050<i>.jpg" not in text
    assert "dataset: {name: belt}" in text
    assert "torch 2.14.1" in text


def test_nothing_set_aside_and_no_unlabelled_frame(inputs, tmp_path):
    write(inputs["quarantine"], pd.read_csv(inputs["quarantine"]).head(0))
    split = pd.read_csv(inputs["split"], keep_default_na=False)
    write(inputs["split"], split[split["part"] != "unlabelled"])
    summary = json.loads(inputs["summaries"]["coreset-6"].read_text())
    summary["left_out_of_test"], summary["near_training"]["test_frames"] = [], 0
    write(inputs["summaries"]["coreset-6"], summary)
    text = made(inputs, tmp_path / "page.html").text()
    assert "Frames that were set aside None." in text
    assert "No unlabelled frames" in text
    assert "stand in train: 0." in text
    assert "may be harder" not in text


def test_frames_near_training_frames_and_unsure_ones(page):
    text = page.text()
    assert "Frames that nobody is sure of, and that are in no part: 2; selected for the test: 1." in text
    assert "nobody is sure of their label: 1 of 5 frames. They may be the hard ones." in text
    assert "at most 25 frames away in its sequence 66.7% 56.7% to 76.7% 2 of 3 0.0% 0.0% to 10.0% 0 of 1" in text
    assert "+50.0 points -12.3 to +80.0" in text
    assert "unknown: too few frames follow each other by number" in text


def test_whether_choosing_pays_where_it_was_studied(page, inputs, tmp_path):
    assert "Does choosing frames pay?" not in page.text()
    random = {"learner": "finetuned", "strategy": "random", "labels": 25, "value": 0.8, "low": 0.75, "high": 0.85}
    random |= {"gain": {"value": 0.0, "low": 0.0, "high": 0.0}}
    ours = random | {"strategy": "coreset", "value": 0.9, "gain": {"value": 0.1, "low": 0.02, "high": 0.18}}
    results = [row | {"learner": learner} for learner in ("finetuned", "probe") for row in (random, ours)]
    found = {"embedded": "swift7-112-simclr", "seeds": 2, "test_frames": 40, "confidence": 0.95, "results": results}
    summary = write(
        tmp_path / "summary.json", found | {"verdict": ["coreset, finetuned: <better>."], "by_chance": "About 0.1."}
    )
    Image.new("RGB", (8, 8), (7, 7, 7)).save(tmp_path / "plot.png")
    inputs["studied"] = {"summary": str(summary), "plot": str(tmp_path / "plot.png")}
    studied = made(inputs, tmp_path / "page.html")
    text = studied.text()
    assert "Does choosing frames pay?" in text
    assert "coreset, finetuned: <better>." in text
    assert text.index("linear probe 25") < text.index("finetuned 25 80.0% 75.0% to 85.0% 90.0%")
    assert "+10.0 (+2.0 to +18.0)" in text
    assert 7 in [grey for _, grey in pictures(studied)]
    assert studied.open == []


def test_a_single_model_is_no_sweep(page):
    assert "All models" not in page.text()


def test_a_sweep_lists_all_models_and_their_spread_over_seeds(inputs, tmp_path):
    with_model(inputs, "resnet9-8-none/coreset-6/seed-2", 1, tmp_path)
    with_model(inputs, "resnet9-8-none/random-6/seed-1", 4, tmp_path, competes=False)
    page = made(inputs, tmp_path / "page.html")
    text = page.text()
    # Float: 75% and 25%, quantized: 50% and 25%.
    assert "resnet9-8 none coreset-6 2 51.4% ± 37.3 50.0% ± 35.4 25.0% ± 35.4 50.0% ± 0.0 – 37.5% ± 17.7" in text
    assert "resnet9-8 none random-6 1 25.0% 100.0% 0.0% 50.0% – –" in text
    assert "resnet9-8 chosen none coreset-6 1 0.432 77.7% 75.0% 50.0% 50.0% – 50.0%" in text
    assert "resnet9-8 none coreset-6 2 0.900 25.0% 25.0% 0.0% 50.0% – 25.0%" in text
    assert page.open == []


def test_equal_inputs_give_equal_bytes(inputs, tmp_path):
    report(**inputs, page=tmp_path / "one.html")
    report(**deepcopy(inputs), page=tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_the_mean_leaves_out_what_is_unknown():
    assert mean([0.5, None]) == "50.0%"
    assert mean([None]) == "–"
    assert mean([0.4, 0.6, None]) == "50.0% ± 14.1"
