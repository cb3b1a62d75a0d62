"""Labels joined to selected frames: where a label comes from, which fold holds it out, and what stands in the way."""

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from linecam.errors import UserError
from linecam.frames.index import COLUMNS as INDEX_COLUMNS
from linecam.frames.index import read_frames
from linecam.labels.store import COLUMNS
from scripts.index_frames import index_frames
from scripts.select_test import select_test
from scripts.select_train import select_train
from scripts.split import Sources, split

CLASSES = ["bad", "good", "no_mask"]
MASKS = Path(__file__).parent / "../../../shared/masks"


def sha(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}" * 8


class Split:
    """A dataset as tables: an index, a selection, labels."""

    def __init__(self, place: Path, classes: list[str] = CLASSES) -> None:
        self.place, self.classes = place, classes
        self.rows: list[dict[str, object]] = []
        self.table, self.summary = place / "split" / "a.csv", place / "split" / "a.json"
        self.labels_csv, self.to_label = place / "data" / "labels.csv", place / "to_label" / "a.csv"
        self.truth: dict[str, str] | None = None

    def add(self, path: str, number: int | None = None, **more: object) -> str:
        """One row of the index; its sha256."""
        digest = sha(len(self.rows) if number is None else number)
        self.rows.append({"path": path, "sha256": digest, "status": "ok", "number": -1} | more)
        return digest

    def many(self, part: str, counts: dict[str, int], **more: object) -> list[str]:
        return [
            self.add(f"{part}/{name}/{part}{n}.jpg", part=part, label=name, **more)
            for name, count in counts.items()
            for n in range(count)
        ]

    def label(self, rows: list[tuple[str, str]]) -> None:
        self.labels_csv.parent.mkdir(parents=True, exist_ok=True)
        with self.labels_csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows((digest, "", label, "me", "") for digest, label in rows)

    def run(
        self,
        train: list[str],
        test: list[str],
        folds: int = 5,
        unlabelled: int = 300,
        seed: int = 1,
        unsure: Sequence[str] = (),
        embeddings: Path | None = None,
    ) -> pd.DataFrame:
        base = {name: "" for name in INDEX_COLUMNS} | {"bytes": 1, "width": 1, "height": 1}
        pd.DataFrame([base | row for row in self.rows], columns=INDEX_COLUMNS).to_csv(
            self.place / "frames.csv", index=False
        )
        for name, chosen in (("train", train), ("test", test)):
            pd.DataFrame({"sha256": chosen, "path": ""}).to_csv(self.place / f"{name}.csv", index=False)
        if self.truth is not None:
            pd.Series(self.truth, name="label").rename_axis("frame").to_csv(self.place / "truth.csv")
        split(
            Sources(
                self.place / "frames.csv",
                self.place / "train.csv",
                self.place / "test.csv",
                self.labels_csv if self.labels_csv.exists() else None,
                self.place / "truth.csv" if self.truth is not None else None,
                embeddings,
            ),
            self.table,
            self.summary,
            labels_csv=self.labels_csv,
            to_label=self.to_label,
            classes=self.classes,
            folds=folds,
            unlabelled=unlabelled,
            seed=seed,
        )
        table = pd.read_csv(self.table, keep_default_na=False)
        assert list(table.columns) == ["row", "sha256", "path", "part", "label", "by", "fold", "weight"]
        frames = read_frames(self.place / "frames.csv")
        assert list(frames["sha256"][table["row"]]) == list(table["sha256"])
        assert list(frames["path"][table["row"]]) == list(table["path"])
        assert table["sha256"].is_unique
        training = table["part"] == "train"
        assert set(table.loc[training, "sha256"]) == set(train) - set(unsure)
        assert not folds or table.loc[training, "fold"].between(0, folds - 1).all()
        assert (table.loc[~training, "fold"] == -1).all()
        assert (table.loc[~training, "weight"] == 1).all()
        assert embeddings or (table["weight"] == 1).all()
        assert set(table.loc[table["part"] == "test", "sha256"]) == set(test) - set(unsure)
        return table.set_index("sha256")

    def counted(self) -> dict[str, object]:
        return json.loads(self.summary.read_text())


