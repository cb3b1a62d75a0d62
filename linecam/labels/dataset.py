"""A dataset as labels meet it: where its files are, and which frame a name stands for."""

from collections import defaultdict
from pathlib import Path, PurePosixPath

import pandas as pd

from linecam.errors import UserError
from linecam.frames.index import read_index


class Dataset:
    """Where a dataset's files are, below the working directory."""

    def __init__(self, *, name: str, classes: list[str], folder: str, selections: list[str]) -> None:
        """`folder` holds the frames; `selections` are the names of those made for training, such as coreset-200.

        Raises `UserError` where the dataset has no index yet.
        """
        self.name = name
        self.classes = classes
        self.folder = Path(folder)
        self.labels = Path("data") / self.name / "labels.csv"
        results = Path("results") / self.name
        self.index = results / "index/frames.csv"
        if not self.index.is_file():
            others = sorted(path.parent.parent.name for path in Path("results").glob("*/index/frames.csv"))
            raise UserError(
                f"The dataset {self.name} has no index of its frames, {self.index}. Run `snakemake {self.index}` with "
                "the same --configfile first, or name another --configfile. Datasets with an index: "
                f"{', '.join(others) or 'none'}."
            )
        self.test = results / "select/test.csv"
        self.batch = results / "next/batch.csv"  # the frames that were selected last, with what the model says of them
        self.selected = [self.batch, *(results / f"select/{name}.csv" for name in ["given", *selections]), self.test]

    def frames(self) -> "Frames":
        """The frames of the index, to look up."""
        return Frames(read_index(self.index, ["path", "sha256", "status"]), self.folder)


class Frames:
    """The files of an index, by content, path and name."""

    def __init__(self, index: pd.DataFrame, folder: Path) -> None:
        """`index` has path, sha256 and status; its paths are below `folder`."""
        counting = index[index["status"] == "ok"]
        # By sha256, of copies the one that counts.
        self.path = {**_column(index, "sha256", "path"), **_column(counting, "sha256", "path")}
        self._digest = _column(index, "path", "sha256")
        self._named: dict[str, list[str]] = defaultdict(list)
        for path in index["path"]:
            self._named[PurePosixPath(path).name].append(path)
        self._folder = folder.resolve()

    def find(self, sha256: str, path: str) -> tuple[str, str]:
        """The sha256 of the frame that has this one or, where it is "", this path; or "", and why there is none.

        A path is that of the index, or one of the two ends with the other: tools show files below other folders, or
        by name alone. Where that leaves two frames it is none.
        """
        if sha256:
            of = f" ({path})" if path else ""
            return (sha256, "") if sha256 in self.path else ("", f"no frame has the SHA-256 {sha256[:12]}...{of}")
        pure = PurePosixPath(path)
        inside = str(pure.relative_to(self._folder)) if pure.is_relative_to(self._folder) else path
        if inside in self._digest:
            return self._digest[inside], ""
        parts = [part for part in pure.parts if part != "/"]
        found = [known for known in self._named.get(pure.name, ()) if _ends_alike(parts, known.split("/"))]
        digests = {self._digest[known] for known in found}
        if len(digests) == 1:
            return digests.pop(), ""
        several = f"{path} could be {' or '.join(found[:3])}{' or another' * (len(found) > 3)}"
        return "", several if found else f"there is no frame {path}"


def _column(table: pd.DataFrame, key: str, value: str) -> dict[str, str]:
    return dict(zip(table[key], table[value], strict=True))


def _ends_alike(parts: list[str], others: list[str]) -> bool:
    """Whether one of two paths is the end of the other."""
    shorter = min(len(parts), len(others))
    return parts[-shorter:] == others[-shorter:]
