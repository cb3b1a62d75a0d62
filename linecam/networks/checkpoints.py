"""Backbones in files of other programs: a state dict, or a checkpoint, read without running any of its code."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from linecam.errors import UserError, text_of

# Where a backbone stands among the keys: in the tutorial's pretrained.ckpt, in a classifier of linecam, in the
# tutorial's finetuned.pt. A file with none of them holds a backbone alone.
PREFIXES = ("model.backbone.", "backbone.", "features.")

# Parts of names that only DataParallel and torch.compile add, to the networks that they wrap.
WRAPPERS = {"module", "_orig_mod"}

# The keys under which programs save the state dict, beside the optimizer's state and so on.
PLACES = ("state_dict", "model_state_dict", "model")

# The tutorial's pretrained.ckpt names this class of a former lightly, and makes no object of it.
CALLBACK = "lightly.embedding._callback.CustomModelCheckpoint"


class Placeholder:
    """Stands for `CALLBACK`. Its objects would take neither arguments nor state."""

    __slots__ = ()


def read_backbone(path: Path) -> dict[str, Tensor]:
    """The tensors of the backbone in a safetensors file, or in what `torch.save` wrote, by their names in it.

    Raises `UserError` where the file cannot be read, or holds anything but weights, or two for one name.
    """
    state = read_safetensors(path) if _is_safetensors(path) else read_checkpoint(path)
    return backbone_part(path, unwrapped(path, state))


def check_sound(path: Path, module: nn.Module, side: int) -> None:
    """Raise `UserError` where the network `module`, with the weights of `path`, sees nothing in images of `side`.

    Its weights are no numbers; or they are, and its answer is none, as with a negative variance; or it is always the
    same, as with weights of 0.
    """
    broken = [name for name, tensor in module.state_dict().items() if not torch.isfinite(tensor).all()]
    if broken:
        raise UserError(
            f"{path}: {len(broken)} tensors hold NaN or infinity, first {broken[0]}. Its training diverged: give a "
            "file of an earlier epoch, or of another training."
        )
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        one, other = module.eval()(images).flatten(1)
    what = "makes NaN or infinity of an image" if not torch.isfinite(one).all() else "makes the same of any image"
    if "NaN" in what or torch.equal(one, other):
        raise UserError(
            f"{path}: the network {what} with these weights, though they are numbers. Give a file of another training."
        )


def _is_safetensors(path: Path) -> bool:
    """Whether it is safetensors, by its first bytes. If they fit neither of the two kinds, its name decides."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError:  # whoever reads it says why
        start = b""
    return not start.startswith(b"PK") and (start[8:] == b"{" or path.suffix.lower() == ".safetensors")


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file by their names. Raises `UserError` where it is none."""
    try:
        return safetensors.torch.load_file(path)
    except Exception as error:  # safetensors raises its own and OSError
        raise UserError(
            f"{path} is not a safetensors file that can be read: {error}. Copy it again, or give another file."
        ) from None


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """All tensors of the state dict in a file of `torch.save`, or of the one that it has at one of `PLACES`.

    Read by PyTorch's own restricted unpickler, which calls nothing but what rebuilds tensors. Raises `UserError`
    where the file cannot be read, asks for anything else, or holds no state dict.
    """
    advice = "Give a .safetensors file, the tutorial's pretrained.ckpt, or a state dict written by torch.save."
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path} is not a checkpoint of PyTorch 1.6 or later, or it is cut off. {advice}")
    with torch.serialization.safe_globals([(Placeholder, CALLBACK)]):
        try:
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
                if unpacked > path.stat().st_size:  # torch.save does not compress
                    raise UserError(f"{path} unpacks to {unpacked} bytes, more than the file has. {advice}")
                if damaged := archive.testzip():  # PyTorch does not look
                    raise UserError(f"{path} is damaged: {damaged} in it has another checksum. Copy it again.")
            refused = torch.serialization.get_unsafe_globals_in_checkpoint(path)
            if refused:
                raise UserError(
                    f"{path} asks to load {', '.join(sorted(refused))}, which may run code: refused. Save its state "
                    "dict alone, where you trust it, and give that file."
                )
            with path.open("rb") as file:  # of a path PyTorch looks at the suffix
                content = torch.load(file, map_location="cpu", weights_only=True)
        except UserError:
            raise
        except pickle.UnpicklingError:  # its text advises to load without the restrictions
            raise UserError(f"{path} holds more than weights, or is damaged. {advice}") from None
        except Exception as error:  # whatever PyTorch and zipfile raise on a damaged file
            reason = text_of(error).partition("\n")[0]
            raise UserError(f"{path} is not a checkpoint that can be read: {reason}. {advice}") from None
    state = content
    if isinstance(content, Mapping):
        places = [name for name in PLACES if isinstance(content.get(name), Mapping)]
        if len(places) > 1:
            raise UserError(f"{path} holds several state dicts, {' and '.join(places)}. {advice}")
        state = content[places[0]] if places else content
    if not isinstance(state, Mapping) or not state or not all(map(is_weight, state.items())):
        raise UserError(f"{path} holds no state dict, that is names and tensors alone. {advice}")
    return dict(state)


def unwrapped(path: Path, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `path` by their names in the network itself, whatever it was wrapped in when it was saved.

    Raises `UserError` where two become one.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        inside = ".".join(part for part in name.split(".") if part not in WRAPPERS)
        if inside in found:
            raise UserError(
                f"{path} holds {inside} twice, once inside and once outside of {' or '.join(sorted(WRAPPERS))}. Save "
                "the state dict of one network alone."
            )
        found[inside] = tensor
    return found


def is_weight(item: tuple[Any, Any]) -> bool:
    """Whether a key and its value are a name and a plain tensor in memory."""
    name, tensor = item
    return (
        isinstance(name, str)
        and isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and not tensor.is_quantized
    )


def backbone_part(path: Path, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the backbone, by their names in it, out of those of a whole model or of a backbone alone.

    Raises `UserError` where `path` holds two.
    """
    parts = {
        prefix: {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        for prefix in PREFIXES
    }
    found = [prefix for prefix, part in parts.items() if part]
    if len(found) > 1:
        raise UserError(
            f"{path} holds several backbones, {' and '.join(found)}. Save the state dict of one network alone."
        )
    return parts[found[0]] if found else state
