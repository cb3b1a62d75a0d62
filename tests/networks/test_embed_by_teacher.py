"""Embeddings by the teacher: its pooled features, whatever the shards and threads, and each frame's computed once."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from linecam.networks.models import to_images
from linecam.networks.teacher import Teacher
from scripts.embed_by_teacher import BATCH, embed_by_teacher
from scripts.gather_embeddings import gather_embeddings

NETWORK, COUNT = "mobilenetv3_small_050", 2 * BATCH + 3


class Run:
    """Pixels, the weights of a small teacher, and how often it was asked."""

    def __init__(self, place: Path) -> None:
        self.place, self.array = place, place / "out/embeddings.npy"
        self.weights = place / "weights.safetensors"
        torch.manual_seed(1)
        save_file(timm.create_model(NETWORK, pretrained=False).state_dict(), self.weights)
        self.pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)

    def run(self, *, shards: int = 1, threads: int = 1) -> NDArray[np.float32]:
        """As the rules do it, after Snakemake has deleted the outputs; without a table."""
        self.array.unlink(missing_ok=True)
        np.save(self.place / "pixels.npy", self.pixels)
        parts = [self.place / f"parts/{number + 1}-of-{shards}.npy" for number in range(shards)]
        certificates = [path.with_suffix(".rows.npy") for path in parts]
        for part, certificate in zip(parts, certificates, strict=True):
            embed_by_teacher(
                self.place / "pixels.npy",
                part,
                teacher=NETWORK,
                weights=self.weights,
                threads=threads,
                shard=part.stem,
                certificate=certificate,
                former=self.array,
            )
        gather_embeddings(self.place / "no_index.csv", parts, certificates, self.array, None, classes=["bad", "good"])
        return np.load(self.array)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many frames the teacher sees at a time."""
    sizes: list[int] = []
    real = Teacher.forward
    monkeypatch.setattr(Teacher, "forward", lambda self, images: sizes.append(len(images)) or real(self, images))
    return sizes


def test_they_are_the_teachers_pooled_features(run: Run) -> None:
    found = run.run()
    teacher = Teacher(NETWORK, run.weights)
    with torch.inference_mode():
        expected = teacher(to_images(run.pixels))[1].numpy()
    assert (found.shape, found.dtype) == ((COUNT, teacher.features), np.float32)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert not list(run.array.parent.glob("*.csv")), "no table is asked for"


@pytest.mark.parametrize(("shards", "threads"), [(2, 1), (1, 3), (3, 2)])
def test_shards_and_threads_change_no_byte(run: Run, shards: int, threads: int) -> None:
    expected = run.run()
    for path in run.array.parent.glob(".*"):
        path.unlink()
    np.testing.assert_array_equal(run.run(shards=shards, threads=threads), expected)


def test_only_new_frames_are_embedded(run: Run, asked: list[int]) -> None:
    before = run.run()
    new = np.random.default_rng(2).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    run.pixels = np.concatenate([new[:1], run.pixels[::-1], new[1:]])
    asked.clear()
    after = run.run()
    assert asked == [BATCH], "three frames, filled up"
    np.testing.assert_array_equal(after[1:-2], before[::-1])
    asked.clear()
    np.testing.assert_array_equal(run.run(), after)
    assert not asked


def test_other_weights_embed_anew(run: Run, asked: list[int]) -> None:
    before = run.run()
    asked.clear()
    torch.manual_seed(2)
    save_file(timm.create_model(NETWORK, pretrained=False).state_dict(), run.weights)
    assert (run.run() != before).any()
    assert sum(asked) >= COUNT
