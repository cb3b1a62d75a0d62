"""A dataset as labels meet it: where its files are."""

from pathlib import Path

from linecam.errors import UserError
from linecam.frames.index import read_index
from linecam.frames.lookup import Frames


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

    def frames(self) -> Frames:
        """The frames of the index, to look up."""
        return Frames(read_index(self.index, ["path", "sha256", "status"]), self.folder)
