"""Settings that only make sense together, and files that they name: what does not fit is refused at the start."""

import re

import pytest

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.workflow.config import region_of
from linecam.workflow.plan import Plan
from linecam.workflow.study_plan import tuned_backbones
from tests.workflow.configurations import BOARDS, checked


def test_a_folder_without_a_source(mine, tmp_path):
    for text in ("dataset: {kind: folder}", "dataset: {kind: folder, source: ''}", "dataset: {kind: folder, source: }"):
        with pytest.raises(UserError, match=r"dataset\.source"):
            checked(mine, text)
    checked(mine, f"dataset: {{kind: folder, source: '{tmp_path}'}}")


def test_a_given_backbone_needs_its_file(mine, tmp_path):
    weights = tmp_path / "w.safetensors"
    for path in ("null", "''", f"'{weights}'", f"'{tmp_path}'"):
        with pytest.raises(UserError, match=r"pretrain\.checkpoint"):
            checked(mine, f"pretrain: {{methods: [simclr, given], checkpoint: {path}}}")
    weights.write_bytes(b"")
    checked(mine, f"pretrain: {{methods: [given], checkpoint: '{weights}'}}")


@pytest.mark.parametrize("key", ["embed: {file: FILE}", "pretrain: {taught: {weights: FILE}}"])
def test_a_file_that_is_not_there_is_told_with_its_key(mine, tmp_path, key):
    file = tmp_path / "mine.csv"
    with pytest.raises(UserError, match=r"(file|weights) is '.*mine\.csv', which is not a file"):
        checked(mine, key.replace("FILE", str(file)))
    file.write_bytes(b"")
    checked(mine, key.replace("FILE", str(file)))


def test_a_checkpoint_that_no_method_reads_is_refused(mine, tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"")
    with pytest.raises(UserError, match=r"no method of pretrain\.methods reads it. Write methods: \[given\]"):
        checked(mine, f"pretrain: {{checkpoint: '{weights}'}}")
    study = "study: [{networks: [swift7-64], methods: [given], labels: [8], seeds: [1]}]"
    checked(mine, f"pretrain: {{checkpoint: '{weights}'}}\n{study}\n")


def test_another_teacher_needs_its_weights(mine, tmp_path):
    with pytest.raises(
        UserError, match=r"pretrain\.taught\.network is resnet18, and linecam has the weights of tf_eff"
    ):
        checked(mine, "pretrain: {taught: {network: resnet18}}")
    checked(mine, "pretrain: {methods: [simclr], taught: {network: resnet18}}")
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"")
    checked(mine, f"pretrain: {{taught: {{network: resnet18, weights: '{weights}'}}}}")


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ("{source: /data/caps}", r"dataset\.source is /data/caps, but dataset\.kind is belt"),
        ("{classes: [good, bad]}", r"the belt's frames show no_mask, too"),
        ("{classes: [a, b]}", r"the belt's frames show bad, good, no_mask, too"),
    ],
)
def test_frames_of_one_s_own_are_never_the_belt_s_in_silence(mine, dataset, told):
    """A file that says nothing of dataset.kind is laid over the belt's."""
    with pytest.raises(UserError, match=told):
        checked(mine, f"dataset: {dataset}")
    checked(mine, "dataset: {classes: [no_mask, good, bad, worse]}")


def test_what_is_defined_is_a_class(mine):
    with pytest.raises(UserError, match=r"dataset\.definitions: 'bda' is not a class\. Did you mean bad\?"):
        checked(mine, "dataset: {definitions: {good: No mark., bda: A scratch.}}")
    defined = checked(mine, "dataset: {definitions: {bad: A scratch.}}").dataset.definitions
    assert defined == {"bad": "A scratch."}


def test_the_source_of_the_masks_is_not_where_the_copy_goes(mine, tmp_path, monkeypatch):
    """What is there is replaced: the user's only copy would be gone."""
    monkeypatch.chdir(tmp_path)
    for path in ("data/m/frames", "./data/../data/m/frames/", str(tmp_path / "data" / "m" / "frames")):
        with pytest.raises(UserError, match=r"dataset\.source"):
            checked(mine, f"dataset: {{name: m, kind: masks, source: '{path}'}}")
    checked(mine, "dataset: {name: m, kind: masks, source: elsewhere}")


def test_an_unknown_board_and_the_nearest_known_one(mine):
    with pytest.raises(UserError, match=r"bundle\.boards.*'openmv_h7'.*Did you mean openmv-h7\?"):
        checked(mine, "bundle: {boards: [openmv-h7, openmv_h7]}")
    checked(mine, "bundle: {boards: [openmv-h7]}")


