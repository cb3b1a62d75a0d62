"""Choose the model and the quantization that go into the bundles, without a look at the test labels."""

import logging
from pathlib import Path
from typing import Any

from linecam.errors import UserError, reported
from linecam.files import read_json, write_json


def choose(candidates: list[dict[str, Any]], choice: Path) -> None:
    """Write the chosen candidate, the reason, and all candidates in their order.

    A candidate has `model` and `range`, and paths: `score` (finetune), `metrics` (evaluate), `firmware` (one a
    board). The model is the one with the lowest loss on what its folds held out; then of its ranges that every board
    accepts the one that agrees most often with the float model, and of equals the one with the nearest
    probabilities. Raises `UserError` where no board accepts any.
    """
    for candidate in candidates:
        candidate["held_out"] = read_json(candidate["score"])
        candidate["agreement"] = read_json(candidate["metrics"])["agreement"]
        candidate["refused"] = [
            finding | {"board": board}
            for board, path in candidate["firmware"].items()
            for finding in read_json(path)["findings"]
        ]
    accepted = [candidate for candidate in candidates if not candidate["refused"]]
    if not accepted:
        rules = sorted({f"{finding['rule']} ({finding['mend']})" for c in candidates for finding in c["refused"]})
        raise UserError(f"No board in bundle.boards takes any of the {len(candidates)} models: {'; '.join(rules)}.")
    accepted.sort(key=order)
    best = accepted[0]
    held_out, agreement = best["held_out"], best["agreement"]
    rivals = {candidate["model"] for candidate in candidates}
    reason = (
        f"{best['model']} has the lowest loss on held-out training frames of those that every board takes "
        f"({held_out['loss']:.3f}, of {len(rivals)} trained; balanced accuracy "
        f"{held_out['balanced_accuracy']:.3f}). "
        f"{best['range']} says what its float model says on {agreement['argmax']:.1%} of {agreement['frames']} "
        f"{agreement['on']}, with probabilities {agreement['probability_gap']:.4f} apart: the most of "
        f"{sum(c['model'] == best['model'] for c in accepted)} ranges that the firmware takes. No test label was used."
    )
    logging.info("%s", reason)
    keep = ("model", "range", "held_out", "agreement", "refused")
    write_json(
        choice,
        {
            "model": best["model"],
            "range": best["range"],
            "reason": reason,
            "candidates": [{key: candidate[key] for key in keep} for candidate in sorted(candidates, key=order)],
        },
    )


def order(candidate: dict[str, Any]) -> tuple[Any, ...]:
    """Sort key, best first."""
    held_out, agreement = candidate["held_out"], candidate["agreement"]
    return (
        held_out["loss"],
        candidate["model"],
        -agreement["argmax"],
        agreement["probability_gap"],
        candidate["range"],
    )


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        choose(snakemake.params.candidates, Path(snakemake.output.choice))
