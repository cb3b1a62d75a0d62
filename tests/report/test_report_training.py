"""What the report says of the training: its curves, its folds, and the models of a sweep."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from linecam.report.teacher import Teacher
from tests.evaluation.made_up import MISSING, candidate
from tests.report.made_up import on_held_out, on_thresholds, pretrained, with_model, write


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
        ([1.0, 0.9, 0.8], [0.5, 0.6, 0.7], "still falls at the end : in the last fifth of the training from 0.900 to "
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


@pytest.mark.parametrize(
    ("found", "better", "says"),
    [
        (0.8, True, "good for more than the small network makes of them."),
        (0.8, False, "That is not surely more than the model finds."),
        (0.777, False, "That is no more than the model finds."),
    ],
)
def test_the_large_network_says_whether_the_labels_are_good_for_more(
    inputs, page, tmp_path, monkeypatch, found, better, says
):
    assert "large network" not in page.text("training")
    inputs.models[0] = replace(inputs.models[0], teacher=MISSING)
    monkeypatch.setattr(Teacher, "beside", lambda *_: Teacher(found, better=better))
    text = inputs.write(tmp_path / "page.html").text("training")
    assert f"finds {100 * found:.1f} % of a class on the same unseen frames" in text
    assert says in text


@pytest.mark.parametrize(("right", "finds", "better"), [(15, 0.875, False), (16, 0.9, True)])
def test_a_teacher_is_better_where_chance_is_no_explanation(tmp_path, right, finds, better):
    """Of 20 labelled frames the model has the first 10 right, which weigh more; the large network some more."""
    labels = ["bad", "good"] * 10
    said = ["bad", "good"] * 5 + ["good", "bad"] * 5
    found = labels[:right] + said[right:]
    table = pd.DataFrame(
        {"sha256": [f"{n:064}" for n in range(20)], "label": labels, "weight": [3.0] * 10 + [1.0] * 10}
    )
    chances = {f"p_{name}": [0.9 if one == name else 0.1 for one in found] for name in ("bad", "good")}
    soft = write(tmp_path / "soft.csv", table.assign(**chances).sample(frac=1, random_state=0))
    teacher = Teacher.beside(soft, table.assign(predicted=said), ["bad", "good"])
    assert (teacher.balanced_accuracy, teacher.better) == (pytest.approx(finds), better)


def test_what_the_folds_held_out_and_what_each_threshold_costs(inputs, page, tmp_path):
    held_out = page.text("held-out")
    for figure in ("87.6 % of 123", "balanced accuracy 77.7 %", "5.7 % (12.3 % before", "temperature of 1.2345"):
        assert figure in held_out
    assert page.rows("Operating points")[0] == [
        "bad", "98.0 %", "0.348", "no: it takes 149 labels", "19 of 20 (85.0 % to 100.0 %)", "7 of 100, 7.0 %",
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
        "no: it takes 149 labels at random, and these labels say as much as 20",
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


def test_what_the_scores_are_worth_is_drawn(page):
    charts = [alt for alt, _ in page.images["held-out"]]
    assert "bad 0.0 % missed at 33.3 % false alarms; good 50.0 % missed at 0.0 % false alarms" in charts[0]
    assert "bad finds 50.0 % with a precision of 100.0 %; good finds 50.0 % with a precision of 50.0 %" in charts[1]
    assert "training frames, unseen: 75 % right of 4 where it says 90 %; test frames:" in charts[2]


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
