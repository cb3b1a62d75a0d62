"""The configuration: read and checked, every mistake named with its line. linecam/workflow/settings.py has its form."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from linecam.boards.board import Board, version
from linecam.camera.region import STRETCHES_SINCE, Region
from linecam.errors import UserError
from linecam.frames.folder import frames_folder
from linecam.networks.architectures import PACKAGED_TEACHER, input_size
from linecam.workflow.line_checks import check_line
from linecam.workflow.mistakes import check_classes, explain, nearest
from linecam.workflow.place_checks import check_places
from linecam.workflow.settings import Bundle, Dataset, Settings
from linecam.yaml_file import load_yaml

SMALLEST = 16  # pixels a side of a network's input: its blocks halve it four times
OWN_CONFIG = "config/config.yaml"  # of the working directory; files named by --configfile are laid over it


def load_settings(config: dict[str, Any], files: Sequence[str | Path] = ()) -> Settings:
    """The settings that `config` stands for, every default filled in; `config` stays as it is.

    `files` are the configuration files that made it, the one that counts most first: they are searched for the line
    of a mistake. Raises `UserError` with one line for each mistake, and as `load_yaml` for each of the files: Snakemake
    has read them, and takes the last of two equal keys.
    """
    for file in files:
        load_yaml(file)
    try:
        return Settings.model_validate(config)
    except ValidationError as error:
        lines = explain(error, Settings, files)
    raise UserError(
        f"The configuration has {len(lines)} mistake{'s' * (len(lines) > 1)}:\n"
        + "".join(f"  - {line}\n" for line in lines)
        + "Every key is described in docs/configuration.md."
    )


def read_settings(files: Sequence[str | Path]) -> Settings:
    """config/config.yaml with `files` laid over it: what Snakemake has with these as `--configfile`.

    The last of `files` counts most. Raises `UserError` where one of them is not a file or holds no keys, where there is
    no configuration at all, and as `load_yaml` and `load_settings`.
    """
    config: dict[str, Any] = {}
    own = [OWN_CONFIG] if Path(OWN_CONFIG).is_file() else []
    if not own and not files:
        raise UserError(
            f"There is no {OWN_CONFIG} in {Path.cwd()}. Run the same command in linecam's folder, or name the "
            "configuration of your dataset: --configfile FILE."
        )
    for file in (*own, *files):
        if not Path(file).is_file():
            raise UserError(f"--configfile: {file} is not a file. Name the configuration of your dataset.")
        content = load_yaml(file)
        if not isinstance(content, dict):
            raise UserError(f"{file} holds no keys. docs/configuration.md shows what a configuration looks like.")
        _lay_over(config, content)
    return load_settings(config, [*reversed(files), *own])


def check(settings: Settings, boards: Mapping[str, Board]) -> None:
    """Check what no single setting shows: settings that only make sense together. Raises `UserError`."""
    dataset = settings.dataset
    frames = frames_folder(dataset.name, dataset.kind, dataset.source)
    if dataset.kind == "masks" and dataset.source and Path(dataset.source).resolve() == Path(frames).resolve():
        raise UserError(
            f"dataset.source is {dataset.source}. linecam writes its checked copy there, and replaces what is in it. "
            "Name a copy in another place, or leave source out."
        )
    if dataset.kind == "belt":
        _check_belt(dataset)
    _check_pretrain(settings)
    check_classes("dataset.definitions", dataset.definitions, dataset.classes)
    _check_bundle(settings.bundle, dataset.classes, boards)
    check_places(settings)
    check_line(settings.line, dataset.classes, {name: boards[name] for name in settings.bundle.boards})
    check_sizes("networks", settings.networks, settings.camera.frame_size, region_of(settings, boards))


def check_files(settings: Settings) -> None:
    """Raise `UserError` where a file is not there that a setting names. A job in a pod does not see them."""
    pretrain, key = settings.pretrain, settings.bundle.signing_key
    if "given" in pretrain.methods and not (pretrain.checkpoint and Path(pretrain.checkpoint).is_file()):
        raise UserError(
            "pretrain.methods has the method given, which reads the weights in the file pretrain.checkpoint. But "
            f"pretrain.checkpoint is {pretrain.checkpoint!r}, which is no file. Name a .safetensors file of this "
            "network, or the tutorial's pretrained.ckpt."
        )
    if key is not None and not Path(key).is_file():
        raise UserError(
            f"bundle.signing_key is {key!r}, which is not a file. Name the private key, or make one: linecam new-key "
            "KEY.pem"
        )
    for name, file in {"embed.file": settings.embed.file, "pretrain.taught.weights": pretrain.taught.weights}.items():
        if file is not None and not Path(file).is_file():
            raise UserError(f"{name} is {file!r}, which is not a file. Name one, or leave the key out.")


def check_sizes(key: str, networks: Iterable[str], frame_size: str, region: Region) -> None:
    """Raise `UserError` where the input of a network under `key` is too small, or larger than the middle square.

    A `camera.roi`, and each of `camera.rois`, may be smaller than the input: small parts of a frame are worth
    a look at all the same.
    """
    for network in networks:
        size = input_size(network)
        if size < SMALLEST:
            raise UserError(
                f"{key}: the input of {network} has {size} pixels a side, too few to show anything. Take {SMALLEST} "
                "or more."
            )
        if region.side is not None and size > region.side:
            raise UserError(
                f"{key}: the input of {network} is larger than the square of {region.side} pixels that "
                f"camera.frame_size {frame_size} delivers. Take a smaller input, or a larger frame."
            )


def region_of(settings: Settings, boards: Mapping[str, Board]) -> Region:
    """The region of the sensor's frame that goes to the network: one for all boards, so that one path is simulated.

    `camera.roi`, each of `camera.rois`, or the square in the middle: of `camera.side`, or the largest that the frame of
    every board has. Raises `UserError` where a board's sensor has no such frame, a smaller one, or, with a `camera.roi`
    or `camera.rois`, one of another shape, and where the firmware would crop the region.
    """
    camera, name = settings.camera, settings.camera.frame_size
    frames = _frames_of(name, [boards[board] for board in settings.bundle.boards])
    said = {
        "camera.side": camera.side,
        "camera.roi": camera.roi and list(camera.roi),
        "camera.rois": camera.rois and [list(roi) for roi in camera.rois],
    }
    both = [f"{key} is {value}" for key, value in said.items() if value is not None]
    if len(both) > 1:
        raise UserError(
            f"{', and '.join(both)}: each of them says which part of a frame the network sees. Set one, and leave out "
            f"the other."
        )
    if camera.roi is None and camera.rois is None:
        return Region(side=_side(name, camera.side, min(min(frame) for frame in frames.values())))
    region = _region_of_sensor(settings, frames)
    for roi in camera.rois or (camera.roi,):
        assert roi and region.frame
        (width, height), (x, y, across, down) = region.frame, roi
        if x + across > width or y + down > height:
            raise UserError(
                f"{region.setting}: {list(roi)} reaches to {x + across}, {y + down}, and the frame {name} of "
                f"bundle.boards has {width} x {height} pixels. Take a region [x, y, width, height] within it, or a "
                "larger camera.frame_size."
            )
        firmware = settings.bundle.firmware
        if region.oblong and version(firmware) < version(STRETCHES_SINCE):
            raise UserError(
                f"{region.setting}: {list(roi)} is not a square. Firmware before {STRETCHES_SINCE} would crop it to a "
                f"square instead of stretching it, and bundle.firmware is {firmware}. Take a square, or install "
                f"firmware {STRETCHES_SINCE} on the cameras and write it into bundle.firmware."
            )
    return region


def _region_of_sensor(settings: Settings, frames: Mapping[str, tuple[int, int]]) -> Region:
    """`camera.roi` or `camera.rois` of the one frame that the boards have; `frames` are theirs, by title."""
    camera = settings.camera
    region = Region(roi=camera.roi, frame=next(iter(frames.values())), rois=camera.rois or ())
    if len(set(frames.values())) > 1:
        told = ", ".join(f"{width} x {height} on {title}" for title, (width, height) in frames.items())
        raise UserError(
            f"{region.setting} is a region of one frame size, but {camera.frame_size} has another size on each of "
            f"bundle.boards: {told}. Build for each board in a separate run, with its own region."
        )
    return region


def _frames_of(name: str, boards: Sequence[Board]) -> dict[str, tuple[int, int]]:
    """Width and height of the frame called `name`, by the board's title. Raises `UserError` where one has no such."""
    for board in boards:
        if name not in board.frame_sizes:
            common = set.intersection(*(set(other.frame_sizes) for other in boards))
            raise UserError(
                f"camera.frame_size: linecam has no frame {name} for the sensor of {board.title}. It has: "
                f"{', '.join(board.frame_sizes)}. Sizes that all of bundle.boards have: "
                f"{', '.join(sorted(common)) or 'none'}."
            )
    return {board.title: (board.frame_sizes[name][0], board.frame_sizes[name][1]) for board in boards}


