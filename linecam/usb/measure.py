"""Run a bundle's model on the connected camera: does it load, how long does it take, does it compute what it should?

The model has to be on the camera (`linecam deploy`). It is run where it lies, on the test frames in the bundle, which
go over the cable into the camera's memory. They have the size of the network's input, so the firmware does not resize
them: the time is that of the network alone, as linecam's estimate is.
"""

import logging
import statistics
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from linecam.boards.board import FIRST_FIRMWARE
from linecam.bundle.stored_frames import StoredFrames
from linecam.camera.arithmetic import to_rgb565
from linecam.errors import UserError, listed
from linecam.files import atomic_write, own_file, read_json
from linecam.usb.board_repl import BoardRepl
from linecam.usb.deploy import read_bundle

PIECE = 1536  # bytes of a frame in one call: they are on the camera's heap three times, as source, text and bytes
ROUND = 10  # inferences in one call


@dataclass(frozen=True)
class Bundle:
    """What there is to know of a bundle that is measured."""

    folder: Path
    board: str
    sha256: str  # of the model
    classes: list[str]
    cost: dict[str, Any]  # as linecam.boards.verdict.Cost
    frames: StoredFrames

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read and check a bundle's folder. Raises `UserError` where it is none, is damaged, or has no test frames."""
        board, _ = read_bundle(folder)
        manifest = read_json(folder / "manifest.json")
        try:
            frames = StoredFrames.read(folder)
            digest, cost = manifest["files"]["model.tflite"]["sha256"], manifest["cost"]
            classes = manifest["config"]["dataset"]["classes"]
        except (OSError, KeyError, TypeError, ValueError):
            raise UserError(
                f"{folder} has no test frames to run on the camera: it is of an older linecam. Build the bundle again "
                "(snakemake)."
            ) from None
        return cls(folder, board, digest, classes, cost, frames)


@dataclass(frozen=True)
class Measurement:
    """What a camera did with a bundle."""

    board: str  # as the bundle calls it
    firmware: str  # as the camera says it
    path: str  # of the model on the camera
    arena_bytes: int | None  # None: the firmware does not say
    heap_bytes: int  # that the loaded model takes, arena and all
    micros: list[int]  # of each inference
    estimate_ms: tuple[float, float] | None

    @property
    def ms(self) -> float:
        """The median time of one inference."""
        return round(statistics.median(self.micros) / 1000, 2)

    def as_yaml(self) -> str:
        """The lines of a configuration from which linecam corrects its estimates; "" where it has none."""
        if self.estimate_ms is None:
            return ""
        low, high = self.estimate_ms
        return f"bundle:\n  measured:\n    {self.board}: {{ms: {self.ms}, estimate_ms: [{low}, {high}]}}\n"


def measure(folder: Path, port: str, inferences: int = 100) -> Measurement:
    """Run the model of the bundle in `folder` on the camera at the serial port `port`, and log what is found.

    Raises `UserError` where the bundle is none, nothing answers at the port, the firmware is too old, the camera has
    another model, the model does not load or fails, its outputs differ from linecam's, or the cable is pulled.
    """
    bundle = Bundle.read(folder)
    with BoardRepl(port) as camera:
        camera.run(Path(own_file("openmv/measure.py")).read_text(encoding="utf-8"))
        firmware = _firmware(camera)
        loaded = _load(camera, bundle)
        arena, expected = loaded["arena_bytes"], bundle.cost.get("arena_bytes")
        logging.info(
            "%s loads. It takes %s bytes of the heap; arena: %s bytes (linecam: %s).",
            loaded["path"],
            *(f"{n:,}" if n is not None else "not told" for n in (loaded["heap_bytes"], arena, expected)),
        )
        compare(bundle, _outputs(camera, bundle.frames))
        logging.info("Outputs for %d test frames: as linecam computed them, byte for byte.", len(bundle.frames.labels))
        micros = [took for _ in range(0, inferences, ROUND) for took in camera.ask(f"take_times({ROUND})")][:inferences]
    estimate = bundle.cost.get("estimate_ms")
    found = Measurement(
        bundle.board,
        firmware,
        loaded["path"],
        arena,
        loaded["heap_bytes"],
        micros,
        (estimate[0], estimate[1]) if estimate else None,
    )
    logging.info(
        "One inference: %s ms, the median of %d, of which the fastest took %.2f and the slowest %.2f (%s).",
        found.ms,
        len(micros),
        min(micros) / 1000,
        max(micros) / 1000,
        f"estimated: {estimate[0]} to {estimate[1]}" if estimate else "linecam has no estimate for this board",
    )
    logging.info("main.py is stopped now. Press reset to start it.")
    return found


