"""ONNX to SavedModel: the same bytes every time, and nothing but what the next step reads."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from linecam.files import sha256
from tests.conftest import ROOT

SIDE = 8
CODE = """
import sys
from pathlib import Path
from scripts.convert_savedmodel import convert_savedmodel

convert_savedmodel(*map(Path, sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 1x1 convolution to two classes, the mean over the image, softmax."""
    weights = np.random.default_rng(1).normal(size=(2, 3, 1, 1)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "weights"], ["maps"]),
            helper.make_node("GlobalAveragePool", ["maps"], ["means"]),
            helper.make_node("Flatten", ["means"], ["flat"]),
            helper.make_node("Softmax", ["flat"], ["probabilities"], axis=1),
        ],
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(weights, "weights")],
    )
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def test_two_conversions_give_equal_folders(network: Path, tmp_path: Path) -> None:
    folders = []
    before = network.read_bytes()
    for name in ("one", "two"):  # each in a process of its own, as the jobs are: TensorFlow numbers what it makes
        command = [sys.executable, "-c", CODE, str(network), str(tmp_path / name)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        folders.append({path.relative_to(tmp_path / name).as_posix(): sha256(path) for path in files})
    assert folders[0] == folders[1]
    assert folders[0].keys() == {
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    }
    assert network.read_bytes() == before