@pytest.fixture
def made(tmp_path: Path) -> Split:
    return Split(tmp_path)


EVEN = {"bad": 10, "good": 10, "no_mask": 10}


# --- where labels come from


def test_labels_of_folders(made):
    train, test = made.many("train", EVEN), made.many("test", {"bad": 2, "good": 3, "no_mask": 0})
    table = made.run(train, test)
    assert all(row.path.split("/")[1] == row.label and row.by == "folder" for row in table.itertuples())
    summary = made.counted()
    assert summary["frames"]["test"] == {"bad": 2, "good": 3, "no_mask": 0}
    assert summary["frames"]["train"] == {"bad": 10, "good": 10, "no_mask": 10}
    assert set(summary["frames"]) == {"train", "test"}


def test_labels_csv_before_folder_before_truth(made):
    train = made.many("train", EVEN)
    only_truth = made.add("loose.jpg")
    only_csv = made.add("loose2.jpg")
    made.truth = {row["path"]: "no_mask" for row in made.rows}
    made.label([(train[0], "good"), (only_csv, "bad")])
    table = made.run([*train, only_truth, only_csv], [])
    assert tuple(table.loc[train[0], ["label", "by"]]) == ("good", "me")
    assert tuple(table.loc[train[1], ["label", "by"]]) == ("bad", "folder")
    assert tuple(table.loc[only_truth, ["label", "by"]]) == ("no_mask", "truth")
    assert tuple(table.loc[only_csv, ["label", "by"]]) == ("bad", "me")


def test_truth_for_frames_that_are_not_there_is_no_matter(made):
    chosen = [made.add(f"x{n}.jpg") for n in range(9)]
    made.truth = {f"x{n}.jpg": CLASSES[n % 3] for n in range(9)} | {"rubbish.jpg": "bad"}
    assert set(made.run(chosen, [])["by"]) == {"truth"}


def test_a_truth_that_is_no_class_is_a_clear_error(made):
    """dataset.classes: [bad, good] on the belt, whose truth also says no_mask: not a model that can't be trained."""
    made.classes = ["bad", "good"]
    chosen = [made.add(f"x{n}.jpg") for n in range(12)]
    made.truth = {f"x{n}.jpg": CLASSES[n % 3] for n in range(12)}
    with pytest.raises(UserError, match="no_mask"):
        made.run(chosen, [])


def test_a_copy_lends_its_folders_label(made):
    """The same bytes at the top and in a class's folder: labelled."""
    train = made.many("train", EVEN)
    loose = made.add("a.jpg", number=777)
    made.add("good/copy.jpg", number=777, label="good", status="duplicate", reason="same bytes as a.jpg")
    assert made.run([*train, loose], []).loc[loose, "label"] == "good"


def test_folders_that_contradict_each_other(made):
    train = made.many("train", EVEN)
    for n in (500, 501):
        made.add(f"train/bad/x{n}.jpg", number=n, part="train", label="bad")
        made.add(f"train/good/x{n}.jpg", number=n, part="train", label="good", status="duplicate", reason="same")
    with pytest.raises(UserError) as error:
        made.run(train, [])
    for part in ("2 frames", "train/bad/x500.jpg and train/good/x500.jpg", "x501", str(made.labels_csv)):
        assert part in str(error.value)
    assert not made.table.exists()
    # labels.csv has the last word.
    made.label([(sha(500), "good"), (sha(501), "bad")])
    table = made.run([*train, sha(500), sha(501)], [])
    assert list(table.loc[[sha(500), sha(501)], "label"]) == ["good", "bad"]


def test_labels_of_no_frame_are_kept_and_logged(made, caplog):
    caplog.set_level("INFO")
    train = made.many("train", EVEN)
    made.label([("e" * 64, "bad"), ("f" * 64, "good"), (train[0], "bad")])
    before = made.labels_csv.read_bytes()
    made.run(train, [])
    assert "2 labels" in caplog.text
    assert "e" * 12 in caplog.text
    assert made.labels_csv.read_bytes() == before


def test_every_problem_of_labels_csv_stops_here_too(made):
    train = made.many("train", EVEN)
    made.label([(train[0], "ugly"), ("xyz", "bad")])
    with pytest.raises(UserError, match="2 problems"):
        made.run(train, [])


