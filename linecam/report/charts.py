"""Charts that are the same bytes for the same figures, whatever the user's matplotlibrc says."""

import base64
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pandas as pd
from matplotlib import rcParams, style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, PercentFormatter

from linecam.evaluation.curves import Curve, Point, Reliability
from linecam.evaluation.learning_curve import LearningCurve
from linecam.files import atomic_write
from linecam.percent import percent

GRID = "#d5dbe3"
# Lines differ in more than their colour.
DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Colours:
    """The colours of a chart."""

    ink: str
    grid: str
    lines: list[str]


LIGHT = Colours("#1c2530", GRID, ["#0b6e99", "#c2410c", "#6b4fa0", "#2e7d32", "#8a6d00"])
DARK = Colours("#e3e9f0", "#3a4553", ["#58b7dd", "#f59a62", "#b9a2e8", "#7cc98a", "#d9bb4c"])


@dataclass(frozen=True)
class Chart:
    """A chart as SVGs in data URIs, for a light and a dark page, and in words."""

    alt: str
    light: str
    dark: str


def loss_chart(title: str, history: pd.DataFrame, name: str, held_out: LearningCurve | None = None) -> Chart:
    """The loss of each epoch of a training, (epoch, loss), as a line called `name`.

    `held_out` adds the mean loss of the folds on frames that their models had not seen, in a band from the lowest fold
    to the highest. It is drawn over the same share of the training, however many epochs a fold has.
    """
    epochs, losses = history["epoch"], history["loss"]
    last = len(epochs) - 1

    def draw(axes: Axes, _: Colours) -> None:
        axes.plot(epochs, losses, label=name, linewidth=1.6, marker="o" if len(epochs) < 10 else "")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if held_out is None:
            return
        x = held_out.progress * len(epochs)
        (line,) = axes.plot(x, held_out.mean_loss, "--", label="unseen frames, mean of the folds", linewidth=1.6)
        axes.fill_between(
            x, held_out.loss.min(axis=0), held_out.loss.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0
        )
        axes.legend(frameon=False, fontsize=9)

    alt = f"{title} over {len(epochs)} epochs: {name} from {losses.iloc[0]:.3f} to {losses.iloc[last]:.3f}."
    if held_out is not None:
        mean = held_out.mean_loss
        alt += (
            f" On unseen frames, mean of {len(held_out.loss)} folds: from {mean[0]:.3f} to {mean[-1]:.3f}, "
            f"{mean.min():.3f} at the lowest."
        )
    return _themed(title, alt, draw)


def trade_off_chart(curves: Sequence[Curve], where: str) -> Chart:
    """Missed frames against false alarms, a line a class, and a dot where main.py decides."""
    title = "Missed against false alarms"
    points = (f"{name} {percent(y)} missed at {percent(x)} false alarms" for name, (x, y) in _set_points(curves))
    alt = f"{title}, {where}. As main.py decides: {'; '.join(points)}."
    return _themed(title, alt, lambda axes, colours: _curves(axes, colours, curves, "false alarms", "missed"))


def precision_chart(curves: Sequence[Curve], where: str) -> Chart:
    """Precision against the share that is found, a line a class, and a dot where main.py decides."""
    title = "Precision against recall"
    points = (f"{name} finds {percent(x)} with a precision of {percent(y)}" for name, (x, y) in _set_points(curves))
    alt = f"{title}, {where}. As main.py decides: {'; '.join(points)}."
    return _themed(title, alt, lambda axes, colours: _curves(axes, colours, curves, "recall: found", "precision"))


def _set_points(curves: Sequence[Curve]) -> list[tuple[str, Point]]:
    return [(one.name, one.set_point) for one in curves if one.set_point]


def _curves(axes: Axes, colours: Colours, curves: Sequence[Curve], x: str, y: str) -> None:
    for curve, dash in zip(curves, cycle(DASHES), strict=False):
        (line,) = axes.plot(curve.x, curve.y, dash, label=curve.name, linewidth=1.6)
        if curve.set_point:
            axes.plot(
                *curve.set_point, "o", color=line.get_color(), markeredgecolor=colours.ink, markersize=8, zorder=3
            )
    _shares(axes, x, y)
    axes.legend(frameon=False, fontsize=9)


def reliability_chart(lines: dict[str, Reliability]) -> Chart:
    """How often the model is right where it says so much, a line for each set of frames."""
    title = "Reliability of the probabilities"

    def said(one: Reliability) -> str:
        return ", ".join(
            f"{percent(right, 0)} right of {frames} where it says {percent(mean, 0)}"
            for mean, right, frames in zip(one.said, one.right, one.frames, strict=True)
        )

    def draw(axes: Axes, colours: Colours) -> None:
        axes.plot([0, 1], [0, 1], color=colours.grid, linewidth=1)
        for (name, one), dash in zip(lines.items(), cycle(DASHES), strict=False):
            axes.plot(one.said, one.right, dash, label=name, linewidth=1.6, marker="o", markersize=4)
        _shares(axes, "what the model says", "how often that is right")
        axes.legend(frameon=False, fontsize=9)

    alt = f"{title}. {'; '.join(f'{name}: {said(one)}' for name, one in lines.items())}."
    return _themed(title, alt, draw)


def _shares(axes: Axes, x: str, y: str) -> None:
    """Both axes are shares of 1, with room for what lies at the edge."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _themed(title: str, alt: str, draw: Callable[[Axes, Colours], None]) -> Chart:
    """The chart that `draw` puts on its axes, in light and in dark."""
    return Chart(alt, *(_svg(title, draw, colours) for colours in (LIGHT, DARK)))


def _svg(title: str, draw: Callable[[Axes, Colours], None], colours: Colours) -> str:
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
        draw(axes, colours)
        axes.set_title(title, loc="left", fontsize=11)
        axes.grid(linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        if not _drawable(figure):
            rcParams["svg.fonttype"] = "none"  # the browser has fonts for it
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")
            figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return data_uri(buffer.getvalue(), "image/svg+xml")


def data_uri(content: bytes, kind: str) -> str:
    """A file of the media type `kind` as a URI that a page needs nothing else for."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _drawable(figure: Figure) -> bool:
    """Whether Matplotlib's own font has every letter of a figure. It has no Chinese, for one."""
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    return all(
        get_font(findfont(text.get_fontproperties())).get_char_index(ord(letter))
        for text in texts
        for letter in text.get_text()
    )


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
