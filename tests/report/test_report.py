"""The report: the figures of its inputs, nothing from elsewhere, the same bytes."""

import itertools
import json
import re
from dataclasses import replace

import pytest

from linecam.report.text import duration, mean
from tests.evaluation.made_up import choice_of
from tests.report.made_up import (
    CHOSEN,
    CONFIG,
    COST,
    FINDING,
    HOSTILE,
    metrics,
    on_clean,
    on_votes,
    prepare,
    pretrained,
    ratio,
    write,
)


def test_the_answer_that_never_looks_stands_beside_the_model_from_the_first_sentence_on(page):
    assert "2 of 4 right 50.0 %, likely 40.0 % to 60.0 % always saying good would be right on 2" in page.text("result")
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
    assert "bad parts missed (worst) 1 of 2 50.0 %, likely 40.0 % to 60.0 % 1 taken for good" in result
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
    assert page.text().startswith("belt: linecam report belt: good parts rejected: 59 of 116; no_mask missed: 0 of 30")
    assert "The worst class is good : 59 of 116 are rejected. That is weak" in result
    assert (
        "good parts rejected (worst) 59 of 116 50.9 %, likely 40.9 % to 60.9 % 58 taken for bad, 1 no decision"
        in result
    )
    assert "Of 112 frames that it calls bad, 54 are." in result
    assert "141 of 200 right" in result
    assert result.count("weak") == 2, "in the sentence and on the tile of the class"
    assert [row[-1] for row in page.rows("Confusion matrix, by thresholds")[:2]] == ["100.0 %", "49.1 %"]


def test_commands_are_those_that_one_types_for_this_dataset(inputs, tmp_path):
    inputs.setup = replace(inputs.setup, options="--configfile config/caps.yaml")
    shown = inputs.write(tmp_path / "page.html").text("next")
    assert "snakemake select_next --configfile config/caps.yaml linecam label --configfile config/caps.yaml" in shown


def test_what_a_class_means_stands_beside_it(inputs, page, tmp_path):
    assert "folded over" not in page.text()
    inputs.setup = replace(inputs.setup, definitions={"bad": "A mask that is <folded over>."})
    shown = inputs.write(tmp_path / "page.html")
    assert "(worst) A mask that is <folded over>. 1 of 2" in shown.text("result")
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
        "always good for comparison: the same answer for every frame": [
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
        (on_votes(votes=1), "main.py decides by single frames: bundle.votes says so, or the frames are not"),
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


def test_a_time_is_as_exact_as_matters():
    assert [duration(value) for value in (0.44, 9.96, 59.4, 59.6, 185, 7815)] == [
        "0.4 s", "10 s", "59 s", "1 min 0 s", "3 min 5 s", "2 h 10 min",
    ]  # fmt: skip


def test_equal_inputs_give_equal_bytes(tmp_path):
    inputs = prepare(tmp_path)
    for name in ("one", "two"):
        inputs.write(tmp_path / f"{name}.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_the_mean_leaves_out_what_is_unknown():
    assert mean([0.5, None]) == "50.0 %"
    assert mean([None]) == "–"
    assert mean([0.4, 0.6, None]) == "50.0 ± 14.1 %"
