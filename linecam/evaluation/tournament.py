"""Which recipe suits a line: many train a little, and the better half goes on to train for longer.

Successive halving (Jamieson and Talwalkar, AISTATS 2016), on the frames that folds hold out.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# So few are trained in full.
FINALISTS = 2
# Balanced accuracy on held-out frames. By so much, less than a few hundred labels can tell, may a cheaper
# network lose.
NEAR = 0.01


@dataclass(frozen=True)
class Entrant:
    """A network, and the name of how its training varies the frames."""

    network: str
    augment: str


@dataclass(frozen=True)
class Result:
    """How well an entrant judged held-out frames after `epochs` epochs; `work` are its multiply-accumulates."""

    entrant: Entrant
    epochs: int
    loss: float  # nats, at the best temperature
    balanced_accuracy: float  # 0..1
    work: int


def rounds(entrants: int) -> list[int]:
    """How many entrants each round has, such as [10, 5, 3, 2]: half of the round before, rounded up."""
    counts = [entrants]
    while counts[-1] > FINALISTS:
        counts.append(max(math.ceil(counts[-1] / 2), FINALISTS))
    return counts


def epochs_of(costs: Sequence[float], seconds: float, full: int) -> int:
    """How many epochs a round can afford in `seconds`, where an epoch of its entrants takes `costs`; at most `full`."""
    return max(min(int(seconds / sum(costs)), full), 1)


def hold(
    entrants: Sequence[Entrant],
    cost: Callable[[Entrant], float],
    seconds: float,
    full: int,
    play: Callable[[Entrant, int], Result],
) -> list[Result]:
    """The last result of every entrant, the best first: of those that came to the last round, then the others.

    Each round has an equal share of the time, and its better half by `Result.loss` goes on. An epoch of an entrant
    takes `cost` seconds; `play(entrant, epochs)` trains it and is asked for no more than `full` epochs.
    """
    out: list[Result] = []
    counts = rounds(len(entrants))
    left = list(entrants)
    for number in range(len(counts)):
        epochs = epochs_of([cost(entrant) for entrant in left], seconds / len(counts), full)
        results = sorted((play(entrant, epochs) for entrant in left), key=lambda result: result.loss)
        goes_on = counts[number + 1] if number + 1 < len(counts) else 0
        out = results[goes_on:] + out
        left = [result.entrant for result in results[:goes_on]]
    return out


def cheapest(results: Sequence[Result]) -> Result:
    """The one with the least work among those within `NEAR` of the first's balanced accuracy, and trained as long."""
    first = results[0]
    enough = first.balanced_accuracy - NEAR
    able = [one for one in results if one.epochs == first.epochs and one.balanced_accuracy >= enough]
    return min(able, key=lambda one: (one.work, one.loss))