@pytest.mark.parametrize(
    ("bundle", "told"),
    [
        ("boards: [openmv-n6]", "ST's own runtime"),
        ("boards: [openmv-ae3], place: sd", "romfs, drive"),
        ("boards: [openmv-h7, openmv-ae3]", "Sizes that all of bundle.boards have: QVGA."),
        ("measured: {openmv-h8: {ms: 9, estimate_ms: [5, 7]}}", "bundle.measured: 'openmv-h8'"),
        ("measured: {openmv-h7: {ms: 9}}", "estimate_ms"),
        ("thresholds: {bda: 0.4}", "'bda' is not a class. Did you mean bad?"),
        ("recall: {bda: 0.99}", "bundle.recall: 'bda' is not a class. Did you mean bad?"),
        ("recall: {bad: 99}", "bundle.recall.bad is 99"),
        ("recall: {bad: 0}", "bundle.recall.bad is 0"),
        ("thresholds: {bad: 1.4}", "bundle.thresholds.bad is 1.4"),
        ("firmware: 4.5.5", "bundle.firmware"),
        ("latency_ms: 0", "bundle.latency_ms"),
        ("signing_key: nowhere.pem", "bundle.signing_key is 'nowhere.pem', which is not a file"),
    ],
)
def test_what_no_camera_can_do_is_told_at_the_start(mine, bundle, told):
    with pytest.raises(UserError, match=re.escape(told)):
        checked(mine, f"camera: {{frame_size: QQVGA}}\nbundle: {{{bundle}}}")


def test_a_network_that_is_not_there_is_named_with_those_that_are(mine):
    with pytest.raises(UserError, match=r"no network 'resnet18-64'.*resnet9, swift7, slim7, swift9"):
        checked(mine, "networks: [swift7-112, resnet18-64]")
    checked(mine, "networks: [swift7-112, swift9-96, resnet9-64]")


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ("networks: [nothing-96]", "networks[0] is"),
        ("tune: {networks: [swift7-112, nothing-96]}", "tune.networks[1] is"),
        ("study: [{networks: [nothing-96], methods: [none], labels: [25], seeds: [1]}]", "study[0].networks[0] is"),
        ("pretrain: {teacher: nothing}", "pretrain.teacher is"),
    ],
)
def test_wherever_a_network_is_named_a_wrong_name_comes_with_its_key(mine, config, key):
    with pytest.raises(UserError, match=rf"{re.escape(key)} \"nothing.*mine\.yaml, line \d+.*resnet9, swift7, slim7"):
        checked(mine, config)


def test_a_tournament_takes_no_network_that_is_larger_than_the_frame(mine):
    small = "camera: {frame_size: QQVGA}\ntune: {networks: [swift7-112, %s]}"
    with pytest.raises(SystemExit, match=r"tune\.networks: the input of swift7-128 is larger than the square of 120"):
        tuned_backbones(Plan.of(checked(mine, small % "swift7-128"), BOARDS))
    assert len(tuned_backbones(Plan.of(checked(mine, small % "swift7-96"), BOARDS))) == 2


@pytest.mark.parametrize("network", ["swift7-1", "resnet9-15"])
def test_an_input_that_shows_nothing_is_refused(mine, network):
    with pytest.raises(UserError, match=f"input of {network} has 15? pixels a side"):
        checked(mine, f"networks: [{network}]")
    checked(mine, "networks: [swift7-16]")


def test_an_input_larger_than_the_frame_is_refused(mine):
    with pytest.raises(UserError, match=r"square of 120 pixels that camera\.frame_size QQVGA"):
        checked(mine, "networks: [resnet9-64, resnet9-128]\ncamera: {frame_size: QQVGA}")
    checked(mine, "networks: [resnet9-64, resnet9-128]")


@pytest.mark.parametrize(
    ("camera", "board", "side"),
    [
        ("{frame_size: QVGA}", "openmv-h7", 240),
        ("{frame_size: QVGA}", "openmv-h7, openmv-ae3", 200),  # one path for both
        ("{frame_size: QVGA, side: 100}", "openmv-h7, openmv-ae3", 100),
    ],
)
def test_one_square_for_all_boards(mine, camera, board, side):
    settings = checked(mine, f"networks: [swift7-64]\ncamera: {camera}\nbundle: {{boards: [{board}]}}")
    assert region_of(settings, BOARDS) == Region(side=side)


def test_a_square_larger_than_the_frame_is_refused(mine):
    with pytest.raises(UserError, match=r"camera\.side is 240, and the frame QVGA .* is 200 pixels high"):
        checked(mine, "camera: {frame_size: QVGA, side: 240}\nbundle: {boards: [openmv-ae3]}")


def test_a_camera_s_settings_are_taken(mine):
    checked(
        mine,
        "camera: {frame_size: QVGA}\n"
        "bundle: {boards: [openmv-h7, openmv-ae3], place: romfs, firmware: 4.7.0, latency_ms: 80.5, period_ms: 500, "
        "recall: {good: 1.0}, thresholds: {bad: 0.4}, measured: {openmv-h7: {ms: 70, estimate_ms: [55.9, 75.6]}}}",
    )