# --- labels that are missing


def test_missing_labels_are_listed_filled_in_copied_and_then_it_runs(made):
    chosen = [made.add(f'odd, "name" {n} ü.jpg') for n in range(20)]
    train, test = chosen[:14], chosen[14:]
    with pytest.raises(UserError) as error:
        made.run(train, test)
    message = str(error.value)
    for part in ("20 of 20", str(made.to_label), str(made.labels_csv), "bad, good, no_mask"):
        assert part in message
    assert not made.table.exists()
    assert not made.summary.exists()

    table = pd.read_csv(made.to_label, keep_default_na=False)
    assert list(table.columns) == COLUMNS
    assert list(table["sha256"]) == chosen
    assert list(table["path"]) == [row["path"] for row in made.rows]
    assert (table[["label", "by", "when"]] == "").all(axis=None)

    made.labels_csv.parent.mkdir()
    table["label"] = [CLASSES[n % 3] for n in range(20)]
    table.to_csv(made.labels_csv, index=False)
    result = made.run(train, test)
    assert [result.loc[digest, "label"] for digest in chosen] == [CLASSES[n % 3] for n in range(20)]


def test_labelling_in_two_goes_appends(made):
    chosen = [made.add(f"x{n}.jpg") for n in range(12)]
    made.label([(digest, CLASSES[n % 3]) for n, digest in enumerate(chosen[:7])])
    before = made.labels_csv.read_bytes()
    with pytest.raises(UserError, match="5 of 12"):
        made.run(chosen, [])
    assert made.labels_csv.read_bytes() == before
    lines = made.to_label.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == chosen[7:]
    with made.labels_csv.open("a", encoding="utf-8") as file:
        file.writelines(line.replace(",,,", f",{CLASSES[n % 3]},,") + "\n" for n, line in enumerate(lines[1:]))
    assert len(made.run(chosen, [])) == 12


def test_the_untouched_list_copied_over_is_as_good_as_none(made):
    chosen = [made.add(f"x{n}.jpg") for n in range(6)]
    with pytest.raises(UserError):
        made.run(chosen, [])
    made.labels_csv.parent.mkdir()
    shutil.copy(made.to_label, made.labels_csv)
    with pytest.raises(UserError, match="6 of 6"):
        made.run(chosen, [])


# --- folds


def held_out(table: pd.DataFrame) -> pd.DataFrame:
    """How many frames of each class (column) each fold (row) holds out."""
    training = table[table["part"] == "train"]
    return pd.crosstab(training["fold"], training["label"])


def test_without_folds_a_class_may_be_rare(made):
    table = made.run(made.many("train", dict(zip(CLASSES, (1, 5, 0), strict=True))), [], folds=0)
    assert (table["fold"] == -1).all()


