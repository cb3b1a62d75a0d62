"""Ten test frames in a bundle, with what linecam computed for them: `linecam measure` runs them on a camera.

They are those on which the model is least sure. A softmax of a sure model is 0 and 255/256 whatever the layers before
it did; near the border between two classes a single wrong step of an earlier layer shows in it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from linecam.evaluation.predictions import read_predictions
from linecam.files import read_json, write_json
from linecam.frames.index import read_pixels, read_split

PICTURE, OUTPUTS = "test-frames.png", "test-frames.json"
MOST = 10


@dataclass(frozen=True)
class StoredFrames:
    """Frames as the network gets them, and its outputs."""

    pixels: NDArray[np.uint8]  # (N, side, side, 3), 0..255, of the levels that RGB565 has
    outputs: NDArray[np.float32]  # (N, classes), 0..1, multiples of 1/256
    sha256: list[str]  # of the files that the frames were read from
    labels: list[str]

    def write(self, folder: Path) -> None:
        """Write a picture of the frames, one below the other, and the outputs."""
        side = self.pixels.shape[1]
        Image.fromarray(self.pixels.reshape(-1, side, 3)).save(folder / PICTURE, optimize=True)
        frames = [
            {"sha256": digest, "label": label, "outputs": outputs.tolist()}
            for digest, label, outputs in zip(self.sha256, self.labels, self.outputs, strict=True)
        ]
        write_json(folder / OUTPUTS, {"frames": frames})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `write` wrote. Raises `OSError`, `KeyError`, `TypeError` or `ValueError` where it is not whole."""
        frames = read_json(folder / OUTPUTS)["frames"]
        with Image.open(folder / PICTURE) as picture:
            side = picture.width
            pixels = np.asarray(picture.convert("RGB")).reshape(len(frames), side, side, 3)
        outputs = np.array([frame["outputs"] for frame in frames], dtype=np.float32)
        return cls(pixels, outputs, [frame["sha256"] for frame in frames], [frame["label"] for frame in frames])


def choose(predictions: Path, split: Path, pixels: Path, classes: list[str]) -> StoredFrames:
    """The ten test frames, or all where there are fewer, whose two highest probabilities are the closest.

    `predictions` are those of the chosen int8 model, for the frames of `split` and others; `pixels` has the size of its
    input.
    """
    columns = [f"p_{name}" for name in classes]
    predicted = read_predictions(predictions)
    predicted = predicted[predicted["part"] == "test"].drop_duplicates("sha256").set_index("sha256")
    test = read_split(split)
    test = test[test["part"] == "test"].drop_duplicates("sha256")
    highest = np.sort(predicted.loc[test["sha256"], columns].to_numpy(), axis=1)[:, ::-1]
    test = test.assign(margin=highest[:, 0] - highest[:, 1]).sort_values(["margin", "sha256"])[:MOST]
    chosen = predicted.loc[test["sha256"]]
    return StoredFrames(
        read_pixels(pixels)[test["row"].to_numpy()],
        chosen[columns].to_numpy(dtype=np.float32),
        test["sha256"].to_list(),
        chosen["label"].to_list(),
    )