def _side(name: str, wanted: int | None, largest: int) -> int:
    if wanted is not None and wanted > largest:
        raise UserError(
            f"camera.side is {wanted}, and the frame {name} of bundle.boards is {largest} pixels high. Take a smaller "
            "side, or null for the whole height."
        )
    return wanted or largest


def _check_belt(dataset: Dataset) -> None:
    """Raise `UserError` where the settings of the built-in belt are those of other frames."""
    if dataset.source:
        raise UserError(
            f"dataset.source is {dataset.source}, but dataset.kind is belt: linecam would draw frames of its own, and "
            "never look at yours. Write kind: folder, and a name and classes for them; or leave source out."
        )
    drawn = Dataset.model_fields["classes"].default
    if missing := [name for name in drawn if name not in dataset.classes]:
        raise UserError(
            f"dataset.classes is {list(dataset.classes)}, and the belt's frames show {', '.join(missing)}, too. Name "
            f"{', '.join(drawn)}; or write kind: folder, and source: FOLDER, for frames of your own."
        )


def _check_pretrain(settings: Settings) -> None:
    """Raise `UserError` where nothing reads a file of weights, or no file has those that are needed."""
    pretrain, taught = settings.pretrain, settings.pretrain.taught
    methods = {*pretrain.methods, *(method for part in settings.study for method in part.methods)}
    if pretrain.checkpoint and "given" not in methods:
        raise UserError(
            f"pretrain.checkpoint is {pretrain.checkpoint}, and no method of pretrain.methods reads it. Write methods: "
            "[given], or leave checkpoint out."
        )
    if "taught" in pretrain.methods and taught.network != PACKAGED_TEACHER and not taught.weights:
        raise UserError(
            f"pretrain.taught.network is {taught.network}, and linecam has the weights of {PACKAGED_TEACHER} alone. "
            f"Name the file of {taught.network}'s weights: pretrain: {{taught: {{weights: FILE}}}}."
        )


