"""Successive halving: who goes on, for how long, and who wins."""

import pytest

from linecam.evaluation.tournament import Entrant, Result, cheapest, epochs_of, hold, rounds

ENTRANTS = [Entrant("swift7-32", f"way {n}") for n in range(8)]


@pytest.mark.parametrize(
    ("entrants", "counts"), [(1, [1]), (2, [2]), (3, [3, 2]), (4, [4, 2]), (10, [10, 5, 3, 2]), (8, [8, 4, 2])]
)
def test_each_round_has_half_of_the_one_before_and_the_last_has_two(entrants, counts):
    assert rounds(entrants) == counts


@pytest.mark.parametrize(
    ("costs", "seconds", "epochs"), [([1, 1], 20, 10), ([1, 3], 20, 5), ([1, 1], 1000, 300), ([5, 5], 1, 1)]
)
def test_a_round_takes_its_time_and_never_more_epochs_than_a_training(costs, seconds, epochs):
    assert epochs_of(costs, seconds, full=300) == epochs


class Game:
    """Entrants whose loss falls with the epochs; entrant n is the better, the lower n, but for the `late` one."""

    def __init__(self, late: int | None = None) -> None:
        self.played: list[tuple[str, int]] = []
        self.late = late

    def play(self, entrant: Entrant, epochs: int) -> Result:
        self.played.append((entrant.augment, epochs))
        number = ENTRANTS.index(entrant)
        head_start = -10 if number == self.late and epochs >= 20 else 0
        return Result(entrant, epochs, loss=number / 10 + 1 / epochs + head_start, balanced_accuracy=0.9, work=1.0)

    def hold(self, seconds: float, full: int = 300) -> list[Result]:
        return hold(ENTRANTS, lambda entrant: 1.0, seconds, full, self.play)


def test_the_better_half_goes_on_and_trains_for_longer():
    game = Game()
    results = game.hold(240)
    assert [epochs for _, epochs in game.played] == [10] * 8 + [20] * 4 + [40] * 2
    assert [result.entrant.augment for result in results] == [f"way {n}" for n in range(8)]
    assert [result.epochs for result in results] == [40, 40, 20, 20, 10, 10, 10, 10]


def test_who_comes_late_still_wins_if_it_was_not_out_before():
    assert Game(late=3).hold(240)[0].entrant.augment == "way 3"
    assert Game(late=5).hold(240)[0].entrant.augment == "way 0"


def test_time_to_spare_trains_nobody_twice_as_long_as_a_training():
    game = Game()
    game.hold(1e6, full=30)
    assert {epochs for _, epochs in game.played} == {30}


def result(loss: float, balanced: float, work: float, epochs: int = 300) -> Result:
    return Result(Entrant(f"swift7-{round(work)}", "as configured"), epochs, loss, balanced, work)


@pytest.mark.parametrize(
    ("others", "winner"),
    [
        ([result(0.5, 0.895, 14)], 14),  # within a point
        ([result(0.5, 0.885, 14)], 25),  # not within a point
        ([result(0.5, 0.895, 30)], 25),  # dearer
        ([result(0.5, 0.95, 14, epochs=60)], 25),  # out before the last round
        ([result(0.5, 0.895, 18), result(0.6, 0.9, 14)], 14),
    ],
)
def test_the_cheapest_within_a_point_of_the_best_wins(others, winner):
    assert cheapest([result(0.4, 0.9, 25), *others]).work == winner
