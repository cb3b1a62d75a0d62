"""Report what was built, how good it is and from what it was made: one HTML page that needs nothing else."""

import base64
import io
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from linecam.errors import reported
from linecam.evaluation.predictions import read_predictions
from linecam.files import atomic_write, read_json, sha256
from linecam.frames.index import read_index, read_pixels

WRONG = 48
SHEET = 40
ROWS = 50

# Ink, grid, and the lines of a plot.
LIGHT = ("#1c2530", "#d5dbe3", ["#0b6e99", "#c2410c", "#6b4fa0"])
DARK = ("#e3e9f0", "#3a4553", ["#58b7dd", "#f59a62", "#b9a2e8"])


def report(
    choice_path: Path,
    models: list[dict[str, Any]],
    candidates: list[dict[str, Any]],
    clean: Path,
    votes: Path,
    index: Path,
    quarantine: Path,
    split: Path,
    summaries: dict[str, Path],
    pixels: list[Path],
    pretraining: dict[str, Path],
    template: Path,
    page: Path,
    *,
    config: dict[str, Any],
    configuration: str,
    boards: dict[str, dict[str, Any]],
    versions: dict[str, str],
    studied: dict[str, str] | None = None,
) -> None:
    """Write the report to `page`. Equal inputs give equal bytes.

    Each of `models` has `model` and paths: `history`, `score`, `metrics` (one a form) and `predictions` (one a range;
    none for a model that was not a candidate). Each of `candidates` has `model`, `range`, and the paths `tflite`,
    `thresholds` and `firmware` (one a board). `clean` has the chosen model's figures with and without the camera's
    arithmetic (see evaluate_clean.py), `votes` those over several frames (see evaluate_votes.py). `split` is that of
    the chosen model, `summaries` has one for each selection, `pixels` one array for each input size (named by it),
    `pretraining` a history for each backbone (network-method) that was pretrained.
    `configuration` is `config` as YAML, `boards` are the entries of config/boards.yaml, `versions` the packages that
    made it. `studied` has the paths `summary` and `plot` of study_selection, where that has been run.
    """
    choice = read_json(choice_path)
    chosen = next(entry for entry in models if entry["model"] == choice["model"])
    classes, frames = config["dataset"]["classes"], read_index(index)
    forms = [describe(form, read_json(path), chosen["model"], candidates) for form, path in chosen["metrics"].items()]
    best = next(form for form in forms if form["name"] == choice["range"])
    file = next(c["tflite"] for c in candidates if (c["model"], c["range"]) == (choice["model"], choice["range"]))
    name = parts(choice["model"])
    array = read_pixels(next(path for path in pixels if path.stem == name["network"].rpartition("-")[2]))
    selected = pd.read_csv(split, dtype=str, keep_default_na=False)
    mistakes = wrong(read_predictions(Path(chosen["predictions"][choice["range"]])))
    set_aside = pd.read_csv(quarantine, dtype=str, keep_default_na=False)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "mean": mean}
    text = environment.from_string(template.read_text(encoding="utf-8")).render(
        dataset=config["dataset"]["name"],
        classes=classes,
        configuration=configuration,
        confidence=config["evaluate"]["confidence"],
        choice=choice,
        name=name,
        boards=boards,
        forms=forms,
        best=best,
        digest=sha256(file),
        rarest=min(classes, key=lambda c: best["test"]["classes"][c]["recall"]["of"][1]),
        wrong=pictures(mistakes[:WRONG], selected, array),
        mistakes=len(mistakes),
        clean=read_json(clean),
        votes=read_json(votes),
        frame_size=config["camera"]["frame_size"],
        plots=curves(chosen, pretraining),
        score=read_json(chosen["score"]),
        decides=read_json(next(c["thresholds"] for c in candidates if c["model"] == choice["model"])),
        statuses={status: int((frames["status"] == status).sum()) for status in ("ok", "duplicate", "quarantined")},
        quarantine=set_aside.head(ROWS).to_dict("records"),
        quarantined=len(set_aside),
        summaries={selection: read_json(path) for selection, path in summaries.items()},
        selection=name["selection"],
        unlabelled=int((selected["part"] == "unlabelled").sum()),
        rows=ROWS,
        # The split keeps the order of the picking, and lists training frames before those of the test.
        sheet=pictures(selected[selected["part"] == "train"].head(SHEET).to_dict("records"), selected, array),
        sweep=sweep(models, choice, classes) if len(models) > 1 else None,
        selecting=selecting(Path(studied["summary"]), Path(studied["plot"])) if studied else None,
        versions=versions,
    )
    with atomic_write(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def describe(form: str, metrics: dict[str, Any], model: str, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """One form of the chosen model: its name, what it is in words, its figures, what each board says of it."""
    if form in {"float", "onnx"}:
        words = {"float": "float32, in PyTorch", "onnx": "float32, in onnxruntime"}[form]
    elif form == "calibrated":
        words = "int8, activations calibrated on training frames"
    else:
        low, high = form.removeprefix("fixed_").split("_")
        words = f"int8, every activation from {low} to {high}"
    firmware = {
        board: read_json(path)
        for candidate in candidates
        if (candidate["model"], candidate["range"]) == (model, form)
        for board, path in candidate["firmware"].items()
    }
    return {"name": form, "words": words, "cost": None, "firmware": firmware} | metrics


def parts(model: str) -> dict[str, str]:
    """Network, method, selection and seed of a model's name, and where its weights began, in words."""
    first, selection, seed = model.split("/")
    network, _, method = first.rpartition("-")
    begun = {
        "simclr": "pretrained on the frames by SimCLR",
        "distilled": "pretrained on the frames by distillation of a larger network",
        "rendered": "pretrained on rendered frames of a belt",
        "none": "trained from random weights",
        "given": "from a given backbone",
    }[method]
    return {
        "network": network,
        "method": method,
        "begun": begun,
        "selection": selection,
        "seed": seed.removeprefix("seed-"),
    }


def wrong(predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """The test frames that were judged wrong, the most confident mistake first; `p` is the judgement's probability."""
    test = predictions[predictions["part"] == "test"].to_dict("records")
    found = [row | {"p": row[f"p_{row['predicted']}"]} for row in test if row["label"] != row["predicted"]]
    return sorted(found, key=lambda row: (-row["p"], row["path"]))


def pictures(rows: list[dict[str, Any]], split: pd.DataFrame, pixels: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """`rows` (with `sha256`), each with its frame as the network sees it, a PNG in a data URI, as `picture`."""
    places = dict(zip(split["sha256"], split["row"].astype(int), strict=True))
    return [row | {"picture": png(pixels[places[row["sha256"]]])} for row in rows]


def png(pixels: NDArray[np.uint8]) -> str:
    """A data URI of (height, width, 3) pixels. The browser scales it up, by nearest neighbour."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def curves(model: dict[str, Any], pretraining: dict[str, Path]) -> list[dict[str, str]]:
    """The plots of the model's training, and of the pretraining where there was one."""
    history = pd.read_csv(model["history"])
    plots = [plot("Training loss", history["epoch"], {"training": history["loss"]})]
    for name, path in pretraining.items():
        history = pd.read_csv(path)
        plots.append(plot(f"Pretraining loss, {name}", history["epoch"], {"loss": history["loss"]}))
    return plots


def plot(title: str, epochs: pd.Series, lines: dict[str, pd.Series]) -> dict[str, str]:
    """`light` and `dark` SVGs in data URIs, and `alt`, what there is to see."""
    last = len(epochs) - 1
    told = [f"{name} from {values.iloc[0]:.3f} to {values.iloc[last]:.3f}" for name, values in lines.items()]
    alt = f"{title} over {len(epochs)} epochs: {', '.join(told)}."
    return {
        "alt": alt,
        "light": draw(title, epochs, lines, *LIGHT),
        "dark": draw(title, epochs, lines, *DARK),
    }


def draw(
    title: str,
    epochs: pd.Series,
    lines: dict[str, pd.Series],
    ink: str,
    grid: str,
    colours: list[str],
) -> str:
    """An SVG in a data URI; the same lines give the same bytes."""
    settings = {
        "svg.hashsalt": "linecam",
        "font.size": 10,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": grid,
        "axes.prop_cycle": f"cycler('color', {colours})",
        "xtick.color": ink,
        "ytick.color": ink,
        "grid.color": grid,
    }
    with style.context(["default", settings]):  # not the user's matplotlibrc
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.add_subplot()
        for name, values in lines.items():
            axes.plot(epochs, values, label=name, linewidth=1.6, marker="o" if len(epochs) < 10 else "")
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize=9)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def sweep(models: list[dict[str, Any]], choice: dict[str, Any], classes: list[str]) -> dict[str, Any]:
    """All models: `rows`, one each, and `variants`, the figures over the seeds of what is otherwise the same.

    Figures are of the float form, which every model has, and `quantized`, the accuracy in the chosen range.
    """
    rows: list[dict[str, Any]] = []
    for entry in models:
        test = read_json(entry["metrics"]["float"])["test"]
        path = entry["metrics"].get(choice["range"])
        score = read_json(entry["score"])
        rows.append(
            parts(entry["model"])
            | {
                "model": entry["model"],
                "chosen": entry["model"] == choice["model"],
                "loss": score["loss"],
                "held_out": score["balanced_accuracy"],
                "accuracy": test["accuracy"]["value"],
                "quantized": read_json(path)["test"]["accuracy"]["value"] if path else None,
                "recalls": [test["classes"][name]["recall"]["value"] for name in classes],
            }
        )
    variants: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        variants.setdefault((row["network"], row["method"], row["selection"]), []).append(row)
    return {
        "rows": rows,
        "variants": [
            {
                "of": variant,
                "seeds": len(same),
                "held_out": [row["held_out"] for row in same],
                "accuracy": [row["accuracy"] for row in same],
                "quantized": [row["quantized"] for row in same],
                "recalls": [[row["recalls"][n] for row in same] for n in range(len(classes))],
            }
            for variant, same in variants.items()
        ],
    }


def selecting(summary: Path, plot: Path) -> dict[str, Any]:
    """What study_selection found, its `results` also as `rows`: one for each learner and number of labels."""
    found = read_json(summary)
    rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for result in sorted(found["results"], key=lambda row: row["learner"], reverse=True):  # the probe first
        rows.setdefault((result["learner"], result["labels"]), []).append(result)
    picture = "data:image/png;base64," + base64.b64encode(plot.read_bytes()).decode()
    return found | {"rows": list(rows.values()), "plot": picture}


def percent(value: float | None) -> str:
    """A share as text, or a dash."""
    return "–" if value is None else f"{value:.1%}"


def mean(values: list[float | None]) -> str:
    """Mean and, of two or more, sample standard deviation of shares, as text; a dash where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    deviation = f" ± {100 * statistics.stdev(known):.1f}" if len(known) > 1 else ""
    return percent(statistics.fmean(known)) + deviation


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        report(
            Path(snakemake.input.choice),
            snakemake.params.models,
            snakemake.params.candidates,
            Path(snakemake.input.clean),
            Path(snakemake.input.votes),
            Path(snakemake.input.frames),
            Path(snakemake.input.quarantine),
            Path(snakemake.input.split),
            dict(zip(snakemake.params.selections, map(Path, snakemake.input.summaries), strict=True)),
            [Path(path) for path in snakemake.input.pixels],
            dict(zip(snakemake.params.pretrained, map(Path, snakemake.input.pretraining), strict=True)),
            Path(snakemake.input.template),
            Path(snakemake.output.page),
            config=snakemake.params.config,
            configuration=snakemake.params.configuration,
            boards=snakemake.params.boards,
            versions=snakemake.params.versions,
            studied=snakemake.params.studied,
        )
