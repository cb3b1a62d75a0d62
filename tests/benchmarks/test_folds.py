"""benchmarks/folds.py: that its command runs, and fills its place in the docs."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import folds, lines, sets
from tests.frames.line import encoded, picture


def test_the_command_takes_features_chooses_and_writes_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad", "good"):
        for part in ("train", "test"):
            (tmp_path / "sets/caps" / part / name).mkdir(parents=True)
            for number in range(20):
                file = tmp_path / "sets/caps" / part / name / f"{part}-{number}.jpg"
                file.write_bytes(encoded(picture(seed=number), "JPEG"))
    monkeypatch.setattr(sets, "solar_cells", lambda: iter(()))  # from a package, which may be there
    rng = np.random.default_rng(1)
    monkeypatch.setattr(
        lines,
        "imagenet",
        lambda files: np.array([rng.normal(3 * (file.parent.name == "bad"), size=4) for file in files], np.float32),
    )
    docs = tmp_path / "selection-measured.md"
    docs.write_text("Before.\n\n<!-- folds -->\n<!-- /folds -->\n\nAfter.\n")
    options = {"features": tmp_path / "features", "frames": tmp_path / "sets", "docs": tmp_path, "labels": 40}
    options |= {"strategies": "mixed,random", "seeds": 1}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    monkeypatch.setattr("sys.argv", ["folds.py", *words])
    folds.main()
    text = docs.read_text()
    assert text.startswith("Before.\n\n<!-- folds -->\n| strategy | weights |")
    assert "| mixed | linecam |" in text
    assert "| random | none |" in text
    assert "; caps; 40 labels; seeds 1." in text
    assert text.endswith("\nAfter.\n")
