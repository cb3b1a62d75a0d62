"""The plan of a run: what the sweeps of a configuration expand to, and which files are known of each model."""

from pathlib import Path
from typing import Any

import pytest

from linecam.boards.catalogue import load_boards
from linecam.errors import UserError
from linecam.workflow.config import load_settings
from linecam.workflow.plan import Plan
from linecam.workflow.study_plan import SelectionStudyPlan, StudyPlan

BELT = {"dataset": {"name": "tiny", "kind": "belt"}}
PART = {"networks": ["swift7-64"], "methods": ["none"], "labels": [25], "seeds": [1]}


def plan_of(**sections: Any) -> Plan:
    return Plan.of(load_settings(BELT | sections), load_boards())


def test_one_model_without_a_sweep():
    plan = plan_of(networks=["swift7-64"])
    assert list(map(str, plan.models)) == ["swift7-64-taught/mixed-200/seed-1"]
    assert plan.competing == plan.models
    assert plan.selecting_backbone == "teacher"
    assert plan.forms == ["float", "onnx", "calibrated", "fixed_-25_25", "fixed_-10_10", "fixed_-6_6"]


def test_frames_are_selected_by_the_first_backbone_or_by_its_teacher(tmp_path):
    networks = ["swift7-64", "swift9-96"]
    assert plan_of(networks=networks, pretrain={"methods": ["simclr", "taught"]}).selecting_backbone == (
        "swift7-64-simclr"
    )
    taught = plan_of(networks=networks, pretrain={"methods": ["taught", "simclr"]})
    assert taught.selecting_backbone == "teacher"
    assert taught.first_backbone == "swift7-64-taught"
    # Another tool's embeddings have no teacher; `read_embeddings` writes them by the backbone's name.
    assert plan_of(networks=networks, embed={"file": "other.csv"}).selecting_backbone == "swift7-64-taught"


def test_every_sweep_multiplies():
    plan = plan_of(
        networks=["swift7-64", "swift9-96"],
        pretrain={"methods": ["none", "taught"]},
        select={"strategies": ["random", "mixed"]},
        finetune={"seeds": [1, 2, 3]},
        quantize={"ranges": ["calibrated", [-4.5, 4]]},
        bundle={"boards": ["openmv-h7", "openmv-rt1062"]},
    )
    assert len(plan.models) == len(set(plan.models)) == 2 * 2 * 2 * 3
    assert {model.selection for model in plan.competing} == {"random-200"}, "only the first selection's models compete"
    assert len(plan.candidates) == 12 * 2
    assert plan.ranges == {"calibrated": None, "fixed_-4.5_4": (-4.5, 4)}
    assert plan.input_sizes == [64, 96]
    assert plan.pretrained == ["swift7-64-taught", "swift9-96-taught"]


def test_a_candidate_knows_its_files():
    plan = plan_of(networks=["swift7-64"], bundle={"boards": ["openmv-h7", "openmv-rt1062"]})
    candidate = plan.candidates[1]
    name = "swift7-64-taught/mixed-200/seed-1"
    assert candidate.tflite == Path(f"results/tiny/quantize/{name}/fixed_-25_25/model.tflite")
    assert candidate.metrics == Path(f"results/tiny/evaluate/{name}/fixed_-25_25.json")
    assert candidate.firmware["openmv-rt1062"] == Path(f"results/tiny/firmware/{name}/fixed_-25_25/openmv-rt1062.json")
    assert plan.files_for("openmv-h7")[0] == f"results/tiny/firmware/{name}/calibrated/openmv-h7.tflite"
    assert len(plan.candidate_files("firmware")) == 4 * 2
    assert len(plan.candidate_files("score")) == 1, "the ranges of a model share its score"


def test_models_that_do_not_compete_are_evaluated_in_float_alone():
    plan = plan_of(select={"strategies": ["mixed", "random"]}, quantize={"ranges": ["calibrated"]})
    first, second = plan.trained
    assert list(first.metrics) == ["float", "onnx", "calibrated"]
    assert list(first.predictions) == ["calibrated"]
    assert list(second.metrics) == ["float"]
    assert second.predictions == {}


def test_params_survive_the_way_to_a_script():
    plan = plan_of()
    for objects, params in ((plan.candidates, plan.candidate_params), (plan.trained, plan.trained_params)):
        assert [type(one).from_param(param) for one, param in zip(objects, params, strict=True)] == objects


def test_a_folder_with_train_and_test_has_a_given_split(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part / "good").mkdir(parents=True)
    dataset = {"name": "caps", "kind": "folder", "source": str(tmp_path), "classes": ["good", "bad"]}
    assert plan_of(dataset=dataset).selections == ["given"]
    (tmp_path / "test/good").rmdir()
    with pytest.raises(UserError, match="nothing in test/ is labelled"):
        plan_of(dataset=dataset)
    for name, selection in (("mixed", "mixed-200"), ("given", "given")):
        assert plan_of(dataset=dataset, select={"strategies": [name]}).selections == [selection]
    (tmp_path / "test").rmdir()
    assert plan_of(dataset=dataset).selections == ["mixed-200"]


