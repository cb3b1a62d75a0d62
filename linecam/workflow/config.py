"""The configuration: validated against config/schema.yaml, defaults filled in, mistakes named with their line."""

import math
from collections.abc import Iterable, Sequence
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from linecam.errors import UserError
from linecam.files import load_yaml
from linecam.frames.folder import frames_folder
from linecam.networks.architectures import parse

# JSON knows no infinity and takes 200.0 for an integer; as a name of a file it is another than 200.
_TYPES = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
).redefine(
    "number", lambda _, value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
)
VALIDATOR = extend(Draft202012Validator, type_checker=_TYPES)


def complete(config: dict[str, Any], schema: dict[str, Any], files: Iterable[str | Path] = ()) -> dict[str, Any]:
    """Check `config` against `schema` and return a copy with every default filled in.

    `files` are the configuration files that made it, the one that counts most first: they are searched for the line
    of a mistake. Raises `UserError` with one line for each mistake.
    """
    config = deepcopy(config)
    _fill(config, schema, schema)
    mistakes = sorted(VALIDATOR(schema).iter_errors(config), key=lambda error: list(map(str, error.path)))
    if mistakes:
        here = f"{Path.cwd()}/"
        names = [str(file).removeprefix(here) for file in files]
        lines = [line for mistake in mistakes for line in _explain(mistake, names)]
        raise UserError(
            f"The configuration has {len(lines)} mistake{'s' * (len(lines) > 1)}:\n"
            + "".join(f"  - {line}\n" for line in lines)
            + "Every key is described in config/schema.yaml."
        )
    return config


def read(files: Sequence[str | Path]) -> dict[str, Any]:
    """config/config.yaml with `files` laid over it, complete: what Snakemake has with these as `--configfile`.

    Raises `UserError` where the working directory is not linecam's folder, and as `load_yaml` and `complete`.
    """
    if not Path("config/schema.yaml").is_file():
        raise UserError(
            f"There is no config/schema.yaml in {Path.cwd()}. Run the same command in linecam's folder, where the "
            "Snakefile lies."
        )
    config: dict[str, Any] = {}
    for file in ("config/config.yaml", *files):
        if not Path(file).is_file():
            raise UserError(f"--configfile: {file} is no file. Name the configuration of your dataset.")
        content = load_yaml(file)
        if not isinstance(content, dict):
            raise UserError(f"{file} holds no keys. config/config.yaml shows what a configuration looks like.")
        _lay_over(config, content)
    return complete(config, load_yaml("config/schema.yaml"), [*reversed(files), "config/config.yaml"])


def check(config: dict[str, Any], boards: dict[str, Any]) -> None:
    """Check what a schema can't: settings that only make sense together. Raises `UserError`."""
    dataset, pretrain = config["dataset"], config["pretrain"]
    frames_folder(dataset)
    frames = Path("data") / dataset["name"] / "frames"
    if dataset["kind"] == "masks" and dataset["source"] and Path(dataset["source"]).resolve() == frames.resolve():
        raise UserError(
            f"dataset.source is {dataset['source']}, where the checked copy goes: what is there is replaced. "
            "Name a copy in another place, or leave source out."
        )
    if "given" in pretrain["methods"]:
        path = pretrain["checkpoint"]
        if not path or not Path(path).is_file():
            raise UserError(
                f"pretrain.methods asks for a given backbone, but pretrain.checkpoint is {path!r}, which is no file. "
                "Name a .safetensors file of this network, or the tutorial's pretrained.ckpt."
            )
    parse(f"{pretrain['teacher']}-64")
    _check_bundle(config["bundle"], config["dataset"]["classes"], boards)
    check_sizes(config["networks"], config["camera"]["frame_size"], side_of(config, boards))
    for part in config["study"]:  # whether they fit is asked where there is a study
        list(map(parse, part["networks"]))


def check_sizes(networks: Iterable[str], frame_size: str, side: int) -> None:
    """Raise `UserError` where a network's input is larger than the camera's square of `side` pixels."""
    for network in networks:
        if parse(network)[1] > side:
            raise UserError(
                f"networks: the input of {network} is larger than the square of {side} pixels that camera.frame_size "
                f"{frame_size} delivers. Take a smaller input, or a larger frame."
            )


def side_of(config: dict[str, Any], boards: dict[str, Any]) -> int:
    """The side, in pixels, of the square that goes to the network: one for all boards, so that one path is simulated.

    `camera.side`, or the largest that the frame of every board has. Raises `UserError` where a board's sensor has no
    such frame, or a smaller one.
    """
    name, wanted = config["camera"]["frame_size"], config["camera"]["side"]
    for board in config["bundle"]["boards"]:
        sizes = boards[board]["frame_sizes"]
        if name not in sizes:
            common = set.intersection(*(set(boards[other]["frame_sizes"]) for other in config["bundle"]["boards"]))
            raise UserError(
                f"camera.frame_size: the sensor of {boards[board]['title']} has no frame {name} for linecam, but "
                f"{', '.join(sizes)}. All of bundle.boards have: {', '.join(sorted(common)) or 'none in common'}."
            )
    largest = min(boards[board]["frame_sizes"][name] for board in config["bundle"]["boards"])
    if wanted is not None and wanted > largest:
        raise UserError(
            f"camera.side is {wanted}, and the frame {name} of bundle.boards is {largest} pixels high. Take a smaller "
            "side, or null for the whole height."
        )
    return wanted or largest


