"""Find the network, and how its training varies the frames, that suit a line: a tournament on the folds."""

import json
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linecam.evaluation.calibration import balanced_loss, best_temperature, by_class
from linecam.evaluation.tournament import Entrant, Result, cheapest, hold
from linecam.files import atomic_write, write_json
from linecam.networks.models import size_of
from linecam.networks.torch_setup import prepare_torch
from linecam.percent import percent
from linecam.training.finetune import Recipe, epochs_of, held_out_logits, labelled, soft_frames
from linecam.workflow.job import job

# The name of what the configuration says anyway.
CONFIGURED = "as configured"
# An epoch's time is the mean of so many, after one in which numba compiles.
TIMED = 3

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """What entrants are trained on."""

    pixels: Path
    frames: Path
    classes: list[str]
    backbones: dict[str, Path]  # by network
    sample: list[Path]  # what `soft_frames` reads


def play_fold(line: Line, network: str, recipe: Recipe, fold: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The rows of a fold's frames, and their logits by a model that never saw them; runs in a process of its own."""
    device = prepare_torch(threads=1)
    frames, table, targets = labelled(line.pixels, line.frames, line.classes)
    held = (table["fold"] == fold).to_numpy()
    what = f"{network}, {recipe.epochs} epochs, without fold {fold}"
    backbone = line.backbones[network]
    soft = soft_frames(line.sample, table, fold)
    logits = held_out_logits(
        network, len(line.classes), backbone, frames, targets, held, recipe, device=device, what=what, soft=soft
    )
    return np.flatnonzero(held), logits


def seconds_an_epoch(line: Line, network: str, settings: Settings, fold: int) -> float:
    """How long a training without a fold takes for each epoch; runs in a process of its own."""
    times = []
    for epochs in (1, TIMED):
        started = time.perf_counter()
        play_fold(line, network, Recipe.of({**settings, "epochs": epochs}, seed=1), fold)
        times.append((time.perf_counter() - started) / epochs)
    return times[-1]


def tune(
    line: Line,
    table: Path,
    result: Path,
    best: Path,
    *,
    settings: Settings,
    augment: Mapping[str, Settings],
    seed: int,
    minutes: float,
    workers: int,
) -> None:
    """Write `table` (Markdown), `result` (JSON) and `best`, the winner's settings as YAML to lay over a configuration.

    Each network of `line.backbones` enters with the configured `settings` of its training, and with each of `augment`
    in their place. All of it takes about `minutes` in so many `workers`. Raises `UserError` where a training diverges.
    """
    ways = {CONFIGURED: settings["augment"], **augment}
    entrants = [Entrant(network, name) for network in line.backbones for name in ways]
    _, known, targets = labelled(line.pixels, line.frames, line.classes)
    weights, folds = known["weight"].to_numpy(np.float64), sorted(set(known["fold"]))
    work = {network: size_of(network, len(line.classes)).macs for network in line.backbones}

    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:

        def play(entrant: Entrant, epochs: int) -> Result:
            recipe = Recipe.of({**settings, "epochs": epochs, "augment": ways[entrant.augment]}, seed)
            logits = np.zeros((len(targets), len(line.classes)), np.float32)
            for rows, found in pool.map(partial(play_fold, line, entrant.network, recipe), folds):
                logits[rows] = found
            judged = judge(entrant, epochs, logits, targets, weights, work[entrant.network])
            logging.info("%s, %s, %d epochs: loss %.3f", entrant.network, entrant.augment, epochs, judged.loss)
            return judged

        def cost(entrant: Entrant) -> float:
            return seconds[entrant.network] * len(folds) / workers

        # As many at once as later, since they share the memory's bandwidth.
        timed = {
            network: [pool.submit(seconds_an_epoch, line, network, settings, folds[0]) for _ in range(workers)]
            for network in line.backbones
        }
        seconds = {network: max(one.result() for one in runs) for network, runs in timed.items()}
        full = epochs_of(Recipe.of(settings, seed), len(targets), with_soft=bool(line.sample))
        results = hold(entrants, cost, 60 * minutes, full, play)

    winner = cheapest(results)
    logging.info("%s", sentence(winner, len(targets)))
    write_json(result, {"winner": asdict(winner), "results": [asdict(one) for one in results]})
    with atomic_write(table) as temporary:
        temporary.write_text(markdown(results, winner, len(targets)), "utf-8")
    found = {"networks": [winner.entrant.network], "finetune": {"augment": dict(ways[winner.entrant.augment])}}
    with atomic_write(best) as temporary:
        comment = f"# {sentence(winner, len(targets))}\n"
        temporary.write_text(comment + json.dumps(found, indent=2) + "\n", "utf-8")  # JSON is YAML


def judge(
    entrant: Entrant,
    epochs: int,
    logits: NDArray[np.float32],
    targets: NDArray[np.intp],
    weights: NDArray[np.float64],
    work: int,
) -> Result:
    """What held-out logits (N, classes) are worth, by the figures of scripts/calibrate.py."""
    temperature = best_temperature(logits, targets, weights)
    hits = (logits.argmax(axis=1) == targets).astype(np.float64)
    loss = balanced_loss(logits / temperature, targets, weights)
    return Result(entrant, epochs, round(loss, 6), round(by_class(hits, targets, weights), 6), work)


def sentence(winner: Result, frames: int) -> str:
    """What won, and how well."""
    entrant = winner.entrant
    return (
        f"{entrant.network}, frames varied {entrant.augment!r}: {percent(winner.balanced_accuracy)} balanced accuracy "
        f"on {frames} held-out frames, {winner.work / 1e6:.1f} million multiply-accumulates an inference."
    )


def markdown(results: list[Result], winner: Result, frames: int) -> str:
    """A row for each entrant, the best first, and what to do with the winner."""
    lines = [
        "| network | frames varied | epochs | loss | balanced accuracy | million multiply-accumulates |",
        "|---|---|---|---|---|---|",
    ]
    for one in results:
        mark = "**" if one is winner else ""
        cells = [one.entrant.network, one.entrant.augment, str(one.epochs), f"{one.loss:.3f}"]
        cells += [percent(one.balanced_accuracy), f"{one.work / 1e6:.1f}"]
        lines.append("| " + " | ".join(f"{mark}{cell}{mark}" for cell in cells) + " |")
    return "\n".join(
        [
            *lines,
            "",
            sentence(winner, frames),
            "Figures of fewer epochs do not compare with those of more. Lay best.yaml over your configuration, as the "
            "last of the files behind --configfile, to build with these settings.",
            "",
        ]
    )


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        tune(
            Line(
                Path(snakemake.input.pixels),
                Path(snakemake.input.frames),
                params.classes,
                dict(zip(params.networks, map(Path, snakemake.input.backbones), strict=True)),
                [Path(path) for path in snakemake.input.sample],
            ),
            Path(snakemake.output.table),
            Path(snakemake.output.result),
            Path(snakemake.output.best),
            settings=params.settings,
            augment=params.augment,
            seed=params.seed,
            minutes=params.minutes,
            workers=snakemake.threads,
        )
