"""select_test and select_train, from file to file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linecam.errors import UserError
from linecam.selection.strategies import STRATEGIES, coreset
from scripts.select_test import select_test
from scripts.select_train import select_train
from tests.selection.index_files import write_index
from tests.selection.references import sha, vectors

CLASSES = ["bad", "good"]


def plain(count: int) -> list[dict[str, object]]:
    return [{"path": f"x-{n:04d}.jpg", "sha256": sha(n)} for n in range(count)]


def selected(path: Path) -> list[str]:
    table = pd.read_csv(path)
    assert list(table.columns) == ["sha256", "path"]
    return list(table["sha256"])


class Select:
    def __init__(self, place: Path, rows: list[dict[str, object]]) -> None:
        self.place = place
        self.test, self.train = place / "out" / "test.csv", place / "out" / "train.csv"
        self.rows(rows)

    def rows(self, rows: list[dict[str, object]]) -> None:
        self.index = write_index(self.place / "frames.csv", rows)
        self.names = [str(row["sha256"]) for row in rows if row.get("status", "ok") == "ok"]
        self.points = np.stack([vectors(1, seed=int(name[:8], 16))[0] for name in self.names])

    def select_test(self, count: int = 10, seed: int = 1, given: bool = False) -> list[str]:
        select_test(self.index, self.test, count=count, seed=seed, given=given)
        return selected(self.test)

    def select_train(
        self, strategy: str = "coreset", count: int = 20, labels: Path | None = None, seed: int = 1
    ) -> list[str]:
        np.save(self.place / "e.npy", self.points)
        select_train(
            self.index,
            self.test,
            self.place / "e.npy" if strategy == "coreset" else None,
            labels,
            self.train,
            strategy=strategy,
            count=count,
            seed=seed,
            classes=CLASSES,
        )
        return selected(self.train)

    def labels(self, names: list[str]) -> Path:
        path = self.place / "labels.csv"
        path.write_text("sha256,path,label,by,when\n" + "".join(f"{name},,good,me,\n" for name in names))
        return path


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(5))
def test_test_and_training_frames_are_disjoint(tmp_path, strategy, seed):
    select = Select(tmp_path, plain(40))
    test = select.select_test(15, seed)
    train = select.select_train(strategy, 25, seed=seed)
    assert len(set(test)) == 15
    assert len(set(train)) == 25
    assert not set(test) & set(train)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_labelled_test_frame_stays_a_test_frame(tmp_path, strategy):
    select = Select(tmp_path, plain(40))
    test = select.select_test(15)
    train = select.select_train(strategy, 20, labels=select.labels([*test, sha(3), "0" * 64]))
    assert len(train) == 20
    assert not set(test) & set(train)


def test_coreset_pairs_each_frame_with_its_own_embedding(tmp_path):
    rows = plain(30)
    for n in (0, 7, 20):
        rows[n] |= {"status": "quarantined", "reason": "x"}
    select = Select(tmp_path, rows)
    test = select.select_test(8)
    pool = [n for n, name in enumerate(select.names) if name not in test]
    expected = coreset(select.points[pool], [select.names[n] for n in pool], 9, [], 1)
    assert select.select_train(count=9) == [select.names[pool[n]] for n in expected]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_labels_on_file_are_picked(tmp_path, strategy):
    select = Select(tmp_path, plain(60))
    select.select_test(10)
    twenty = select.select_train(strategy, 20)
    thirty = select.select_train(strategy, 30, labels=select.labels(twenty))
    assert thirty[:20] == twenty
    half = select.select_train(strategy, 20, labels=select.labels(twenty[::-2]))
    assert half == twenty


def test_adding_frames_replaces_few_test_frames(tmp_path):
    select = Select(tmp_path, plain(200))
    before = set(select.select_test(50))
    select.rows(plain(220))
    after = set(select.select_test(50))
    assert after - before == after - {sha(n) for n in range(200)}
    assert len(after - before) < 20


def test_the_order_of_the_files_does_not_matter_to_the_test(tmp_path):
    before = set(Select(tmp_path, plain(50)).select_test())
    renamed = [row | {"path": f"y{n}"} for n, row in enumerate(reversed(plain(50)))]
    assert set(Select(tmp_path, renamed).select_test()) == before


@pytest.mark.parametrize(("count", "fails"), [(20, False), (21, True), (1000, True)])
def test_more_test_frames_than_would_be_left(tmp_path, count, fails):
    select = Select(tmp_path, plain(40))
    if not fails:
        assert len(select.select_test(count)) == 20
        return
    with pytest.raises(UserError, match=rf"select\.test = {count} of 40"):
        select.select_test(count)
    assert not select.test.exists()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_more_training_frames_than_there_are(tmp_path, strategy):
    select = Select(tmp_path, plain(40))
    select.select_test(10)
    assert len(select.select_train(strategy, 30)) == 30
    select.train.unlink()
    with pytest.raises(UserError, match=r"select\.train = 31.*30 of 40"):
        select.select_train(strategy, 31)
    assert not select.train.exists()


def given_rows() -> list[dict[str, object]]:
    return [
        {"path": "test/bad/both.jpg", "sha256": sha("both"), "part": "test", "status": "duplicate", "reason": "x"},
        {"path": "test/bad/t1.jpg", "sha256": sha("t1"), "part": "test"},
        {"path": "test/bad/t1copy.jpg", "sha256": sha("t1"), "part": "test", "status": "duplicate", "reason": "x"},
        {"path": "test/good/broken.jpg", "sha256": sha("b"), "part": "test", "status": "quarantined", "reason": "x"},
        {"path": "test/good/t2.jpg", "sha256": sha("t2"), "part": "test"},
        {"path": "train/bad/both.jpg", "sha256": sha("both"), "part": "train"},
        {"path": "train/bad/r1.jpg", "sha256": sha("r1"), "part": "train"},
        {"path": "train/bad/broken.jpg", "sha256": sha("b2"), "part": "train", "status": "quarantined", "reason": "x"},
        {"path": "z.jpg", "sha256": sha("z")},
    ]


def test_given_frames_without_what_is_in_train_too(tmp_path, caplog):
    caplog.set_level("INFO")
    select = Select(tmp_path, given_rows())
    assert select.select_test(given=True) == [sha("t1"), sha("t2")]
    assert "test/bad/both.jpg" in caplog.text
    assert select.select_train("given") == [sha("both"), sha("r1")]


def test_no_given_frames(tmp_path):
    select = Select(tmp_path, plain(5))
    with pytest.raises(UserError, match="test/"):
        select.select_test(given=True)
    select.select_test(1)
    with pytest.raises(UserError, match="train/"):
        select.select_train("given")
    assert not select.train.exists()
