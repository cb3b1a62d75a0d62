"""From files to what the network says of each: the index's look, the camera's arithmetic, and TFLM, file by file."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linecam.bundle.shipped import Shipped
from linecam.camera.arithmetic import to_input
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.frames.decode import read_region
from linecam.frames.look import look_at
from linecam.frames.places import place_of
from linecam.frames.video import place_in_video
from linecam.predict.sources import Sources
from linecam.progress import progress
from linecam.tflite import tflm

CHUNK = 16  # files that a process is handed at a time


class Judged(NamedTuple):
    """What became of a file."""

    scores: NDArray[np.float32] | None  # (classes,) in 0..1, or None where the file is left out
    reason: str = ""  # why it is left out
    notes: tuple[str, ...] = ()  # what is to be said of it although it is used


@dataclass(frozen=True)
class _Work:
    """What a process knows of the frames that it is handed."""

    region: Region
    size: int
    max_pixels: int
    damaged: bool

    def judge(self, paths: Sequence[Path]) -> list[Judged]:
        results, seen, places = [], [], []
        for place, path in enumerate(paths):
            reason, notes = self._look(path)
            if not reason:
                try:
                    seen.append(read_region(path, self.region))
                    places.append(place)
                except UserError as error:  # it has gone since, or the region isn't in it
                    reason = str(error)
            results.append(Judged(None, reason, notes))
        if seen:
            scores = tflm.run(to_input(np.stack(seen), self.size))
            for place, row in zip(places, scores, strict=True):
                results[place] = results[place]._replace(scores=row)
        return results

    def _look(self, path: Path) -> tuple[str, tuple[str, ...]]:
        place = place_of(path)
        file = place[0] if place else path
        if place_in_video(file):
            return "", ()  # a video was looked at as a whole
        look = look_at(file, self.max_pixels, damaged=self.damaged)
        return look.reason or self.region.refusal((look.width, look.height)), look.notes


def judge(shipped: Shipped, sources: Sources, workers: int) -> list[Judged]:
    """What the bundle's model says of each of the frames, in their order, as it would on the camera.

    Raises `UserError` where TFLM doesn't survive the model.
    """
    paths = [frame.path for frame in sources.frames]
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    work = _Work(shipped.region, shipped.input_size, shipped.max_pixels, shipped.damaged)
    pool = ProcessPoolExecutor(
        max(1, min(workers, len(chunks))),
        get_context("spawn") if sources.videos else None,  # as in sources.py
        initializer=tflm.load,
        initargs=(shipped.model.read_bytes(),),
    )
    with pool, tflm.survived(shipped.model):
        results = pool.map(partial(_judge, work), chunks)
        done = progress(results, "predict", f"x {CHUNK} frames", len(chunks))
        return [judged for chunk in done for judged in chunk]


def _judge(work: _Work, paths: Sequence[Path]) -> list[Judged]:
    return work.judge(paths)
