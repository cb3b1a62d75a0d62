"""Given backbones: the tutorial's weights bit by bit, linecam's own files, and no code out of anybody's."""

import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from linecam.errors import UserError
from linecam.files import sha256
from linecam.networks.architectures import ARCHITECTURES, Residual
from linecam.networks.checkpoints import CALLBACK
from linecam.networks.models import Classifier, backbone, embed, load_weights, save_weights, to_images
from scripts.import_backbone import import_backbone

SHARED = Path(__file__).resolve().parents[2] / "../shared"
PRETRAINED, FINETUNED = SHARED / "tutorial/pretrained.ckpt", SHARED / "tutorial/finetuned.pt"
NETWORK = "resnet9-64"

needs_tutorial = pytest.mark.skipif(
    not (PRETRAINED.is_file() and FINETUNED.is_file()), reason="the tutorial's weights are not in ../shared/tutorial"
)
needs_masks = pytest.mark.skipif(
    not (SHARED / "masks/test").is_dir(), reason="the tutorial's frames are not in ../shared/masks"
)


class RawArrays(pickle.Unpickler):
    """What a torch zip file holds, as numpy arrays cut out of its bytes: a second opinion that needs no torch."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)
        super().__init__(self.archive.open("archive/data.pkl"))

    def find_class(self, module, name):
        def rebuild(storage, offset, size, stride, *_):
            strides = [step * storage.itemsize for step in stride]
            return np.lib.stride_tricks.as_strided(storage[offset:], size, strides)

        known = {
            "OrderedDict": OrderedDict,
            "FloatStorage": np.float32,
            "LongStorage": np.int64,
            "_rebuild_tensor_v2": rebuild,
            "CustomModelCheckpoint": object,
        }
        return known[name]

    def persistent_load(self, pid):
        _, dtype, key, _, count = pid
        array = np.frombuffer(self.archive.read(f"archive/data/{key}"), dtype)
        assert len(array) == count
        return array


def imported(checkpoint: Path, place: Path) -> dict[str, torch.Tensor]:
    """The weights that `checkpoint` becomes, by the keys of the network."""
    import_backbone(checkpoint, place / "backbone.safetensors", network=NETWORK)
    module = backbone(NETWORK)
    about = load_weights(place / "backbone.safetensors", module)
    assert about == {"network": NETWORK, "method": "given", "source_sha256": sha256(checkpoint)}
    return module.state_dict()


def drawn(seed: int = 3) -> dict[str, torch.Tensor]:
    """A backbone's weights, none of them what PyTorch starts with."""
    generator = torch.Generator().manual_seed(seed)
    state = backbone(NETWORK).state_dict()
    return {
        name: torch.rand(tensor.shape, generator=generator) if tensor.is_floating_point() else tensor + 7
        for name, tensor in state.items()
    }


