"""Shares as people read them, in one form everywhere: 98.8 %."""


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 in percent, with `digits` digits after the point; a dash if it is not known."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"
