"""A list of frames that the user asks for: a text file, such as the report's map of all frames writes."""

import re
from pathlib import Path

from linecam.errors import UserError, listed
from linecam.frames.lookup import Frames

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def read_frame_list(path: Path, frames: Frames) -> list[str]:
    """The sha256 of the frames that a text file names, one a line, in its order, each once.

    A line is a SHA-256 or a path, as `Frames.find` understands it. Empty lines, and those that begin with #, count for
    nothing. Raises `UserError` where it cannot be read, names no frame, or has lines that are none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"--frames: {path} cannot be read: {error.strerror}. Name a text file of frames.") from None
    except UnicodeDecodeError:
        raise UserError(f"--frames: {path} is not text in UTF-8. Write a path or a SHA-256 a line.") from None
    digests, problems = [], []
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        digest, why = frames.find(name.lower(), "") if _SHA256.fullmatch(name) else frames.find("", name)
        if digest and not frames.usable(digest):
            digest, why = "", f"{name} was set aside: see index/quarantine.csv of the results"
        if digest:
            digests.append(digest)
        else:
            problems.append(f"line {number}: {why}")
    if problems:
        raise UserError(
            f"--frames: {path} names {len(problems)} frame{'s' * (len(problems) > 1)} that cannot be shown:\n"
            f"{listed(problems)}Write a path of the index or a SHA-256 a line."
        )
    if not digests:
        raise UserError(f"--frames: {path} names no frame. Write a path of the index or a SHA-256 a line.")
    return list(dict.fromkeys(digests))
