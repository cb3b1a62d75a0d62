"""Models that others made: what the camera would misread is refused with the reason, what it computes right passes."""

from dataclasses import replace
from pathlib import Path

import pytest

from linecam.boards.catalogue import load_boards
from linecam.boards.check import check_file, examine
from linecam.boards.firmware_rules import check_graph
from linecam.boards.memory_rules import ARENA_EXTRA, check_memory, on_board
from linecam.errors import UserError
from linecam.tflite.graph import read_graph
from linecam.tflite.tflm import TflmError, arena_bytes
from tests.boards.elsewhere import SIZE, convert, network, with_input, written

H7 = load_boards()["openmv-h7"]


@pytest.fixture(scope="module")
def good() -> bytes:
    return convert(network())


def rules(path: Path, **more: int) -> set[str]:
    return {finding.rule for finding in examine(path, H7, **more).findings}


# The input


@pytest.mark.parametrize(
    ("scale", "point"),
    [
        (1 / 255, -128),  # [0, 1]
        (1 / 256, -128),
        (1.0, -128),  # a Rescaling inside the network
        (1 / 127.5, -1),  # [-1, 1]
        (1 / 127.5, 0),
        (1 / 128, 0),
        (1 / 255, -1),  # [-0.5, 0.5]
        (1.0, 0),
        # Frames that don't quite fill the range, by a quarter of a step at its end.
        (0.99905 / 255, -128),
        (0.99995 / 127.5, -1),
        (1.0005 / 256, -128),
    ],
)
def test_what_sees_the_pixels_as_they_are_fed_is_taken(good: bytes, tmp_path: Path, scale: float, point: int) -> None:
    assert rules(written(tmp_path, with_input(good, [scale], [point]))) == set()


@pytest.mark.parametrize(
    ("scale", "point"),
    [
        (0.018658824, -14),  # ImageNet's mean and deviation of each channel
        (0.78 / 255, -128),  # calibrated on frames without white
        (0.99 / 255, -128),
        (0.99 / 127.5, 0),
        (1 / 255, -127),
        (1 / 127.5, -2),
        (1 / 127.5, -128),
        (1.0, -64),
        (0.0, -128),
    ],
)
def test_what_does_not_is_refused_with_what_it_would_see(good: bytes, tmp_path: Path, scale: float, point: int) -> None:
    (finding,) = check_graph(read_graph(written(tmp_path, with_input(good, [scale], [point]))))
    assert finding.rule == "input-scale"
    low, high = ((end - point) * scale for end in (-128, 127))
    assert f"this model would see {low:.4g} to {high:.4g} for 0 to 255" in finding.why


@pytest.mark.parametrize("kind", ["int8", "uint8"])
@pytest.mark.parametrize("span", [(0, 255), (-1, 1), (-0.5, 0.5)])
def test_the_converters_own_numbers_for_a_range_are_taken(tmp_path: Path, span: tuple[float, float], kind: str) -> None:
    assert rules(written(tmp_path, convert(network(), span=span, kind=kind))) == set()


def test_an_oblong_input_is_refused(tmp_path: Path) -> None:
    size = (24, 32)
    assert rules(written(tmp_path, convert(network(size=size), size))) == {"square-input"}


def test_an_input_whose_size_is_left_open_is_refused(tmp_path: Path) -> None:
    (finding,) = examine(written(tmp_path, convert(network(), asked=(None, None))), H7).findings
    assert finding.rule == "image-input"
    assert "height or width left open" in finding.where
    assert rules(written(tmp_path, convert(network(), asked=(SIZE, SIZE)))) == set()


def test_a_model_without_a_scale_is_called_what_it_is(good: bytes, tmp_path: Path) -> None:
    (finding,) = check_graph(read_graph(written(tmp_path, with_input(good, [], []))))
    assert finding.where.endswith("INT8 without a scale and zero point")


# The output

OUTPUTS = {
    "logits": ("probabilities", "made by FULLY_CONNECTED"),
    "log": ("probabilities", "made by LOG_SOFTMAX"),
    "map": ("class-scores", "a map of answers"),
    "five dimensions": ("class-scores", "fails at the first frame"),
    "softmax over nothing": ("probabilities", "a softmax over 1 number, not over the 4 classes: each"),
    "two outputs": ("one-output", "main.py reads one"),
}


@pytest.mark.parametrize("head", OUTPUTS)
def test_an_output_that_main_would_misread_is_refused(tmp_path: Path, head: str) -> None:
    rule, said = OUTPUTS[head]
    (finding,) = examine(written(tmp_path, convert(network(head))), H7).findings
    assert finding.rule == rule
    assert said in str(finding)