@pytest.mark.parametrize("folds", [2, 3, 5, 20])
def test_every_fold_has_the_same_share_of_every_class(made, folds):
    counts = {"bad": 100, "good": 60, "no_mask": 40}
    held = held_out(made.run(made.many("train", counts), [], folds=folds))
    assert list(held.index) == list(range(folds))
    for name, count in counts.items():
        assert set(held[name]) <= {count // folds, -(-count // folds)}


def test_the_folds_are_the_same_every_time_and_in_any_order(made):
    train, test = made.many("train", EVEN), made.many("test", EVEN)
    first = made.run(train, test)
    text = made.table.read_bytes(), made.summary.read_bytes()
    made.run(train, test)
    assert (made.table.read_bytes(), made.summary.read_bytes()) == text
    shuffled = [train[n] for n in np.random.default_rng(0).permutation(len(train))]
    again = made.run(shuffled, test[::-1])
    assert (again["fold"].reindex(first.index) == first["fold"]).all()
    other = made.run(train, test, seed=2)
    assert (other["fold"] != first["fold"]).any()


@pytest.mark.parametrize("folds", [2, 5, 20])
@pytest.mark.parametrize("counts", [(2, 2, 2), (2, 2, 30), (100, 100, 2), (3, 50, 5), (7, 7, 7)])
def test_every_class_can_be_trained_on_in_every_fold(made, counts, folds):
    """ "each class needs at least 2, one to train on while the other is held out": with 2 it has to work."""
    held = held_out(made.run(made.many("train", dict(zip(CLASSES, counts, strict=True))), [], folds=folds))
    assert len(held) >= 2
    for name, count in zip(CLASSES, counts, strict=True):
        assert held[name].max() < count


class Numbered(Split):
    """Frames of sequences."""

    def sequence(self, name: str, numbers: list[int], labels: list[str] = CLASSES) -> list[str]:
        """Frames with these numbers, of every class in turn."""
        digests = []
        for place, number in enumerate(numbers):
            label = labels[place % len(labels)]
            digests.append(self.add(f"train/{label}/{name}-{number}.jpg", part="train", label=label, sequence=name))
            self.rows[-1]["number"] = number
        return digests


@pytest.fixture
def numbered(tmp_path: Path) -> Numbered:
    return Numbered(tmp_path)


def test_frames_near_in_a_sequence_are_held_out_together(numbered):
    """8 frames on end, then a long gap: each such part is in one fold; the parts of a sequence are in several."""
    train = [
        digest
        for name in ("A", "B")
        for first in range(0, 1000, 100)
        for digest in numbered.sequence(name, list(range(first, first + 24, 3)))
    ]
    table = numbered.run(train, [])
    stretches = table["path"].str.extract(r"(?P<name>[AB])-(?P<number>\d+)").assign(fold=table["fold"])
    stretches["part"] = stretches["number"].astype(int) // 100
    assert (stretches.groupby(["name", "part"])["fold"].nunique() == 1).all()
    assert set(table["fold"]) == set(range(5))
    assert (stretches.groupby("name")["fold"].nunique() > 1).all()
    assert held_out(table).min(axis=None) > 0


def test_equal_numbers_of_two_sequences_are_not_near(numbered):
    train = [digest for name in "ABCDEFGHIJ" for digest in numbered.sequence(name, [1, 2, 3])]
    table = numbered.run(train, [])
    assert set(table["fold"]) == set(range(5))
    assert (table.groupby(table["path"].str[-7:-5])["fold"].nunique() > 0).all()


@pytest.mark.parametrize("sequences", [1, 2, 4])
def test_fewer_sequences_than_folds_are_cut_through(numbered, sequences):
    """Each part was photographed often: there is nothing else to hold out than some of its frames."""
    train = [digest for name in "ABCD"[:sequences] for digest in numbered.sequence(name, list(range(20)))]
    held = held_out(numbered.run(train, []))
    assert list(held.index) == list(range(5))
    assert held.min(axis=None) >= (1 if sequences > 1 else 0)
    assert (held.max() < held.sum()).all()


def test_a_class_that_lies_in_one_stretch_is_held_out_whole(numbered):
    """What can't be said is not: no frame of it is judged by a model that saw the frame beside it."""
    train = numbered.sequence("A", [1, 2, 3], ["bad"])
    train += [
        digest for n in range(20) for digest in numbered.sequence("B", [100 * n, 100 * n + 1], ["good", "no_mask"])
    ]
    held = held_out(numbered.run(train, []))
    assert sorted(held["bad"])[-1] == 3
    assert (held[["good", "no_mask"]] > 0).all(axis=None)


@pytest.mark.parametrize(
    ("counts", "scarce"),
    [((10, 10, 1), "1 of no_mask"), ((10, 10, 0), "0 of no_mask"), ((1, 0, 10), "1 of bad, 0 of good")],
)
def test_scarce_classes_are_named(made, counts, scarce):
    train = made.many("train", dict(zip(CLASSES, counts, strict=True)))
    with pytest.raises(UserError) as error:
        made.run(train, [])
    assert scarce in str(error.value)
    assert f"The {sum(counts)} training frames" in str(error.value)
    assert not made.table.exists()


# --- weights


def turned(made: Split, degrees: Sequence[float]) -> Path:
    """Embeddings in the plane, a direction for each frame of the index."""
    angles = np.radians(degrees)
    np.save(made.place / "embeddings.npy", np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    return made.place / "embeddings.npy"


def test_a_training_frame_weighs_as_much_of_the_line_as_it_stands_for(made):
    """Six odd frames, at 90 degrees and on, and six that 48 others of the line are like. Test frames are no line."""
    train = made.many("train", {"bad": 6, "good": 6})
    test = made.many("test", {"good": 40})
    for n in range(48):
        made.add(f"{n}.jpg")
    embeddings = turned(made, [*range(90, 96), *range(6), *[91] * 40, *[2.5] * 48])
    made.classes = ["bad", "good"]
    table = made.run(train, test, folds=2, embeddings=embeddings)
    weights = table.loc[train, "weight"].to_numpy()
    assert weights.sum() == pytest.approx(12, abs=1e-4)
    assert weights[:6].sum() == pytest.approx(12 * 6 / 60, abs=1e-4)
    assert weights[6:].sum() == pytest.approx(12 * 54 / 60, abs=1e-4)
    shuffled = made.run(train[::-1], test, folds=2, embeddings=embeddings)
    assert list(shuffled.loc[train, "weight"]) == list(weights)


def test_a_frame_that_nobody_is_sure_of_is_stood_for_by_others(made):
    train = made.many("train", {"bad": 4, "good": 4})
    made.classes = ["bad", "good"]
    made.label([(train[0], "?")])
    table = made.run(train, [], folds=2, unsure=train[:1], embeddings=turned(made, range(8)))
    assert table.loc[train[1:], "weight"].sum() == pytest.approx(7, abs=1e-4)


# --- unlabelled frames


@pytest.mark.parametrize(("asked", "there"), [(300, 25), (10, 10), (1, 1)])
def test_unlabelled_frames_are_neither_train_nor_test(made, asked, there):
    train = made.many("train", EVEN)
    rest = [made.add(f"rest{n}.jpg") for n in range(25)]
    made.add("broken.jpg", status="quarantined", reason="x")
    table = made.run(train, [], unlabelled=asked)
    drawn = table[table["part"] == "unlabelled"]
    assert len(drawn) == there
    assert set(drawn.index) <= set(rest)
    assert (drawn[["label", "by"]] == "").all(axis=None)


def test_no_frame_left_over(made):
    assert "unlabelled" not in set(made.run(made.many("train", EVEN), [])["part"])


# --- honesty


def test_frames_near_a_training_frame_are_counted(made):
    train = made.many("train", EVEN)
    for name, number in (("A", 100), ("B", 100)):
        digest = made.add(f"train/bad/{name}-{number}.jpg", part="train", label="bad", sequence=name)
        made.rows[-1]["number"] = number
        train.append(digest)
    test = []
    for name, number in (("A", 75), ("A", 74), ("A", 125), ("A", 126), ("A", 101), ("C", 100), ("B", 300)):
        test.append(made.add(f"test/bad/{name}-{number}.jpg", part="test", label="bad", sequence=name))
        made.rows[-1]["number"] = number
    test.append(made.add("test/bad/unnumbered.jpg", part="test", label="bad"))
    made.run(train, test)
    assert made.counted()["near_training"] == {"within_frames": 25, "test_frames": 3}


class Folder:
    """Real files through index, selection and split."""

    def __init__(self, place: Path) -> None:
        self.place, self.folder = place, place / "frames"

    def put(self, name: str, colour: int) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (colour % 256, colour // 256, 77)).save(path)

    def run(self) -> tuple[pd.DataFrame, dict[str, object]]:
        at = self.place
        index_frames(
            self.folder,
            at / "f.csv",
            at / "q.csv",
            at / "s.json",
            cache=at / "seen",
            classes=CLASSES,
            max_pixels=10**7,
            workers=1,
        )
        select_test(at / "f.csv", at / "test.csv", count=5, seed=1, given=True)
        select_train(
            at / "f.csv", at / "test.csv", None, None, at / "train.csv", strategy="given", count=5, seed=1,
            classes=CLASSES,
        )  # fmt: skip
        split(
            Sources(at / "f.csv", at / "train.csv", at / "test.csv", None, None),
            at / "split.csv",
            at / "split.json",
            labels_csv=at / "labels.csv",
            to_label=at / "to_label.csv",
            classes=CLASSES,
            folds=5,
            unlabelled=10,
            seed=1,
        )
        return pd.read_csv(at / "split.csv", keep_default_na=False), json.loads((at / "split.json").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    for kind, name in enumerate(CLASSES):
        for n in range(4):
            made.put(f"train/{name}/A-{n:05d}.png", kind * 10 + n)
        made.put(f"test/{name}/B-00001.png", kind * 10 + 5)
    return made


def test_the_same_frame_in_train_and_test_is_left_out_of_the_test_and_reported(folder):
    folder.put("train/bad/C-10352.png", 999)
    folder.put("test/bad/C-10352.png", 999)
    table, summary = folder.run()
    assert table.loc[table["path"].str.contains("C-10352"), "path"].tolist() == ["train/bad/C-10352.png"]
    assert summary["left_out_of_test"] == ["test/bad/C-10352.png"]
    assert sum(summary["frames"]["test"].values()) == 3
    assert sum(summary["frames"]["train"].values()) == 13


def test_the_same_frame_under_other_names_is_left_out_too(folder):
    folder.put("train/good/A-00003x.png", 998)
    folder.put("test/good/zzz.png", 998)
    folder.put("test/good/zzz2.png", 998)
    _, summary = folder.run()
    assert summary["left_out_of_test"] == ["test/good/zzz.png", "test/good/zzz2.png"]
    assert sum(summary["frames"]["test"].values()) == 3


def test_train_and_test_that_disagree_about_one_frame(folder):
    folder.put("train/good/C-10352.png", 997)
    folder.put("test/bad/C-10352.png", 997)
    with pytest.raises(UserError, match=r"test/bad/C-10352\.png and train/good/C-10352\.png"):
        folder.run()


def test_nothing_is_left_out_where_nothing_is_double(folder):
    _, summary = folder.run()
    assert summary["left_out_of_test"] == []


@pytest.mark.parametrize("stem", ["20261122161530123456", "1763827200123456789"])
def test_frames_named_by_date_time_and_microseconds(folder, stem):
    folder.put(f"train/bad/{stem}.png", 996)
    table, _ = folder.run()
    assert (table["path"] == f"train/bad/{stem}.png").sum() == 1


@pytest.mark.skipif(not MASKS.is_dir(), reason="the tutorial's frames are not at ../shared/masks")
def test_the_tutorials_c_10352(tmp_path):
    real = Folder(tmp_path)
    real.folder = MASKS
    table, summary = real.run()
    assert [Path(path).name for path in summary["left_out_of_test"]] == ["C-10352.jpg"]
    files = {part: len(list((MASKS / part).glob("*/*.jpg"))) for part in ("train", "test")}
    assert len(table[table["part"] == "test"]) == files["test"] - 1
    assert len(table[table["part"] == "train"]) == files["train"]
    assert summary["near_training"]["test_frames"] > 0


def test_frames_that_nobody_is_sure_of_are_in_no_part_and_counted(made):
    frames = [made.add(f"{n}.jpg") for n in range(12)]
    train, test = frames[:7], frames[7:]
    made.label([(digest, CLASSES[n % len(CLASSES)]) for n, digest in enumerate(frames[:6])])
    with made.labels_csv.open("a") as file:
        file.writelines(f"{digest},,?,me,\n" for digest in (frames[6], frames[7], frames[8]))
        file.writelines(f"{digest},,bad,me,\n" for digest in frames[9:])
    table = made.run(train, test, folds=2, unsure=frames[6:9])
    assert not set(frames[6:9]) & set(table.index), "nor among the unlabelled ones"
    assert made.counted()["unsure"] == ["6.jpg", "7.jpg", "8.jpg"]
    assert made.counted()["unsure_in_test"] == 2


def test_who_is_unsure_of_a_frame_counts_before_its_folder(made):
    """As the page says: not sure, and the frame is left out; also where it lies in folders of two classes."""
    train, test = made.many("train", EVEN), made.many("test", EVEN)
    twice = made.add("train/bad/x.jpg", part="train", label="bad")
    made.add("train/good/x.jpg", len(made.rows) - 1, part="train", label="good", status="duplicate")
    made.label([(train[0], "?"), (twice, "?")])
    made.run([*train, twice], test, unsure=[train[0], twice])
    assert len(made.counted()["unsure"]) == 2
