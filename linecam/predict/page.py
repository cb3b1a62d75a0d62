"""The page of what main.py would say: thumbnails by class, the least sure first.

One file that loads nothing and has no script.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from PIL import Image

from linecam.bundle.shipped import Shipped
from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.frames.decode import read_region
from linecam.predict.table import agreement, confusion, counts, how_it_decides, least_sure, names_of
from linecam.progress import progress

TEMPLATE = Path(__file__).with_name("page.html.j2")
# This many thumbnails are under 5 MB, even if all show noise, which takes the most bytes.
MOST, SIDE, QUALITY = 240, 128, 75
REASONS = 100  # how many of the files that are left out are named


@dataclass(frozen=True)
class Group:
    """The frames that are taken for one class, or for none."""

    number: int
    name: str
    count: int
    cards: list[dict[str, Any]]

    @property
    def hidden(self) -> int:
        """How many frames have no thumbnail."""
        return self.count - len(self.cards)


def write_page(path: Path, shipped: Shipped, table: pd.DataFrame, out: Mapping[str, str], csv: str) -> None:
    """Write the page of `table`; `out` is which files are left out and why, `csv` what the table's file is called."""
    groups = []
    ordered = least_sure(table)
    found = counts(table, shipped.classes)
    shares = share_out(MOST, list(found.values()))
    rows = pd.concat(
        [ordered[ordered["decision"] == name].head(share) for name, share in zip(found, shares, strict=True)]
    )
    cards = progress(rows.to_dict("records"), "page", "thumbnails")
    made = pd.Series([_card(row, shipped) for row in cards], index=rows.index, dtype=object)
    for number, (name, count) in enumerate(found.items()):
        if count:
            groups.append(Group(number, names_of(name), count, list(made[rows["decision"] == name])))
    right, labelled = agreement(table)
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    text = page.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        shipped=shipped,
        decides=how_it_decides(shipped),
        groups=groups,
        frames=len(table),
        shown=len(rows),
        labelled=labelled,
        right=right,
        confusion=confusion(table, shipped.classes) if labelled else [],
        out=list(out.items())[:REASONS],
        left_out=len(out),
        csv=csv,
    )
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def share_out(room: int, wanted: Sequence[int]) -> list[int]:
    """How many of each get a place, `room` at the most in all: what one does not need goes to the others."""
    shares, left = [0] * len(wanted), room
    for rest, place in enumerate(sorted(range(len(wanted)), key=lambda place: wanted[place])):
        shares[place] = min(wanted[place], left // (len(wanted) - rest))
        left -= shares[place]
    return shares


def _card(row: Mapping[str, Any], shipped: Shipped) -> dict[str, Any]:
    decided = row["decision"]
    likely = decided or max(shipped.classes, key=lambda name: row[f"p_{name}"])
    return {
        "picture": _thumbnail(Path(row["file"]), shipped),
        "file": row["file"],
        "name": Path(row["file"]).name,
        "likely": likely,
        "p": row[f"p_{likely}"],
        "margin": row["margin"],
        "all": ", ".join(f"{name} {row[f'p_{name}']:.2f}" for name in shipped.classes),
        "vote": names_of(row["vote"]) if row["window"] and shipped.votes > 1 and row["vote"] != decided else "",
        "label": row["label"],
        "differs": bool(row["label"]) and row["label"] != decided,
    }


def _thumbnail(path: Path, shipped: Shipped) -> str:
    """What of a frame goes to the network, as a JPEG in a data URI; "" where it has gone since."""
    try:
        image = Image.fromarray(read_region(path, shipped.region))
    except UserError:
        return ""
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode()