def _check_bundle(bundle: dict[str, Any], classes: list[str], boards: dict[str, Any]) -> None:
    for key in ("boards", "measured"):
        for board in bundle[key]:
            if board not in boards:
                raise UserError(
                    f"bundle.{key}: {board!r} is not in config/boards.yaml. {_nearest(board, list(boards))}"
                )
    for board in bundle["boards"]:
        if boards[board].get("refused"):
            raise UserError(f"bundle.boards: {board} is not built for. {boards[board]['refused'].strip()}")
        places = list(boards[board]["places"])
        if bundle["place"] is not None and bundle["place"] not in places:
            raise UserError(
                f"bundle.place is {bundle['place']}, but on {boards[board]['title']} a model may lie in: "
                f"{', '.join(places)}. Name one of these, or null for the first."
            )
    key = bundle["signing_key"]
    if key is not None and not Path(key).is_file():
        raise UserError(
            f"bundle.signing_key is {key!r}, which is no file. Name the private key, or make one: "
            "python -m linecam.bundle.signature new-key KEY.pem"
        )
    for board, known in bundle["measured"].items():
        if known["estimate_ms"][0] > known["estimate_ms"][1]:
            raise UserError(f"bundle.measured.{board}.estimate_ms: write the lower end of the interval first.")
    for key in ("recall", "thresholds"):
        for name in bundle[key]:
            if name not in classes:
                raise UserError(f"bundle.{key}: {name!r} is no class. {_nearest(name, classes)}")


def board_to_deploy(drive: str | None, board: str | None, boards: list[str]) -> str:
    """The board whose bundle goes to `drive`, among the `boards` that there are bundles for.

    Raises `UserError` where there is no drive, no such board, or a choice.
    """
    if drive is None:
        raise UserError(
            "deploy needs to know the camera's drive, and never guesses: connect the camera, look where its drive is "
            "mounted, and name that folder: snakemake deploy --config drive=/media/you/OPENMV"
        )
    if board is None and len(boards) > 1:
        raise UserError(
            f"There are bundles for {len(boards)} boards, {', '.join(boards)}, and a drive doesn't say whose it is. "
            f"Name the board too: snakemake deploy --config drive={drive} board={boards[0]}"
        )
    if board is not None and board not in boards:
        raise UserError(f"board={board} is not in bundle.boards. {_nearest(board, boards)}")
    return board or boards[0]


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU: by its device files, since asking PyTorch takes seconds."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def pins(lock: str | Path) -> dict[str, str]:
    """The version of each package in a lock file of `name==version` lines."""
    lines = Path(lock).read_text(encoding="utf-8").splitlines()
    pinned = (line.split("#")[0].split(";")[0].partition("==") for line in lines)
    return {name.strip(): version.strip() for name, _, version in pinned if version}


def _lay_over(config: dict[str, Any], other: dict[str, Any]) -> None:
    """Put the keys of `other` into `config`, object by object; what is no object is replaced."""
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            _lay_over(config[key], value)
        else:
            config[key] = value


def _fill(value: Any, part: dict[str, Any], schema: dict[str, Any]) -> None:
    """Fill the defaults of the schema's `part` into the object `value`, in place."""
    if not isinstance(value, dict):
        return
    for key, sub in part.get("properties", {}).items():
        if "default" in sub:
            value.setdefault(key, deepcopy(sub["default"]))
        if key in value:
            reference = sub.get("$ref", "").removeprefix("#/$defs/")
            _fill(value[key], schema["$defs"][reference] if reference else sub, schema)


def _explain(error: ValidationError, files: Sequence[str]) -> list[str]:
    """One line for each mistake that a validation error stands for: which key, where, what was expected."""
    path = list(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        wrong = [key for key in error.instance if key not in known]
        return [
            f"{_name([*path, key])} is not a key{_where([*path, key], files)}. {_nearest(str(key), known)}"
            for key in wrong
        ]
    if error.validator == "required":
        missing = error.message.split("'")[1]
        return [f"{_name([*path, missing])} is missing{_where(path, files)}."]
    expected = error.message
    if error.validator == "enum":
        expected = _nearest(str(error.instance), [str(choice) for choice in error.validator_value])
    elif error.validator == "anyOf":  # only a quantization range has two forms
        expected = "Write calibrated, or [low, high] with low below 0 and high above."
    elif error.validator == "pattern":
        expected = f"It must match {error.validator_value}."
    return [f"{_name(path)} is {error.instance!r}{_where(path, files)}. {expected}"]


def _nearest(word: str, choices: list[str]) -> str:
    near = get_close_matches(word, choices, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{hint}There is: {', '.join(choices)}."


def _name(path: Iterable[Any]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the configuration"


def _where(path: Sequence[Any], files: Sequence[str]) -> str:
    """' (file, line N)' of the first file that sets `path`; "" where none does (`--config` does)."""
    for file in files:
        node = yaml.compose(Path(file).read_text(encoding="utf-8"))
        line = None
        for part in path:
            if isinstance(node, yaml.MappingNode):
                found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
                if found is None:
                    line = None
                    break
                line, node = found[0].start_mark.line, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line
            else:
                line = None
                break
        if line is not None:
            return f" ({file}, line {line + 1})"
    return ""
