"""What a class may be called. Folders, columns of tables and answers in labels.csv have the same name."""

import unicodedata

# No sign of ASCII but letters, digits, _ and -. That much a schema can say in every language of patterns.
PATTERN = r"^[^\x00-\x2c./:-@\[-\^`{-\x7f]+$"
LETTERS = "Take letters of any script, digits, _ and -, with _ for a blank, as in not_ok."
LONGEST = 64  # bytes in UTF-8: a file's name may have 255, and a class is a part of one

# JSON writes a letter beyond this one as two halves, which MicroPython does not join.
_LAST = 0xFFFF
_PARTS = {"train", "test"}
_NOTHING = {"NA", "NULL", "NaN", "-NaN", "None", "nan", "-nan", "null"}


def refusal(name: str) -> str:
    """Why no class can be called `name`, in a sentence; "" where one can."""
    # By Unicode L is a letter, N a digit, and M a sign that stands at a letter, such as a vowel in Hindi.
    if not name or not all(letter in "_-" or unicodedata.category(letter)[0] in "LMN" for letter in name):
        return LETTERS
    rare = [letter for letter in name if ord(letter) > _LAST]
    reasons = {
        f"The camera cannot read the rare letter {''.join(rare)}. Take another name.": rare,
        "Its accents are characters of their own, as in names that were copied from a Mac. Type the name anew.": (
            not unicodedata.is_normalized("NFC", name)
        ),
        f"Take at most {LONGEST} characters. A letter with an accent counts as 2, a Chinese sign as 3.": (
            len(name.encode()) > LONGEST
        ),
        "A folder of that name says which frames are for training and which for the test. Take another name.": (
            name in _PARTS
        ),
        "Programs that read tables, such as pandas, take that for an empty cell. Take another name.": name in _NOTHING,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
