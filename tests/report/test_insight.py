"""The report on the network's inside: where it looks, the map of the frames, and where int8 loses."""

import base64
import gzip
import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from linecam.report import frame_map
from linecam.report.frame_map import FrameMap, Judged, quarters, sheet
from linecam.report.heat import AGAINST, FOR, overlay, place, read_heat_maps
from linecam.report.insight import insights
from linecam.report.layers import Layers, amplitude, bar
from linecam.report.packed import bokeh_scripts, policy_hash
from linecam.report.text import percent
from tests.report.insight_files import insight_files, layers

CLASSES = ["bad", "good"]
HOSTILE = "</script><b>.jpg"
# Path, part, label, and what the model says with which probability.
FRAMES = [
    ("a-1.jpg", "train", "bad", "bad", 0.9),
    ("a-2.jpg", "train", "good", "bad", 0.8),
    ("b-3.jpg", "test", "bad", "good", 0.61),
    (HOSTILE, "test", "good", "bad", 0.97),
    ("b-5.jpg", "test", "good", "good", 0.7),
    ("c-6.jpg", "unlabelled", "", "bad", 0.55),
    ("c-7.jpg", "", "", "", 0.0),  # one that is in no split
]
TEMPLATES = Path(frame_map.__file__).parent


class Made:
    """The files of these frames, and what the report makes of them."""

    def __init__(self, folder: Path) -> None:
        table = pd.DataFrame(FRAMES, columns=["path", "part", "label", "predicted", "p"])
        table["sha256"] = [f"{n:064x}" for n in range(len(table))]
        table["row"] = range(len(table) - 1, -1, -1)  # not in the order of the split
        self.table, self.folder = table, folder
        self.files = insight_files(folder, table)
        self.pixels = np.stack([np.full((8, 8, 3), 30 * row, np.uint8) for row in range(len(table))])
        np.save(folder / "8.npy", self.pixels)
        split = table[table["part"] != ""]
        split[["row", "sha256", "path", "part", "label"]].assign(by="").to_csv(folder / "split.csv", index=False)
        for name in CLASSES:
            table[f"p_{name}"] = np.where(table["predicted"] == name, table["p"], 0.01)
        table[table["part"] == "test"].to_csv(folder / "int8.csv", index=False)
        table[table["part"] == "train"].to_csv(folder / "held_out.csv", index=False)

    def insights(self) -> dict:
        return insights(
            self.files,
            split=self.folder / "split.csv",
            pixels=self.folder / "8.npy",
            predictions=self.folder / "int8.csv",
            held_out=self.folder / "held_out.csv",
            classes=CLASSES,
            dataset="caps",
        )

    def page(self) -> str:
        """The sections, as the report includes them."""
        environment = Environment(
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        )
        environment.filters |= {"percent": percent, "amplitude": amplitude, "ratio_bar": bar}
        names = ("heat", "frame_map", "layers")
        parts = "".join(f"{{% include 'sections/{name}.html.j2' %}}" for name in names)
        text = "{% from 'sections/macros.html.j2' import number %}" + parts
        return environment.from_string(text).render(**self.insights())


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def unpacked(content: str) -> str:
    return gzip.decompress(base64.b64decode(content)).decode()


def opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


# --- Where the network looks


def test_each_mistake_has_its_own_pixels_and_words(made: Made) -> None:
    shown, in_all = read_heat_maps(made.files.mistakes, made.files.heat, made.pixels)
    assert in_all == 2
    assert [(one.path, one.label, one.predicted, one.p) for one in shown] == [
        (HOSTILE, "good", "bad", 0.97),
        ("b-3.jpg", "bad", "good", 0.61),
    ]
    # Row 3 of the pixels and row 4, by a JPEG.
    assert [opened(one.picture).getpixel((4, 4))[0] for one in shown] == pytest.approx([90, 120], abs=2)
    assert {one.strongest for one in shown} == {"top right"}
    assert "is strongest at the top right" in made.page()


