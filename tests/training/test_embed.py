"""A frame's embedding, to the last bit, is a matter of its pixels and the weights, and is computed once."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from lightly.utils.io import save_embeddings
from numpy.typing import NDArray

from linecam.frames.index import COLUMNS
from linecam.networks import embedding
from linecam.networks.embedding import BATCH
from linecam.networks.models import backbone, load_weights, save_weights, to_images
from linecam.networks.models import embed as forward
from scripts.embed import embed
from scripts.gather_embeddings import gather_embeddings

NETWORK, CLASSES = "resnet9-32", ["bad", "good"]
COUNT = BATCH["cpu"] + 36


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def some_weights(path: Path, seed: int) -> Path:
    """A backbone whose norms do something."""
    torch.manual_seed(seed)
    model = backbone(NETWORK)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    save_weights(path, model, {})
    return path


class Run:
    """Pixels, weights, and the embeddings of the last run with what it kept."""

    def __init__(self, place: Path) -> None:
        self.place, self.array, self.table = place, place / "out/embeddings.npy", place / "out/embeddings.csv"
        self.weights = some_weights(place / "weights.safetensors", seed=1)
        self.pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)

    def index(self) -> Path:
        """Names and labels that a CSV has to quote."""
        digests = [hashlib.sha256(row).hexdigest() for row in self.pixels]
        paths = [f'good/"{number}", größer.jpg' if number % 3 else f"{number}.jpg" for number in range(len(digests))]
        table = pd.DataFrame({"path": paths, "sha256": digests, "status": "ok"}, columns=COLUMNS).fillna(0)
        table["label"] = ["good" if number % 3 else "" for number in range(len(digests))]
        table.to_csv(self.place / "frames.csv", index=False)
        return self.place / "frames.csv"

    def run(self, *, shards: int = 1, threads: int = 2) -> NDArray[np.float32]:
        """As the rules do it, after Snakemake has deleted the outputs."""
        self.array.unlink(missing_ok=True)
        np.save(self.place / "pixels.npy", self.pixels)
        parts = [self.place / f"parts/{number + 1}-of-{shards}.npy" for number in range(shards)]
        certificates = [path.with_suffix(".rows.npy") for path in parts]
        for part, certificate in zip(parts, certificates, strict=True):
            embed(
                self.place / "pixels.npy",
                self.weights,
                part,
                network=NETWORK,
                threads=threads,
                shard=part.stem,
                certificate=certificate,
                former=self.array,
            )
        gather_embeddings(self.index(), parts, certificates, self.array, self.table, classes=CLASSES)
        return np.load(self.array)

    def clean(self) -> NDArray[np.float32]:
        np.save(self.place / "pixels.npy", self.pixels)
        out = self.place / "clean.npy"
        embed(self.place / "pixels.npy", self.weights, out, network=NETWORK, threads=2)
        return np.load(out)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[NDArray[np.uint8]]:
    """The batches that go through the network."""
    batches: list[NDArray[np.uint8]] = []
    real = embedding.images
    monkeypatch.setattr(embedding, "images", lambda pixels, device: batches.append(pixels) or real(pixels, device))
    return batches


def test_the_embeddings_are_the_networks(run: Run) -> None:
    model = backbone(NETWORK).eval()
    load_weights(run.weights, model)
    with torch.inference_mode():
        expected = forward(model, to_images(run.pixels)).numpy()
    found = run.run()
    assert found.shape == (COUNT, 16)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert expected.std(axis=0).min() > 1e-4, "or anything would be near"


@pytest.mark.parametrize("shards", [2, 7])
def test_any_number_of_shards_gives_the_same_bytes(run: Run, shards: int) -> None:
    expected = run.run().tobytes(), run.array.read_bytes(), run.table.read_bytes()
    for path in run.array.parent.glob(".*"):
        path.unlink()
    assert (run.run(shards=shards).tobytes(), run.array.read_bytes(), run.table.read_bytes()) == expected


@pytest.mark.parametrize("threads", [1, 3])
def test_an_embedding_depends_on_no_neighbour_and_no_thread(run: Run, threads: int) -> None:
    expected = run.clean()
    order = np.random.default_rng(1).permutation(COUNT)[:-7]
    run.pixels = run.pixels[order]
    np.testing.assert_array_equal(run.run(threads=threads), expected[order])


@pytest.mark.parametrize("shards", [1, 2])
def test_only_new_frames_are_embedded(run: Run, shards: int, computed: list[NDArray[np.uint8]]) -> None:
    run.run()
    new = np.random.default_rng(2).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    run.pixels = np.concatenate([new[:1], run.pixels[:40], new[1:3], run.pixels[50:][::-1], new[3:]])
    computed.clear()
    found = run.run(shards=shards)
    assert {row.tobytes() for batch in computed for row in batch} == {row.tobytes() for row in new}
    assert {len(batch) for batch in computed} == {BATCH["cpu"]}
    np.testing.assert_array_equal(found, run.clean())
    computed.clear()
    np.testing.assert_array_equal(run.run(), found)
    assert not computed


def test_other_weights_embed_anew(run: Run) -> None:
    before = run.run()
    run.weights = some_weights(run.place / "other.safetensors", seed=2)
    after = run.run()
    assert (before != after).any()
    np.testing.assert_array_equal(after, run.clean())


def test_a_damaged_row_is_embedded_anew(run: Run) -> None:
    expected = run.run()
    kept = run.array.with_name(".embeddings.npy")
    run.array.unlink()
    harmed = np.load(kept)
    harmed[7, 3] += 1
    np.save(kept, harmed)
    np.testing.assert_array_equal(run.run(), expected)


def test_the_table_is_what_lightly_writes(run: Run) -> None:
    embeddings = run.run()
    frames = pd.read_csv(run.index(), keep_default_na=False)
    labels = [1 if label else -1 for label in frames["label"]]
    save_embeddings(str(run.place / "lightly.csv"), embeddings, labels, list(frames["path"]))
    assert run.table.read_bytes() == (run.place / "lightly.csv").read_bytes()
