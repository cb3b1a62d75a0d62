"""The converter without the rest of TensorFlow: the same bytes, and none of what makes it slow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Project

CODE = """
import hashlib, json, sys
from pathlib import Path

if sys.argv[1] == "whole":
    import tensorflow
from scripts.quantize import quantize

*inputs, out = map(Path, sys.argv[2:])
digests = []
for span in (None, (-6.0, 6.0)):
    quantize(*inputs, out, span=span, frames=20)
    digests.append(hashlib.sha256(out.read_bytes()).hexdigest())
loaded = sorted({"keras", "matplotlib", "sklearn"} & sys.modules.keys())
import tensorflow

whole = int(tensorflow.reduce_sum([1, 2])) == 3
print(json.dumps({"digests": digests, "loaded": loaded, "whole": whole}))
"""


def quantized(belt: Project, how: str, out: Path) -> dict:
    results = belt.folder / "results/tiny"
    (savedmodel,) = results.glob("savedmodel/*/*/*")
    inputs = [savedmodel, results / "pixels/64.npy", results / "split/coreset-60.csv", out]
    run = subprocess.run(
        [sys.executable, "-c", CODE, how, *map(str, inputs)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def light(belt: Project, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return quantized(belt, "light", tmp_path_factory.mktemp("light") / "model.tflite")


def test_the_same_bytes_as_with_all_of_tensorflow(belt: Project, light: dict, tmp_path: Path) -> None:
    whole = quantized(belt, "whole", tmp_path / "model.tflite")
    assert whole["digests"] == light["digests"]
    assert len(set(light["digests"])) == 2
    assert whole["loaded"], "what the other way loads is there to be loaded"


def test_neither_keras_nor_what_it_loads(light: dict) -> None:
    assert light["loaded"] == []


def test_who_imports_tensorflow_afterwards_gets_all_of_it(light: dict) -> None:
    assert light["whole"] is True