def test_an_overlay_is_orange_for_and_blue_against_and_clear_between() -> None:
    heat = np.zeros((3, 3), np.float32)
    heat[0, 0], heat[2, 2] = 4, -2
    picture = opened(overlay(heat))
    side = picture.width
    strong, weak, nothing = (picture.getpixel(at) for at in ((7, 7), (side - 8, side - 8), (side // 2, side // 2)))
    assert strong[:3] == FOR
    assert weak[:3] == AGAINST
    assert strong[3] > 1.5 * weak[3] > 0
    assert nothing[3] < 20


def test_a_frame_without_evidence_is_left_clear() -> None:
    assert opened(overlay(np.zeros((6, 6), np.float32))).getextrema()[3] == (0, 0)


@pytest.mark.parametrize(
    ("at", "words"), [((0, 0), "top left"), ((2, 3), "middle"), ((5, 3), "bottom middle"), ((3, 5), "middle right")]
)
def test_the_strongest_place_in_words(at: tuple[int, int], words: str) -> None:
    heat = np.full((6, 6), -1, np.float32)
    heat[at] = 1
    assert place(heat) == words


def test_a_model_without_mistakes_has_no_such_section(made: Made) -> None:
    table = made.table.assign(predicted=made.table["label"])
    made.files = insight_files(made.folder, table)
    assert "Where the network looks" not in made.page()


# --- The map


def columns(made: Made) -> dict:
    return json.loads(unpacked(made.insights()["frame_map"].data))


def test_the_map_knows_part_label_and_verdict_of_each_frame(made: Made) -> None:
    found = columns(made)
    assert found["path"] == [path for path, *_ in FRAMES]
    assert found["part"] == [0, 0, 1, 1, 1, 2, 2]
    assert found["label"] == [0, 1, 0, 1, 1, -1, -1]
    assert found["said"] == [0, 0, 1, 0, 1, 0, -1]
    assert found["p"] == [0.9, 0.8, 0.61, 0.97, 0.7, 0.55, None]
    assert found["picked"] == [0, 2, -1, -1, -1, -1, -1]
    assert found["x"] == pytest.approx(np.linspace(0, 1, 7))


def test_quarters_of_the_order_of_picking() -> None:
    assert list(quarters([str(n) for n in range(8)]).values()) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert quarters([]) == {}


def test_each_thumbnail_lies_where_the_script_looks_for_it() -> None:
    pixels = np.stack([np.full((8, 8, 3), 40 * n, np.uint8) for n in range(6)])
    picture = opened(sheet(pixels, np.array([5, 4, 3, 2, 1]), 16, 2))
    assert picture.size == (32, 48)
    greys = [picture.getpixel((right * 16 + 8, down * 16 + 8))[0] for down in range(3) for right in range(2)]
    assert greys == pytest.approx([200, 160, 120, 80, 40, 0], abs=3)


def test_more_thumbnails_are_coarser_and_stay_below_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 8, 8, 3), np.uint8)
    rows = np.arange(40)
    fine = sheet(pixels, rows, 24, 7)
    monkeypatch.setattr(frame_map, "SHEET_BYTES", len(fine) // 2)
    assert len(sheet(pixels, rows, 24, 7)) <= len(fine) // 2 + 30
    assert opened(sheet(pixels, rows, 24, 7)).size == opened(fine).size


def test_many_frames_have_small_thumbnails(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_map, "FEW", 6)
    assert columns(made)["side"] == frame_map.SMALL < frame_map.LARGE


def test_a_map_of_some_of_the_frames_says_so(made: Made) -> None:
    assert "The map has all 7 usable frames." in made.page()
    pd.read_csv(made.files.places).assign(frames=25_000).to_csv(made.files.places, index=False)
    assert "The map has 7 of 25,000 frames: all that were selected" in made.page()


def test_the_policy_lets_the_scripts_of_the_page_run_and_no_other(made: Made) -> None:
    """What the browser compares is the hash of the text between the tags, and of the libraries as they are unpacked."""
    page, policy = made.page(), made.insights()["frame_map"].policy
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    libraries = re.findall(r'<script type="text/plain" class="library"[^>]*>([^<]*)</script>', page)
    assert len(scripts) == 1
    assert len(libraries) == 2
    run = [*scripts, *map(unpacked, libraries)]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    assert policy.split() == [f"'sha256-{one}'" for one in hashes]
    assert policy_hash("a") not in policy


def test_the_library_is_bokeh_and_asks_for_no_source_map() -> None:
    library, api = bokeh_scripts()
    assert "LassoSelectTool" in library
    assert "Plotting" in api
    assert "sourceMappingURL" not in library + api, "a browser with its tools open would ask for it"


def test_the_library_stays_small_in_the_page(made: Made) -> None:
    found: FrameMap = made.insights()["frame_map"]
    assert sum(map(len, found.libraries)) < 600_000


def test_a_frame_is_no_markup(made: Made) -> None:
    page = made.page()
    assert "<b>" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert HOSTILE in columns(made)["path"]


def test_equal_inputs_give_equal_bytes(made: Made) -> None:
    assert made.page() == made.page()


def test_a_class_that_is_gone_is_unknown(made: Made) -> None:
    """The unlabelled frames were judged, and then a class was renamed."""
    found = FrameMap.of(
        made.files.places,
        made.folder / "split.csv",
        {f"{5:064x}": Judged("scratched", 0.5)},
        made.pixels,
        CLASSES,
        "caps",
    )
    assert json.loads(unpacked(found.data))["said"][5] == -1


# --- Where int8 loses


def test_the_layer_that_adds_most_is_named_and_what_is_left(made: Made) -> None:
    page = re.sub(r"\s+", " ", re.sub("<.*?>", " ", made.page().partition('id="layers"')[2]))
    assert "The layer that adds the most error is 2 FULLY_CONNECTED (3): 20.0 dB, an error of 10.0 %." in page
    assert "all errors together leave 26.0 dB, an error of 5.0 %." in page
    assert "on 32 unlabelled frames" in page
    assert "2 FULLY_CONNECTED most error 3 20.0 26.0 12.5 %" in page
    assert "1 MAX_POOL_2D 4 no error 30.0 0.0 %" in page


def test_what_cannot_be_compared_says_why(made: Made) -> None:
    made.files.layers.write_text(json.dumps(layers(layers=[], why="the operators <differ>")), encoding="utf-8")
    assert "Unknown: the operators &lt;differ&gt;" in made.page()
    found = Layers.read(made.files.layers)
    assert found.worst is found.last is None


def test_a_bar_is_as_long_as_the_ratio() -> None:
    assert [bar(value) for value in (None, 60, 30, 0, -6, 90)] == [100, 100, 50, 0, 0, 100]
