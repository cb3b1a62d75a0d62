"""Sequences and stills: by the names of frames, and by what successive ones look like."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from linecam.frames.index import path_facts
from linecam.frames.sequences import are_sequences

CLASSES = ["bad", "good"]


def named(paths: list[str]) -> pd.DataFrame:
    return pd.DataFrame([path_facts(path, CLASSES) for path in paths])


def looks(levels: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A frame of one grey for each level."""
    return np.broadcast_to(levels.astype(np.uint8)[:, None, None, None], (len(levels), 4, 4, 3))


PASSING = np.tile(np.concatenate([np.arange(10), np.arange(10)[::-1]]) * 20.0, 5)  # a part comes and goes, 100 frames


@pytest.mark.parametrize(
    ("form", "sequences"),
    [
        ("A-{n}.jpg", True),
        ("monday/{n}.png", True),
        ("R0001-{n:06}.bmp", True),  # of collect.py
        ("train/bad/A-{n}.jpg", True),
        ("{n}-x.jpg", False),  # no number at the end
        ("{n:02}f/a{n}b1.jpg", False),  # each a sequence of its own, as hashes are
        ("A-{n}/{half}.jpg", False),
    ],
)
def test_names_have_to_say_that_frames_follow_each_other(form, sequences):
    frames = named([form.format(n=n, half=n // 2) for n in range(100)])
    assert are_sequences(frames, looks(PASSING)) == sequences


def test_a_number_of_two_frames_is_nobodys():
    """Stills that are counted anew in each folder of a class."""
    frames = named([f"{name}/{n:03}.png" for name in CLASSES for n in range(50)])
    assert not are_sequences(frames, looks(np.tile(PASSING[:50], 2)))
    assert are_sequences(frames[:50], looks(PASSING[:50]))


def test_most_frames_have_to_be_in_a_sequence():
    paths = [f"A-{n}.jpg" for n in range(100)]
    assert are_sequences(named([*paths, *["x.jpg"] * 99]), looks(np.concatenate([PASSING, np.zeros(99)])))
    assert not are_sequences(named([*paths, *["x.jpg"] * 100]), looks(np.concatenate([PASSING, np.zeros(100)])))


@pytest.mark.parametrize("seed", range(5))
def test_numbered_stills_are_no_sequence(seed):
    levels = np.random.default_rng(seed).integers(0, 256, 400)
    assert not are_sequences(named([f"glass{n}.jpg" for n in range(400)]), looks(levels))


def test_a_light_that_drifts_makes_no_sequence_of_stills():
    rng = np.random.default_rng(1)
    levels = np.clip(rng.normal(128, 40, 400) + np.linspace(-60, 60, 400), 0, 255)
    assert not are_sequences(named([f"{n}.jpg" for n in range(400)]), looks(levels))


def test_the_order_of_the_rows_does_not_matter():
    order = np.random.default_rng(1).permutation(100)
    frames = named([f"A-{n}.jpg" for n in order])
    assert are_sequences(frames, looks(PASSING[order]))


def test_frames_that_are_alone_in_their_sequence_are_in_none():
    paths = [*(f"A-{n}.jpg" for n in range(60)), *(f"{n}h1.jpg" for n in range(60))]
    assert not are_sequences(named(paths), looks(np.concatenate([PASSING[:60], np.zeros(60)])))
    assert are_sequences(named(paths[:119]), looks(np.concatenate([PASSING[:60], np.zeros(59)])))


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_too_few_frames_are_no_sequence(count):
    frames = named([f"A-{n}.jpg" for n in range(count)]) if count else named(["A-1.jpg"]).head(0)
    assert not are_sequences(frames, looks(np.arange(count) * 20.0))