def prefixed(prefix: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def refused(checkpoint: Path, place: Path, match: str) -> str:
    """The message with which `checkpoint` is refused; it leaves no output."""
    with pytest.raises(UserError, match=match) as error:
        import_backbone(checkpoint, place / "out/backbone.safetensors", network=NETWORK)
    message = str(error.value)
    assert str(checkpoint) in message
    assert "\n" not in message
    assert "weights_only" not in message  # PyTorch's advice to load it anyhow
    assert not (place / "out").exists() or not list((place / "out").iterdir())
    return message


@needs_tutorial
@pytest.mark.parametrize(("path", "prefix"), [(PRETRAINED, "model.backbone."), (FINETUNED, "features.")])
def test_the_tutorials_weights_arrive_bit_by_bit(path, prefix, tmp_path):
    content = RawArrays(path).load()
    raw = content.get("state_dict", content)
    wanted = {name.removeprefix(prefix): array for name, array in raw.items() if name.startswith(prefix)}
    given = imported(path, tmp_path)
    assert given.keys() == wanted.keys()
    assert len(given) == 79
    for name, array in wanted.items():
        tensor = given[name].numpy()
        assert (tensor.dtype, tensor.shape) == (array.dtype, array.shape)
        assert tensor.tobytes() == array.tobytes()


@needs_tutorial
@needs_masks
def test_the_imported_backbone_still_tells_masks_apart(tmp_path):
    model = Classifier(NETWORK, 3).eval()
    model.backbone.load_state_dict(imported(FINETUNED, tmp_path))
    head = torch.load(FINETUNED, map_location="cpu", weights_only=True)
    model.head.load_state_dict({name: head[f"classifier.0.{name}"] for name in ("weight", "bias")})
    paths = sorted((SHARED / "masks/test").glob("*/*.jpg"))
    pixels = [np.asarray(Image.open(path).convert("RGB").resize((64, 64), Image.Resampling.BILINEAR)) for path in paths]
    targets = torch.tensor([["bad", "good", "no_mask"].index(path.parent.name) for path in paths])
    with torch.inference_mode():
        embeddings = embed(model.backbone, to_images(np.stack(pixels)))
        right = model.head(embeddings).argmax(dim=1) == targets
    assert len(paths) == 251
    assert right.float().mean() > 0.85


def test_own_files_go_round(tmp_path):
    state = drawn()
    module = backbone(NETWORK)
    module.load_state_dict(state)
    save_weights(tmp_path / "own.safetensors", module, {"network": NETWORK, "method": "simclr"})
    assert same(imported(tmp_path / "own.safetensors", tmp_path), state)
    first = (tmp_path / "backbone.safetensors").read_bytes()
    imported(tmp_path / "own.safetensors", tmp_path)
    assert (tmp_path / "backbone.safetensors").read_bytes() == first

    classifier = Classifier(NETWORK, 3)
    classifier.backbone.load_state_dict(state)
    save_weights(tmp_path / "whole.safetensors", classifier, {"network": NETWORK, "classes": ["a", "b", "c"]})
    assert same(imported(tmp_path / "whole.safetensors", tmp_path), state)


def test_state_dicts_of_torch_save(tmp_path):
    state = drawn()
    for number, content in enumerate(
        [
            state,
            OrderedDict(prefixed("features.", state) | {"classifier.0.bias": torch.zeros(3)}),
            {
                "epoch": 3,
                "state_dict": prefixed("model.backbone.", state) | {"model.projection_head.0.bias": state["0.bias"]},
            },
            {"state_dict": prefixed("backbone.", state)},
            {"model": state, "optimizer": {"lr": 0.1}, "epoch": 3},
            {"model_state_dict": prefixed("features.", state)},
            prefixed("module.", state),  # DataParallel
            prefixed("_orig_mod.", state),  # torch.compile
            {"model": prefixed("_orig_mod.module.", state)},
            {"state_dict": prefixed("model.backbone._orig_mod.", state)},  # a part of a model
            prefixed("module.backbone.", state) | {"module.head.bias": torch.zeros(3)},
        ]
    ):
        torch.save(content, tmp_path / f"{number}.pt")
        assert same(imported(tmp_path / f"{number}.pt", tmp_path), state)


def test_a_compiled_backbone_in_a_safetensors_file(tmp_path):
    save_file(prefixed("_orig_mod.", drawn()), tmp_path / "compiled.safetensors")
    assert same(imported(tmp_path / "compiled.safetensors", tmp_path), drawn())


def test_what_wrappers_do_to_the_names(tmp_path):
    """The names above are those that PyTorch gives."""
    for number, wrapped in enumerate([torch.nn.DataParallel(backbone(NETWORK)), torch.compile(backbone(NETWORK))]):
        wrapped.load_state_dict({f"{'module' if number == 0 else '_orig_mod'}.{k}": v for k, v in drawn().items()})
        torch.save(wrapped.state_dict(), tmp_path / f"{number}.pt")
        assert same(imported(tmp_path / f"{number}.pt", tmp_path), drawn())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (drawn() | prefixed("module.", drawn(4)), "twice, once inside and once outside of _orig_mod or module"),
        ({"model": drawn(), "state_dict": drawn(4)}, "several state dicts, state_dict and model"),
        (
            prefixed("backbone.", drawn()) | prefixed("features.", drawn(4)),
            "several backbones, backbone. and features.",
        ),
    ],
)
def test_of_two_networks_none_is_guessed(tmp_path, content, told):
    torch.save(content, tmp_path / "two.pt")
    refused(tmp_path / "two.pt", tmp_path, told)


@pytest.fixture
def callback(monkeypatch) -> type:
    """The class that no longer exists, for as long as it takes to write a file that names it."""
    made = type("CustomModelCheckpoint", (), {"__module__": CALLBACK.rpartition(".")[0]})
    module = types.ModuleType(made.__module__)
    module.CustomModelCheckpoint = made
    monkeypatch.setitem(sys.modules, made.__module__, module)
    return made


