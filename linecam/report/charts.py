"""Charts that are the same bytes for the same figures, whatever the user's matplotlibrc says."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from linecam.files import atomic_write

GRID = "#d5dbe3"


@dataclass(frozen=True)
class Colours:
    """The colours of a chart."""

    ink: str
    grid: str
    lines: list[str]


LIGHT = Colours("#1c2530", GRID, ["#0b6e99", "#c2410c", "#6b4fa0"])
DARK = Colours("#e3e9f0", "#3a4553", ["#58b7dd", "#f59a62", "#b9a2e8"])


@dataclass(frozen=True)
class LossChart:
    """A chart as SVGs in data URIs, for a light and a dark page, and in words."""

    alt: str
    light: str
    dark: str


def loss_chart(title: str, history: pd.DataFrame, name: str) -> LossChart:
    """The loss of each epoch of a training, (epoch, loss), as a line called `name`."""
    epochs, losses = history["epoch"], history["loss"]
    last = len(epochs) - 1
    alt = f"{title} over {len(epochs)} epochs: {name} from {losses.iloc[0]:.3f} to {losses.iloc[last]:.3f}."
    light, dark = (_svg(title, epochs, losses, name, colours) for colours in (LIGHT, DARK))
    return LossChart(alt, light, dark)


def _svg(title: str, epochs: pd.Series, losses: pd.Series, name: str, colours: Colours) -> str:
    settings = {
        "svg.hashsalt": "linecam",
        "font.size": 10,
        "text.color": colours.ink,
        "axes.labelcolor": colours.ink,
        "axes.edgecolor": colours.grid,
        "axes.prop_cycle": f"cycler('color', {colours.lines})",
        "xtick.color": colours.ink,
        "ytick.color": colours.ink,
        "grid.color": colours.grid,
    }
    with style.context(["default", settings]):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(epochs, losses, label=name, linewidth=1.6, marker="o" if len(epochs) < 10 else "")
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return data_uri(buffer.getvalue(), "image/svg+xml")


def data_uri(content: bytes, kind: str) -> str:
    """A file of the media type `kind` as a URI that a page needs nothing else for."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def label_ticks(axes: Axes, labels: list[int]) -> None:
    """A logarithmic axis of the number of labels, with a tick at each of `labels`."""
    axes.set_xscale("log")
    axes.set_xticks(labels, [str(label) for label in labels])
    axes.minorticks_off()
    axes.set_xlabel("labels")


def open_grid(axes: Axes) -> None:
    """A light grid, and no frame at the top and the right."""
    axes.grid(linewidth=0.6, color=GRID)
    axes.spines[["top", "right"]].set_visible(False)


def save_png(figure: Figure, path: Path) -> None:
    """Write a chart as PNG."""
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})
