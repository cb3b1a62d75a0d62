"""An index of frames without pictures, for tests."""

from pathlib import Path

import pandas as pd

from linecam.frames.index import COLUMNS


def write_index(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write an index of these rows, as COLUMNS has them; what a row leaves out is that of a usable frame."""
    base: dict[str, object] = {name: "" for name in COLUMNS}
    base |= {"bytes": 1, "width": 1, "height": 1, "number": -1, "status": "ok"}
    pd.DataFrame([base | row for row in rows], columns=COLUMNS).to_csv(path, index=False)
    return path