def test_the_former_callback_may_be_named_and_nothing_more(tmp_path, callback):
    state = prefixed("model.backbone.", drawn())
    torch.save({"state_dict": state, "callbacks": {callback: {"monitor": "loss"}}}, tmp_path / "named.ckpt")
    assert same(imported(tmp_path / "named.ckpt", tmp_path), drawn())

    with_state = callback()
    with_state.monitor = "loss"
    torch.save({"state_dict": state, "callbacks": [with_state]}, tmp_path / "state.ckpt")
    refused(tmp_path / "state.ckpt", tmp_path, "cannot|not a checkpoint|more than weights")


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_run(tmp_path, protocol, zipped):
    marker = tmp_path / "ran"
    content = {"state_dict": drawn(), "extra": Evil(f"touch {marker}")}
    path = tmp_path / "evil.ckpt"
    torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    message = refused(path, tmp_path, "run code|more than weights|PyTorch 1.6")
    if zipped and protocol == 2:
        assert f"{os.system.__module__}.system" in message
    assert not marker.exists()


def test_a_bare_pickle_is_not_run(tmp_path):
    marker = tmp_path / "ran"
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil(f"touch {marker}")))
    refused(tmp_path / "evil.pt", tmp_path, "not a checkpoint")
    (tmp_path / "evil.safetensors").write_bytes(pickle.dumps(Evil(f"touch {marker}")))
    refused(tmp_path / "evil.safetensors", tmp_path, "not a safetensors file")
    assert not marker.exists()


