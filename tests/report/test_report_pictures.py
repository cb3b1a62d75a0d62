"""The frames that the report shows: wrong ones, those that int8 judges otherwise, and training frames."""

import base64
import io

import pandas as pd
from PIL import Image

from linecam.camera.region import Region
from linecam.files import sha256
from linecam.report.pictures import large_pictures, mistakes
from tests.report.made_up import DIGESTS, HOSTILE, pictures, write


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
    assert "1 test frame. Frames that float judges right come first" in page.text("confusion")
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