def _check_bundle(bundle: Bundle, classes: Sequence[str], boards: Mapping[str, Board]) -> None:
    for key, named in {"boards": list(bundle.boards), "measured": list(bundle.measured)}.items():
        for name in named:
            if name not in boards:
                raise UserError(f"bundle.{key}: {name!r} is not in config/boards.yaml. {nearest(name, list(boards))}")
    for name in bundle.boards:
        board = boards[name]
        if board.refused:
            raise UserError(f"bundle.boards: linecam builds nothing for {name}. {board.refused.strip()}")
        if bundle.place is not None and bundle.place not in board.places:
            raise UserError(
                f"bundle.place is {bundle.place}, but on {board.title} a model may lie in: {', '.join(board.places)}. "
                "Name one of these, or null for the first."
            )
    for name, known in bundle.measured.items():
        if known.estimate_ms[0] > known.estimate_ms[1]:
            raise UserError(
                f"bundle.measured.{name}.estimate_ms is {list(known.estimate_ms)}. Write the lower end of the interval "
                "first."
            )
    check_classes("bundle.recall", bundle.recall, classes)
    check_classes("bundle.thresholds", bundle.thresholds, classes)


def _lay_over(config: dict[str, Any], other: dict[str, Any]) -> None:
    """Put the keys of `other` into `config`, object by object; what is no object is replaced."""
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            _lay_over(config[key], value)
        else:
            config[key] = value