def rewritten(path: Path, change: dict[bytes, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """`path` as another zip, with byte strings in its pickle exchanged."""
    other = path.with_name("rewritten.pt")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w", compression) as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("data.pkl"):
                for before, after in change.items():
                    assert before in content
                    content = content.replace(before, after)
            target.writestr(name, content)
    return other


def test_sizes_that_the_file_does_not_hold(tmp_path):
    state = drawn()
    torch.save({"0.weight": state["0.weight"], "a": torch.arange(201.0)}, tmp_path / "ok.pt")
    # BININT1 201 is the number of elements in the storage and in the tensor.
    count = b"K\xc9"
    refused(rewritten(tmp_path / "ok.pt", {count: b"M\x00\xff"}), tmp_path, "record size")
    # The tensor alone: (201,) becomes (65280,), reaching beyond the storage.
    refused(rewritten(tmp_path / "ok.pt", {count + b"\x85": b"M\x00\xff\x85"}), tmp_path, "resiz|bounds|storage")
    torch.save({"a": torch.zeros(1_000_000)}, tmp_path / "bomb.pt")
    packed = rewritten(tmp_path / "bomb.pt", {}, zipfile.ZIP_DEFLATED)
    assert packed.stat().st_size < 10_000
    refused(packed, tmp_path, "unpacks to 4000")


def test_damaged_files(tmp_path):
    noise = np.random.default_rng(0).bytes(5000)
    for name in ("noise.ckpt", "noise.safetensors"):
        (tmp_path / name).write_bytes(noise)
        refused(tmp_path / name, tmp_path, "is not a")
    for name in ("empty.ckpt", "empty.safetensors"):
        (tmp_path / name).write_bytes(b"")
        refused(tmp_path / name, tmp_path, "is not a")
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("readme.txt", "a zip of something else")
    refused(tmp_path / "other.pt", tmp_path, "not a checkpoint")

    torch.save(drawn(), tmp_path / "whole.pt")
    save_file(drawn(), tmp_path / "whole.safetensors")
    for path in (tmp_path / "whole.pt", tmp_path / "whole.safetensors"):
        content = path.read_bytes()
        for size in (len(content) // 3, len(content) - 1, len(content) - 100):
            path.write_bytes(content[:size])
            refused(path, tmp_path, "is not a")
        if path.suffix == ".pt":  # a hole in the middle of the pickle
            middle = content.index(b"_rebuild_tensor_v2") + 100
            path.write_bytes(content[:middle] + bytes(200) + content[middle + 200 :])
            refused(path, tmp_path, "damaged|not a checkpoint|state dict")


@pytest.mark.parametrize(
    "content",
    [
        torch.zeros(3),
        [torch.zeros(3)],
        {},
        {"state_dict": {}},
        {"state_dict": [1]},
        {"state_dict": {"0.weight": 1.0}},
        {1: torch.zeros(3)},
        {"0.weight": torch.eye(3).to_sparse()},
        {"0.weight": torch.zeros(3, device="meta")},
    ],
)
def test_no_state_dict(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    refused(tmp_path / "other.pt", tmp_path, "no state dict")


def test_other_networks(tmp_path, monkeypatch):
    state = drawn()
    first = next(iter(state))
    for number, other in enumerate(
        [
            {"fc.weight": torch.zeros(3, 4)},
            {name: tensor for name, tensor in state.items() if name != first},
            state | {"8.weight": torch.zeros(4)},
            state | {first: torch.zeros(4)},
            state | {first: torch.zeros(1).expand(2**40)},  # shows 4 TB, holds 4 bytes
        ]
    ):
        torch.save(other, tmp_path / f"{number}.pt")
        refused(tmp_path / f"{number}.pt", tmp_path, "of another network")
        if number < 4:
            save_file(other, tmp_path / f"{number}.safetensors")
            refused(tmp_path / f"{number}.safetensors", tmp_path, "of another network")

    monkeypatch.setitem(ARCHITECTURES, "tiny", Residual(2, (3,), (2,)))
    torch.save(state, tmp_path / "resnet.pt")
    with pytest.raises(UserError, match="another network"):
        import_backbone(tmp_path / "resnet.pt", tmp_path / "out.safetensors", network="tiny-64")
    with pytest.raises(UserError, match="no network 'vgg-64'"):
        import_backbone(tmp_path / "resnet.pt", tmp_path / "out.safetensors", network="vgg-64")


def test_a_file_is_what_its_content_says(tmp_path):
    for name in ("weights.pt", "weights.SAFETENSORS", "weights"):
        save_file(drawn(), tmp_path / name)
        assert same(imported(tmp_path / name, tmp_path), drawn())
    for name in ("weights.safetensors", "weights.h5"):
        torch.save(drawn(), tmp_path / name)
        assert same(imported(tmp_path / name, tmp_path), drawn())


def test_a_changed_byte_of_a_checkpoint(tmp_path):
    """PyTorch itself does not look at the checksums that it writes."""
    path = tmp_path / "given.pt"
    torch.save(drawn(), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert torch.load(path, weights_only=True).keys() == drawn().keys()
    refused(path, tmp_path, r"given\.pt is damaged: given/data/\d+ in it has another checksum")


@pytest.mark.parametrize(("kind", "called"), [(torch.int8, "whole"), (torch.complex64, "complex")])
def test_numbers_of_another_kind(tmp_path, kind, called):
    torch.save(drawn() | {"7.weight": drawn()["7.weight"].to(kind)}, tmp_path / "given.pt")
    refused(tmp_path / "given.pt", tmp_path, f"1 tensors hold {called} numbers, .* first 7.weight")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_floating_point_numbers_of_any_length(tmp_path, kind):
    state = {name: tensor.to(kind) if tensor.is_floating_point() else tensor for name, tensor in drawn().items()}
    torch.save(state, tmp_path / "given.pt")
    given = imported(tmp_path / "given.pt", tmp_path)
    assert all(torch.equal(given[name], tensor.to(given[name].dtype)) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("0.running_var", -1.0, "makes NaN or infinity of an image"),
        ("7.weight", 3e38, "makes NaN or infinity of an image"),
        ("7.weight", 0.0, "makes the same of any image"),
    ],
)
def test_weights_that_see_nothing(tmp_path, name, value, told):
    state = drawn()
    state[name] = torch.full_like(state[name], value)
    torch.save(state, tmp_path / "given.pt")
    refused(tmp_path / "given.pt", tmp_path, told)


def test_a_number_too_large_for_the_network(tmp_path):
    state = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in drawn().items()}
    state["7.weight"][0] = 1e300
    torch.save(state, tmp_path / "given.pt")
    refused(tmp_path / "given.pt", tmp_path, "NaN or infinity, first 7.weight")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_diverged_weights(tmp_path, value):
    state = drawn()
    state["7.weight"][3] = value
    torch.save(state, tmp_path / "diverged.pt")
    refused(tmp_path / "diverged.pt", tmp_path, "NaN or infinity, first 7.weight")


def test_the_header_says_where_it_comes_from(tmp_path):
    torch.save(drawn(), tmp_path / "given.pt")
    imported(tmp_path / "given.pt", tmp_path)
    with safe_open(tmp_path / "backbone.safetensors", framework="np") as file:
        assert sha256(tmp_path / "given.pt") in file.metadata()["linecam"]