def write_yaml(found: Measurement, target: Path | None) -> None:
    """Print what belongs into the configuration, or write it to the file `target`, a configuration by itself."""
    text = found.as_yaml()
    if not text:
        logging.info(
            "There is nothing to write into the configuration: bundle.measured corrects an estimate, and "
            "this board has none."
        )
    elif target is None:
        print(text, end="")
    else:
        with atomic_write(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
        logging.info("%s now has these lines. Name it as one more file after --configfile.", target)


def check_target(target: Path | None) -> None:
    """Raise `UserError` where `target` is there already: it may be a configuration that someone wrote."""
    if target is not None and target.exists():
        raise UserError(f"--write: {target} is there already. Name a new file, or remove it. Nothing was measured.")


def compare(bundle: Bundle, outputs: list[bytes]) -> None:
    """Raise `UserError` where `outputs`, float32 values of a frame each, are not the bytes of linecam's."""
    frames = bundle.frames
    problems = []
    for number, (mine, camera) in enumerate(zip(frames.outputs, outputs, strict=True)):
        if mine.astype("<f4").tobytes() == camera:
            continue
        said = f"frame {number + 1} from above in test-frames.png ({frames.labels[number]})"
        if len(camera) != mine.nbytes:
            problems.append(f"{said}: {len(camera) // 4} values, where there are {len(mine)} classes")
            continue
        theirs = np.frombuffer(camera, "<f4")
        apart = np.abs(theirs.astype(float) - mine) * 256
        worst = int(apart.argmax())
        problems.append(
            f"{said}: {bundle.classes[worst]} {theirs[worst]:.4f} on the camera, {mine[worst]:.4f} by linecam, "
            f"{apart[worst]:g} steps of 1/256"
        )
    if problems:
        raise UserError(
            f"The camera's results differ from linecam's on {len(problems)} of {len(outputs)} test frames. So the "
            f"accuracy in the bundle does not hold for this camera. Update the firmware. If it stays, report it to "
            f"linecam with these lines:\n{listed(problems).rstrip()}"
        )


def _firmware(camera: BoardRepl) -> str:
    """What the camera says of itself. Raises `UserError` where its firmware cannot run main.py."""
    about = camera.ask("about()")
    told = ", ".join(str(about[key]) for key in ("board", "firmware") if key in about) or "no version told"
    if not about["ml"]:
        raise UserError(
            f"The camera's firmware is too old ({told}): linecam needs {FIRST_FIRMWARE} or later. In OpenMV "
            "IDE: Tools, Install the latest firmware."
        )
    logging.info("The camera: %s.", told)
    return told


def _load(camera: BoardRepl, bundle: Bundle) -> dict[str, Any]:
    """Have the camera load the bundle's model; returns path, heap_bytes and arena_bytes."""
    loaded: dict[str, Any] = camera.ask(f"load({bundle.sha256!r})")
    if loaded["path"] is None:
        there = [f"{path} with SHA-256 {digest[:12]}" for path, digest in loaded["found"].items() if digest]
        raise UserError(
            f"The camera has {' and '.join(there) or 'no model.tflite'}, but the bundle's model has SHA-256 "
            f"{bundle.sha256[:12]}. Copy the bundle to it (linecam deploy, or its linecam.romfs), eject the drive, "
            "press reset, and run the same command again."
        )
    if "error" in loaded:
        raise UserError(
            f"{loaded['path']} does not load on the camera ({loaded['error']}): it does not fit into the memory that "
            f"is free, or this camera is another board than {bundle.board}. Put the model into ROMFS, take a smaller "
            "network, or take the bundle for this board."
        )
    return loaded


def _outputs(camera: BoardRepl, frames: StoredFrames) -> list[bytes]:
    """What the model on the camera says of each frame: the bytes of float32 values, low byte first."""
    outputs = []
    made = camera.ask(f"make_frame({frames.pixels.shape[1]})")
    if "error" in made:
        raise UserError(
            f"The model loads on the camera, but then no memory is left for a test frame ({made['error']}). main.py "
            "keeps its frames in another part of the memory, so it may run all the same. To measure the model, put it "
            "into ROMFS."
        )
    for number, frame in enumerate(frames.pixels):
        content = rgb565(frame)
        for start in range(0, len(content), PIECE):
            camera.run(f"put({start}, {b64encode(content[start : start + PIECE])!r})")
        said = camera.ask("infer()")
        if "error" in said:
            raise UserError(
                f"The model loads on the camera and fails at test frame {number + 1} ({said['error']}): too little "
                "memory is left beside it, or the firmware lacks one of its operators. Put it into ROMFS, or take a "
                "smaller network."
            )
        outputs.append(bytes.fromhex(said["outputs"]))
    return outputs


def rgb565(frame: NDArray[np.uint8]) -> bytes:
    """A frame (side, side, 3) as the camera has it in memory, low byte first."""
    red, green, blue = np.moveaxis(to_rgb565(frame), -1, 0)
    values: NDArray[np.uint16] = red << 11 | green << 5 | blue
    return values.astype("<u2").tobytes()
