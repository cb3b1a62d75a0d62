"""The sets of labelled frames that benchmarks/lines.py measures on, each laid out as a stranger would."""

import csv
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd
import yaml

RENDERED = 2500  # frames of each belt


@dataclass(frozen=True)
class Line:
    """A set of labelled frames: for each its file, its class and, where frames are sequences, its sequence."""

    name: str
    files: list[Path]
    labels: list[str]
    names: list[str]  # what a stranger's files are called
    settings: dict[str, dict[str, object]]  # beyond source and classes: what the set cannot do without

    @property
    def classes(self) -> list[str]:
        return sorted(set(self.labels))


def lines(folders: list[Path], rendered: Path, wanted: list[str] | None) -> Iterator[Line]:
    """All sets that are there and `wanted`; None wants all. The belt's frames are rendered into `rendered`."""
    for line in chain(found(folders), belts(rendered, wanted)):
        if wanted is None or line.name in wanted:
            yield line


def found(folders: list[Path]) -> Iterator[Line]:
    """The sets of the folders, and of the packages that are installed."""
    for folder in folders:
        yield from tables(folder)
        for given in sorted(folder.glob("*/train")):
            files = sorted(file for part in ("train", "test") for file in given.parent.glob(f"{part}/*/*.jpg"))
            labels = [file.parent.name for file in files]
            yield Line(given.parent.name, files, labels, [file.name for file in files], {})
    yield from solar_cells()


def tables(folder: Path) -> Iterator[Line]:
    """The sets of a folder that have a table of labels."""
    for table in sorted(folder.glob("*/labels.csv")):
        rows = pd.read_csv(table, dtype=str)
        files = [table.parent / name for name in rows["file"]]
        settings: dict[str, dict[str, object]] = {}
        if {"location", "index_in_sequence"} <= set(rows):
            names = [
                f"{place}-{int(number):05d}{file.suffix}"
                for place, number, file in zip(rows["location"], rows["index_in_sequence"], files, strict=True)
            ]
            settings = {"select": {"gap": 10}}
        else:
            names = [hidden(file) for file in files]
        yield Line(table.parent.name, files, list(rows["class"]), names, settings)


def belts(folder: Path, wanted: list[str] | None) -> Iterator[Line]:
    """The built-in belt, and the same with small, faint defects; each is rendered where it is wanted."""
    from scripts.render_belt import render_belt  # noqa: PLC0415 (found where the path above is set)

    for name, small in (("belt", False), ("belt-small", True)):
        if wanted is not None and name not in wanted:
            continue
        truth = folder / f"{name}.csv"
        if not truth.exists():
            render_belt(folder / name, truth, frames=RENDERED, seed=2, workers=os.cpu_count() or 1, small=small)
        rows = pd.read_csv(truth, dtype=str)
        files = [folder / name / file for file in rows["frame"]]
        yield Line(name, files, list(rows["label"]), list(rows["frame"]), {})


def solar_cells() -> Iterator[Line]:
    """ELPV (Deitsch et al., 2019): the cells that experts called good or defective, without those they doubted."""
    try:
        import elpv_dataset  # noqa: PLC0415 (measured only where it is installed)
    except ImportError:
        return
    data = Path(elpv_dataset.__file__).parent / "data"
    rows = [line.split() for line in (data / "labels.csv").read_text().splitlines()]
    known = [(data / row[0], float(row[1])) for row in rows if float(row[1]) == 0 or float(row[1]) > 0.6]
    files = [file for file, _ in known]
    labels = ["defective" if share else "good" for _, share in known]
    yield Line("elpv", files, labels, [hidden(file) for file in files], {})


def hidden(file: Path) -> str:
    """A name that tells nothing of the class, the same on every machine."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16] + file.suffix


def lay_out(line: Line, folder: Path) -> Path:
    """Write frames, labels and configuration of a line below `folder`; returns the configuration."""
    frames, name = folder / "frames" / line.name, f"line-{line.name}"
    labels = folder / "data" / name / "labels.csv"
    if not labels.exists():
        frames.mkdir(parents=True, exist_ok=True)
        labels.parent.mkdir(parents=True, exist_ok=True)
        rows = {}
        for file, called, label in zip(line.files, line.names, line.labels, strict=True):
            shutil.copyfile(file, frames / called)
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            rows[digest] = (digest, called, label, "lines", "2026-11-26")
        with labels.open("w", newline="", encoding="utf-8") as written:
            writer = csv.writer(written)
            writer.writerow(["sha256", "path", "label", "by", "when"])
            writer.writerows(rows.values())
    settings: dict[str, dict[str, object]] = {
        "dataset": {"name": name, "kind": "folder", "source": f"frames/{line.name}", "classes": line.classes},
        "select": {"test": min(500, len(line.files) // 2)},
    }
    for section, values in line.settings.items():
        settings.setdefault(section, {}).update(values)
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return config
