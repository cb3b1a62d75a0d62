"""What a class may be called. Its name is that of folders, of columns in tables, and of an answer in labels.csv."""

import re

PATTERN = r"^[A-Za-z0-9_-]+$"
LONGEST = 64  # characters: a file's name may have 255, and a class is a part of one

_PARTS = {"train", "test"}
_NOTHING = {"NA", "NULL", "NaN", "-NaN", "None", "nan", "-nan", "null"}


def refusal(name: str) -> str:
    """Why no class can be called `name`, in a sentence; "" where one can."""
    if not re.fullmatch(PATTERN, name):
        return "Take letters without accents, digits, _ and -."
    if len(name) > LONGEST:
        return f"Take at most {LONGEST} characters."
    if name in _PARTS:
        return "A folder of that name says which frames are for training and which for the test. Take another name."
    if name in _NOTHING:
        return "Programs that read tables, such as pandas, take that for an empty cell. Take another name."
    return ""
