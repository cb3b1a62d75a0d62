"""COCO's, FiftyOne's and CVAT's files: an image's one label is taken, and what is damaged is refused in plain words."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linecam.errors import UserError
from linecam.labels.dataset import Dataset
from linecam.labels.exchange import import_labels
from linecam.labels.importers import read_file
from linecam.labels.reading import Reading
from linecam.workflow.config import read_settings
from linecam.workflow.labelled import dataset_of
from tests.labels.label_files import CLASSES, labels, make_project

ANY = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dataset(folder: Path) -> Dataset:
    make_project(folder)
    return dataset_of(read_settings(["config/mine.yaml"]))


def read(content: object) -> Reading:
    """The content of a file, text or what becomes JSON."""
    Path("file").write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_file(Path("file"), "auto", CLASSES)


def taken(reading: Reading) -> list[tuple[str, str]]:
    assert not [row.problem for row in reading.rows if row.problem]
    return [(row.path, row.label) for row in reading.rows]


def problems(reading: Reading) -> list[str]:
    return [f"{row.where}: {row.problem}" for row in reading.rows if row.problem]


def refusal(content: object) -> str:
    with pytest.raises(UserError) as error:
        read(content)
    assert str(error.value).startswith("file ")
    assert "\n" not in str(error.value)
    return str(error.value)


# --- COCO

CATEGORIES = [{"id": 0, "name": "caps", "supercategory": "none"}] + [
    {"id": number, "name": name, "supercategory": "caps"} for number, name in enumerate(CLASSES, 1)
]


def coco(images: list[object], annotations: list[object], **more: object) -> dict:
    return {"info": {}, "licenses": [], "categories": CATEGORIES, "images": images, "annotations": annotations} | more


def image(number: int, name: str) -> dict:
    return {"id": number, "file_name": name, "width": 96, "height": 96}


def box(number: int, image_id: int, category: int, **more: object) -> dict:
    about = {"id": number, "image_id": image_id, "category_id": category, "bbox": [1, 2, 3, 4], "area": 12}
    return about | {"segmentation": [], "iscrowd": 0} | more


def test_coco_is_imported_by_names(dataset: Dataset) -> None:
    export = coco(
        [image(1, "day1/C-1.jpg"), image(2, "D-7_png.rf.0a1b2c3d4e5f.jpg"), image(3, "images/8ecace46-D-8.png")],
        [box(1, 1, 1), box(2, 1, 1), {"id": 3, "image_id": 2, "category_id": 2}, box(4, 3, 3)],
    )
    Path("_annotations.coco.json").write_text(json.dumps(export))
    outcome = import_labels(dataset, Path("_annotations.coco.json"), by=["Ann"])
    assert (outcome.new, outcome.note) == (3, "")
    assert labels(dataset) == [
        ("D-7.png", "good", "Ann"),
        ("D-8.png", "no_mask", "Ann"),
        ("day1/C-1.jpg", "bad", "Ann"),
    ]


def test_a_frame_that_is_called_as_roboflow_calls_it_comes_first(dataset: Dataset) -> None:
    known = dataset.index.read_text()
    dataset.index.write_text(known.replace("D-8.png", "D-7_png.rf.0a1b.jpg"))
    Path("a.json").write_text(json.dumps(coco([image(1, "D-7_png.rf.0a1b.jpg")], [box(1, 1, 1)])))
    assert import_labels(dataset, Path("a.json")).new == 1
    assert "D-7_png.rf.0a1b.jpg,bad" in dataset.labels.read_text()


def test_an_image_of_several_categories_is_refused_by_name_and_one_of_none_is_counted() -> None:
    reading = read(coco([image(1, "a.jpg"), image(2, "b.jpg"), image(3, "c.jpg")], [box(1, 1, 1), box(2, 1, 2)]))
    assert problems(reading) == ["image 1, a.jpg: 2 labels (bad, good); a frame has one"]
    assert reading.skipped == {"without a label": 2}
    assert reading.format == "coco"


def test_what_a_model_has_drawn_is_no_label() -> None:
    guessed = [box(1, 1, 1, score=0.9), box(2, 2, 1, score=0.9), box(3, 2, 2)]
    reading = read(coco([image(1, "a.jpg"), image(2, "b.jpg")], guessed))
    assert taken(reading) == [("b.jpg", "good")]
    assert reading.skipped == {"predictions of a model": 1}


def test_ids_may_be_text() -> None:
    categories = [{"id": "x", "name": "good"}]
    named = [{"id": "one", "file_name": "https://host/a%20b.jpg?size=1"}]
    assert taken(read(coco(named, [box(1, "one", "x")], categories=categories))) == [("/a b.jpg", "good")]


def test_everything_that_is_wrong_with_coco_is_named() -> None:
    twice = [*CATEGORIES, {"id": 2, "name": "other"}, {"id": 9}, 7]
    reading = read(
        coco(
            [image(1, "a.jpg"), image(1, "b.jpg"), {"id": 3}, {"file_name": "c.jpg"}, None, image(True, "d.jpg")],
            [box(1, 1, 1), box(2, 8, 1), box(3, 1, 8), {"id": 4, "image_id": 1}, {"category_id": 1}, "x"],
            categories=twice,
        )
    )
    assert problems(reading) == [
        "image 1: a.jpg and b.jpg have the same id",
        *[f"image number {number}: it has no id or no file_name" for number in (3, 4, 5, 6)],
        "category 2: good and other have the same id",
        "category number 6: it has no id or no name",
        "category number 7: it has no id or no name",
        "annotation 2: its image_id 8 is not among the images",
        "annotation 3: its category_id 8 is not among the categories",
        "annotation 4: it has no image_id or no category_id",
        "annotation 5: it has no image_id or no category_id",
        "annotation 6: it has no image_id or no category_id",
    ]


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_coco_without_one_of_its_lists(key: str) -> None:
    whole = coco([image(1, "a.jpg")], [box(1, 1, 1)])
    assert f"but {key} is no list. Expected are the lists" in refusal(whole | {key: {"1": 2}})
    del whole[key]
    expected = "JSON that linecam does not understand" if key == "images" else f"but {key} is not there"
    assert expected in refusal(whole)


# --- FiftyOne


def test_fiftyone_is_imported_by_names(dataset: Dataset) -> None:
    found = {"C-2": 1, "day1/C-1": 0, "D-7": None, "D-8": {"label": 2, "attributes": {}}}
    Path("labels.json").write_text(json.dumps({"classes": CLASSES, "labels": found}))
    outcome = import_labels(dataset, Path("labels.json"))
    assert outcome.skipped == {"without a label": 1}
    assert labels(dataset) == [("D-8.png", "no_mask", ""), ("day1/C-1.jpg", "bad", ""), ("day1/C-2.jpg", "good", "")]


def test_fiftyone_s_other_ways_to_say_a_label() -> None:
    found = {"a": "good", "b": [0, 0], "c": {"label": "bad", "confidence": 0.9}, "d": [], "e": {}}
    reading = read({"classes": CLASSES, "labels": found})
    assert taken(reading) == [("a", "good"), ("b", "bad")]
    assert reading.skipped == {"predictions of a model": 1, "without a label": 2}
    assert taken(read({"classes": None, "labels": {"a": "good"}})) == [("a", "good")]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (3, "a label 3 is neither a name nor the number of one of 3 classes"),
        (-1, "a label -1 is"),
        (True, "a label True is"),
        (1.5, "a label 1.5 is"),
        ([1, 9], "a label 9 is"),
        ([[1]], "a label that is a list or an object is neither"),
        ([0, 1], "2 labels (bad, good); a frame has one"),
    ],
)
def test_what_is_wrong_with_fiftyone_s_labels(target: object, told: str) -> None:
    (problem,) = problems(read({"classes": CLASSES, "labels": {"a": target}}))
    assert problem.startswith(f"a: {told}")


def test_what_is_wrong_with_fiftyone_s_file() -> None:
    for classes in ("good", [1], {"0": "good"}):
        assert "its classes are no list of names" in refusal({"classes": classes, "labels": {"a": 0}})
    assert "the key 'a' stands twice" in refusal('{"classes": ["bad"], "labels": {"a": 0, "a": 0}}')
    assert problems(read({"labels": {"a": 0}}))[0].endswith("of 0 classes")


# --- CVAT


def cvat(images: str) -> str:
    meta = "<version>1.1</version><meta><task><name>caps</name><image><x/></image></task></meta>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{meta}\n{images}\n</annotations>\n'


def test_cvat_is_imported_by_names(dataset: Dataset) -> None:
    Path("annotations.xml").write_text(
        cvat(
            '<image id="0" name="day1/C-1.jpg" width="9" height="9"><tag label="bad" source="manual"></tag></image>\n'
            '<image id="1" name="odd/é &amp;&quot;%20, 3.jpg"><box label="good" source="semi-auto" xtl="1">'
            '<attribute name="label">bad</attribute></box><polygon label="good"/></image>\n'
            '<image id="2" name="D-7.png"><tag label="no_mask"/><box label="bad"/></image>\n'
            '<image id="3" name="D-8.png" />'
        ),
        encoding="utf-8",
    )
    outcome = import_labels(dataset, Path("annotations.xml"))
    assert outcome.skipped == {"without a label": 1}
    assert [row[:2] for row in labels(dataset)] == [
        ("D-7.png", "no_mask"),
        ("day1/C-1.jpg", "bad"),
        ('odd/é &"%20, 3.jpg', "good"),
    ]


def test_what_is_wrong_with_cvat_s_images() -> None:
    reading = read(
        cvat(
            '<image name="a.jpg"><tag label="bad"/><tag label="good"/></image>\n'
            '<image name="b.jpg"><box label="bad"/><points label="good"/></image>\n'
            '<image><tag label="bad"/></image>\n'
            '<image name="d.jpg"><tag/></image>\n'
            '<image name="e.jpg"><tag label="bad" source="auto"/></image>\n'
            '<image name="f.jpg"><tag label="bad" source="auto"/><tag label="good" source="manual"/></image>'
        )
    )
    assert problems(reading) == [
        "line 3, a.jpg: 2 labels (bad, good); a frame has one",
        "line 4, b.jpg: 2 labels (bad, good); a frame has one",
        "line 5: the image has no name",
        "line 6, d.jpg: an annotation has no label",
    ]
    assert reading.skipped == {"predictions of a model": 1}
    assert [(row.path, row.label) for row in reading.rows if not row.problem] == [("f.jpg", "good")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<annotation><object/></annotation>", "XML that begins with <annotation>. Expected is an export of CVAT"),
        ("<html><body>", "XML that begins with <html>"),
        (cvat('<track id="0" label="bad"/>'), "is CVAT's XML for videos. Expected is"),
        (cvat('<image name="a.jpg">'), "cannot be read as XML: mismatched tag, in line 4"),
        (cvat("")[:-5], "cannot be read as XML: unclosed token, in line 4. Export it again"),
        ("<", "cannot be read as XML"),
        ('<!DOCTYPE annotations SYSTEM "http://host/x.dtd"><annotations/>', "has a <!DOCTYPE>"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>', "has a <!DOCTYPE>"),
        ('<!DOCTYPE a [<!ENTITY x "1"><!ENTITY y "&x;&x;">]><annotations>&y;</annotations>', "has a <!DOCTYPE>"),
        ("<annotations>&x;</annotations>", "undefined entity"),
    ],
)
def test_what_is_no_xml_of_cvat(text: str, told: str) -> None:
    assert told in refusal(text)


def test_xml_in_utf_16() -> None:
    text = cvat('<image name="größe.jpg"><tag label="bad"/></image>').replace("utf-8", "utf-16")
    Path("file").write_text(text, encoding="utf-16")
    assert taken(read_file(Path("file"), "cvat", CLASSES)) == [("größe.jpg", "bad")]


# --- all of them


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: json.dumps(coco([], [])), "coco"),
        (lambda: json.dumps({"labels": {}}), "fiftyone"),
        (lambda: cvat(""), "cvat"),
    ],
)
def test_the_format_is_known_by_the_content(make: Callable[[], str], name: str, dataset: Dataset) -> None:
    assert read(make()).format == name
    with pytest.raises(UserError, match=f"is of the format {name}, and --format says csv"):
        read_file(Path("file"), "csv", CLASSES)
    with pytest.raises(UserError, match="holds no label"):
        import_labels(dataset, Path("file"))


SCALARS = st.none() | st.booleans() | st.integers(-2, 4) | st.floats() | st.sampled_from(["", "bad", "a.jpg", "\ud800"])
LISTS = ["images", "annotations", "categories", "labels"]
FIELDS = ["id", "file_name", "name", "image_id", "category_id", "score", "label", "confidence", "classes"]
KEYS = st.sampled_from([*FIELDS, *LISTS])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@ANY
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(LISTS, VALUES)), VALUES)
def test_any_json_is_read_or_refused(folder: Path, data: dict, value: object) -> None:
    records = [value] if isinstance(value, dict) else value
    for one in (data, coco([], []) | data, coco(records, records, categories=records), {"classes": CLASSES} | data):
        read_or_refused(json.dumps(one).encode())


PIECES = [
    "<annotations>",
    "</annotations>",
    "<image name='a.jpg'>",
    "<image>",
    "</image>",
    "<tag label='bad'/>",
    "<tag/>",
]
PIECES += [
    "<box label='good'>",
    "</box>",
    "<track/>",
    "<!DOCTYPE a>",
    "<!-- -->",
    "&x;",
    "&#0;",
    "<",
    "é",
    "\ufeff",
    "\n",
]


@ANY
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_xml_is_read_or_refused(folder: Path, pieces: list[str]) -> None:
    for text in ("<" + "".join(pieces), "<annotations>" + "".join(pieces) + "</annotations>"):
        read_or_refused(text.encode())


@ANY
@given(st.data())
def test_a_damaged_file_is_read_or_refused(folder: Path, data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from(
            [
                json.dumps(coco([image(1, "a.jpg")], [box(1, 1, 1)])).encode(),
                json.dumps({"classes": CLASSES, "labels": {"a": 0}}).encode(),
                cvat('<image name="a.jpg"><tag label="bad"/></image>').encode(),
            ]
        )
    )
    at, until = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    read_or_refused(whole[:at] + data.draw(st.binary(max_size=3)) + whole[until:])


def read_or_refused(content: bytes) -> None:
    Path("file").write_bytes(content)
    try:
        for row in read_file(Path("file"), "auto", CLASSES).rows:
            assert bool(row.problem) != bool(row.path)
    except UserError as error:
        assert "file" in str(error)
