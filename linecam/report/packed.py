"""Scripts and data inside the page: compressed, and run only if they are the ones that the page was written with."""

import base64
import gzip
import hashlib
import importlib.util
from pathlib import Path

# What draws the map of the frames, in the report and in the labelling page.
DRAWING = Path(__file__).with_name("static") / "map_drawing.js"


def packed(content: str) -> str:
    """Text as gzip in base64, which the page's own script unpacks (DecompressionStream)."""
    return base64.b64encode(gzip.compress(content.encode(), 9, mtime=0)).decode()


def policy_hash(script: str) -> str:
    """What a Content-Security-Policy calls a script by, among its `script-src`: it then runs no other one."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def bokeh_files() -> list[Path]:
    """The JavaScript of Bokeh's package, the library and what makes plots from JavaScript. It reads no other file."""
    # The package is not imported: that takes a second, and only its files are needed.
    found = importlib.util.find_spec("bokeh")
    assert found is not None and found.origin is not None, "requirements.lock has it"
    folder = Path(found.origin).parent / "server/static/js"
    names = ("bokeh.min.js", "bokeh-api.min.js")
    return [folder / name for name in names]


def bokeh_scripts() -> list[str]:
    """The text of `bokeh_files`."""
    return [path.read_text(encoding="utf-8") for path in bokeh_files()]