def test_a_vote_that_the_frames_names_decide_is_evaluated_whatever_they_say():
    assert plan_of().votes == [1, 3, 5]
    assert plan_of(bundle={"votes": 7}).votes == [1, 3, 5, 7]
    assert plan_of().config["bundle"]["votes"] is None


def test_labels_seed_and_folds_of_a_selection():
    plan = plan_of(select={"train": 120, "seed": 7}, finetune={"folds": 4})
    assert [plan.labels_of(name) for name in ("mixed-120", "given", "mixed-120-first-25")] == [120, 120, 25]
    assert [plan.seed_of(name) for name in ("mixed-120", "random-25-draw-3")] == [7, 3]
    assert [plan.folds_of(name) for name in ("mixed-120", "random-25-draw-3", "mixed-120-first-25")] == [4, 0, 0]
    assert plan.counts_of("random-25-draw-3") == "study_selection.labels"
    assert [plan.needs_embeddings(name) for name in ("random-25", "given", "mixed-120")] == [False, False, True]


def test_fewer_labels_take_as_many_steps():
    plan = plan_of(select={"train": 200}, finetune={"epochs": 300})
    assert plan.recipe("mixed-200")["epochs"] == 300
    assert plan.recipe("mixed-200-first-25")["epochs"] == 2400
    assert plan.recipe("given")["epochs"] == 300
    assert plan_of().recipe("mixed-200")["epochs"] is None


def test_a_bundle_is_not_made_from_shards_definitions_or_the_place_of_the_key(tmp_path):
    (tmp_path / "key.pem").write_text("a key")
    config = plan_of(
        shards=3,
        dataset=BELT["dataset"] | {"definitions": {"bad": "A scratch."}},
        bundle={"signing_key": str(tmp_path / "key.pem")},
    ).config
    assert "shards" not in config
    assert "definitions" not in config["dataset"]
    assert "signing_key" not in config["bundle"]
    assert config["camera"]["side"] == 240


# --- The study


def test_a_study_has_each_model_once():
    parts = [PART, PART | {"labels": [25, 200]}]
    study = StudyPlan(plan_of(study=parts))
    assert [(model.labels, model.seed) for model in study.models] == [(25, 1), (200, 1)]


def test_a_study_trains_on_the_first_frames_of_the_selection():
    study = StudyPlan(plan_of(study=[PART | {"labels": [25, 200]}]))
    assert [model.float_metrics.parent.relative_to("results/tiny/evaluate").as_posix() for model in study.models] == [
        "swift7-64-none/mixed-200-first-25/seed-1-as_trained",
        "swift7-64-none/mixed-200/seed-1-as_trained",
    ]


def test_int8_is_made_of_the_models_with_most_labels():
    study = StudyPlan(plan_of(study=[PART | {"labels": [25, 200]}]))
    few, most = study.models
    assert few.int8_metrics is None
    folder = "swift7-64-none/mixed-200/seed-1-as_trained"
    assert most.int8_metrics == Path(f"results/tiny/evaluate/{folder}/calibrated.json")
    assert most.firmware == Path(f"results/tiny/firmware/{folder}/calibrated/openmv-h7.json")
    known = [few.float_metrics, most.float_metrics, most.int8_metrics, most.int8_predictions, most.firmware]
    assert study.checked_files() == list(map(str, known))


def test_a_study_with_more_labels_than_there_are_ends_with_a_message():
    study = StudyPlan(plan_of(select={"train": 120}, study=[PART | {"labels": [200]}]))
    with pytest.raises(SystemExit, match=r"(?s)study.*200.*select\.train.*120"):
        study.checked_files()


def test_a_study_of_a_network_larger_than_the_frame_ends_with_a_message():
    study = StudyPlan(
        plan_of(camera={"frame_size": "B64X64"}, networks=["swift7-64"], study=[PART | {"networks": ["swift7-96"]}])
    )
    with pytest.raises(SystemExit, match="swift7-96"):
        study.checked_files()


def test_the_study_of_selections_draws_anew_for_each_seed():
    study = {"strategies": ["random", "mixed"], "labels": [25, 50], "seeds": [1, 2]}
    models = SelectionStudyPlan(plan_of(networks=["swift7-64"], study_selection=study)).models
    assert len(models) == 8
    assert models[1].split == Path("results/tiny/split/random-25-draw-2.csv")
    assert models[1].predictions == Path(
        "results/tiny/predict/swift7-64-taught/random-25-draw-2/seed-2-as_trained/float.csv"
    )


def test_the_study_of_selections_needs_labels_of_all_frames(tmp_path):
    dataset = {"name": "caps", "kind": "folder", "source": str(tmp_path), "classes": ["good", "bad"]}
    with pytest.raises(SystemExit, match="labels are all known"):
        SelectionStudyPlan(plan_of(dataset=dataset)).checked_files()


def test_settings_that_do_not_fit_each_other_are_refused():
    with pytest.raises(UserError, match="swift7-96"):
        plan_of(camera={"frame_size": "B64X64"}, networks=["swift7-96"])