def test_one_sigmoid_is_refused_and_one_for_each_class_taken(tmp_path: Path) -> None:
    (finding,) = examine(written(tmp_path, convert(network("sigmoid", classes=1))), H7).findings
    assert "one number always wins" in finding.why
    assert rules(written(tmp_path, convert(network("sigmoid", classes=3)))) == set()


@pytest.mark.parametrize("name", ["labels.txt", "model.txt", "mine.txt"])
def test_labels_beside_the_model_or_named_are_counted(good: bytes, tmp_path: Path, name: str) -> None:
    path, labels = written(tmp_path, good), tmp_path / name
    given = labels if name == "mine.txt" else None
    labels.write_text("a\nb\n\nc\nd\n")
    text, accepted = check_file(path, "openmv-h7", labels=given)
    assert accepted
    assert f"4 labels in {labels}" in text
    labels.write_text("a\nb\nc\n")
    text, accepted = check_file(path, "openmv-h7", labels=given)
    assert not accepted
    assert "4 numbers, and 3 labels" in text


def test_labels_that_cannot_be_read_are_named(good: bytes, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"labels\.txt can't be read as labels"):
        check_file(written(tmp_path, good), "openmv-h7")


# What TFLM says of it


def test_a_model_that_loads_and_fails_at_the_first_image_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, convert(network(body="square root")))
    with pytest.raises(TflmError, match=r"fails at the first image: .*INT8 != FLOAT32.* Node SQRT"):
        arena_bytes(path)
    (finding,) = examine(path, H7).findings
    assert finding.rule == "tflm"
    assert "Node SQRT" in finding.why


def test_a_float16_file_is_float_and_not_damaged(tmp_path: Path) -> None:
    path = written(tmp_path, convert(network(), kind="float16"))
    assert rules(path) == {"integer-input", "int8", "int8-output"}


def test_operators_that_were_not_measured_are_named(tmp_path: Path) -> None:
    text, accepted = check_file(written(tmp_path, convert(network(body="resize"))), "openmv-h7")
    assert accepted
    assert "never measured on a board, counted like the most similar one: MEAN, RESIZE_BILINEAR" in text


# Memory


def test_a_transposed_convolution_takes_on_the_board_what_was_measured(tmp_path: Path) -> None:
    """3x3, stride 2, from 16x16x8 to 32x32x8: 45,088 bytes on the PC, and 117,936 on the emulated board."""
    path = written(tmp_path, convert(network(body="transposed")))
    assert arena_bytes(path) == 45_088
    arena = on_board(read_graph(path), 45_088)
    assert 117_936 <= arena <= 117_936 + 1536
    assert examine(path, H7).cost["arena_bytes"] == arena
    board = replace(H7, heap_bytes=[arena])
    assert rules(path) == set()
    assert {finding.rule for finding in examine(path, board, place="romfs").findings} == {"arena-size"}


def test_other_models_take_what_the_pc_says(good: bytes, tmp_path: Path) -> None:
    assert on_board(read_graph(written(tmp_path, good)), 12_345) == 12_345


BLOCK = max(H7.heap_bytes)


@pytest.mark.parametrize(
    ("file", "arena", "firmware", "fits"),
    [
        (272_056, 150_000, "5.0.0", True),  # into the frame buffer's memory: it ran
        (272_057, 150_000, "5.0.0", False),  # never seen
        (241_296, 70_000, "5.0.0", False),  # into the heap's block, which leaves too little: it failed
        (241_296, 70_000, "4.8.0", True),  # before 5.0.0 it may lie in the frame buffer's memory
        (BLOCK - 70_000 - ARENA_EXTRA, 70_000, "5.0.0", True),
        (BLOCK - 70_000 - ARENA_EXTRA + 1, 70_000, "5.0.0", False),
        (BLOCK + 1, BLOCK - ARENA_EXTRA, "5.0.0", True),
        (BLOCK, 1000, "5.0.0", False),
    ],
)
def test_a_file_on_the_card_needs_room_for_its_copy(file: int, arena: int, firmware: str, fits: bool) -> None:
    assert [finding.rule for finding in check_memory(file, arena, H7, "sd", firmware)] == ([] if fits else ["heap"])
    assert check_memory(1, arena, H7, "romfs", "5.0.0") == []


@pytest.mark.parametrize(("arena", "fits"), [(BLOCK - ARENA_EXTRA, True), (BLOCK - ARENA_EXTRA + 1, False)])
def test_an_arena_fits_to_the_byte(arena: int, fits: bool) -> None:
    found = [finding.rule for finding in check_memory(1000, arena, H7, "romfs", "5.0.0")]
    assert found == ([] if fits else ["arena-size"])
