"""A bundle as whoever got it has it: a folder or an archive, checked, and what it says of the camera's work."""

import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from linecam import __version__
from linecam.boards.catalogue import load_boards
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.files import read_json, sha256

MANIFEST, SETTINGS, MODEL = "manifest.json", "settings.json", "model.tflite"
MOST_BYTES = 2**26  # no board holds a model of half as much, and the ROMFS image has it once more
_AGAIN = "get it again from whoever built it"
# What an archive raises whose bytes are not those that were written; zlib and lzma have errors of their own.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Shipped:
    """What a bundle says: its model, and how main.py looks at the line and decides."""

    model: Path  # TFLite, int8
    sha256: str  # of the model
    name: str  # network and quantization, such as "swift7-112-simclr/... calibrated"
    board: str  # as config/boards.yaml calls it
    dataset: str
    classes: list[str]  # in the order of the model's outputs
    thresholds: dict[str, float]  # by class
    votes: int  # over how many frames main.py decides
    region: Region  # of the sensor's frame, which goes to the network
    input_size: int  # pixels a side of the network's input
    max_pixels: int  # of a frame that is read
    damaged: bool  # whether damaged frames are used


@contextmanager
def unpacked(bundle: Path) -> Iterator[Path]:
    """The folder of a bundle: `bundle` itself, or a folder with the archive's files, which is deleted after the block.

    Raises `UserError` where `bundle` is neither, or the archive holds what no bundle does.
    """
    if bundle.is_dir():
        yield bundle
        return
    if not bundle.is_file():
        raise UserError(f"There is no {bundle}. Give the folder of a bundle, or its archive, such as openmv-h7.zip.")
    contents = _contents(bundle)
    with tempfile.TemporaryDirectory(prefix="linecam-") as folder:
        for name, content in contents.items():
            (Path(folder) / name).write_bytes(content)
        yield Path(folder)


def _contents(bundle: Path) -> dict[str, bytes]:
    """The files of an archive, by name. Raises `UserError` as `unpacked` does."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            entries = archive.infolist()
            odd = [entry.filename for entry in entries if Path(entry.filename).name != entry.filename]
            if odd or sum(entry.file_size for entry in entries) > MOST_BYTES:
                what = f"holds {odd[0]!r}, and a bundle has only files" if odd else "is larger than any bundle"
                raise UserError(f"{bundle} is not a bundle: it {what}.")
            return {entry.filename: archive.read(entry) for entry in entries}
    except _DAMAGED as error:
        raise UserError(f"{bundle} is damaged, or no archive ({error}): {_AGAIN}.") from None


def read_shipped(folder: Path, named: Path) -> Shipped:
    """Check a bundle's files against its manifest, and read it; messages call it `named`.

    Raises `UserError` where a file is missing or changed, another version of linecam made it, or its model runs on a
    board's NPU alone.
    """
    try:
        about = read_json(folder / MANIFEST)
        version, files = str(about["linecam"]), {str(name): str(one["sha256"]) for name, one in about["files"].items()}
    except FileNotFoundError:
        raise UserError(
            f"{named} is not a bundle: it has no {MANIFEST}. Give the whole folder of a bundle, or its .zip file. The "
            f"files on the camera's drive are not enough."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{named} is damaged: its {MANIFEST} cannot be read; {_AGAIN}.") from None
    if version != __version__:
        raise UserError(
            f"{named} was made by linecam {version}, and this is linecam {__version__}, which may compute "
            f"differently. Build the bundle again with this version, or install linecam {version}."
        )
    if wrong := {name: what for name, digest in files.items() if (what := _wrong(folder, name, digest))}:
        told = ", ".join(f"{name} {what}" for name, what in sorted(wrong.items()))
        raise UserError(f"{named} is damaged, or was changed after it was built: {told}; {_AGAIN}.")
    try:
        return _read(folder, about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{named} is damaged: its {MANIFEST} or {SETTINGS} lacks {error}; {_AGAIN}.") from None


def _wrong(folder: Path, name: str, digest: str) -> str:
    """What is wrong with a file of the manifest, or ""."""
    path = folder / name
    if Path(name).name != name or not path.is_file():
        return "is missing"
    return "" if sha256(path) == digest else "is another file"


def _read(folder: Path, about: dict[str, Any]) -> Shipped:
    settings, dataset = read_json(folder / SETTINGS), about["config"]["dataset"]
    board = load_boards()[about["board"]]
    if board.engine == "ethos-u":
        raise UserError(
            f"The model of this bundle is compiled for the neural processor (NPU) of the {board.title}, and this "
            f"machine has none. Use the bundle of another board, such as openmv-h7."
        )
    roi, rois = settings.get("roi"), settings.get("rois", ())
    width, height = board.frame_sizes[settings["frame_size"]]
    region = Region.of({"rois": rois} if rois else {"roi": roi} if roi else {"side": int(settings["side"])})
    if region.side is None:
        region = replace(region, frame=(width, height))
    return Shipped(
        folder / MODEL,
        settings["model"]["sha256"],
        settings["model"]["name"],
        about["board"],
        dataset["name"],
        list(settings["labels"]),
        {str(name): float(value) for name, value in settings["thresholds"].items()},
        int(settings["votes"]),
        region,
        int(about["camera"]["input"]),
        int(dataset["max_pixels"]),
        dataset["damaged"] == "use",
    )
