"""What a class may be called. Its name is that of folders, of columns in tables, and of an answer in labels.csv."""

import unicodedata

# No sign of ASCII but letters, digits, _ and -. That much a schema can say in every language of patterns.
PATTERN = r"^[^\x00-\x2c./:-@\[-\^`{-\x7f]+$"
LETTERS = "Take letters of any script, digits, _ and -, with _ for a blank, as in not_ok."
LONGEST = 64  # bytes in UTF-8: a file's name may have 255, and a class is a part of one

_PARTS = {"train", "test"}
_NOTHING = {"NA", "NULL", "NaN", "-NaN", "None", "nan", "-nan", "null"}


def refusal(name: str) -> str:
    """Why no class can be called `name`, in a sentence; "" where one can."""
    # By Unicode L is a letter, N a digit, and M a sign that stands at a letter, such as a vowel in Hindi.
    if not name or not all(letter in "_-" or unicodedata.category(letter)[0] in "LMN" for letter in name):
        return LETTERS
    if not unicodedata.is_normalized("NFC", name):
        return "Its accents are characters of their own, as in names that were copied from a Mac. Type the name anew."
    if len(name.encode()) > LONGEST:
        return f"Take at most {LONGEST} characters. A letter with an accent counts as 2, a Chinese sign as 3."
    if name in _PARTS:
        return "A folder of that name says which frames are for training and which for the test. Take another name."
    if name in _NOTHING:
        return "Programs that read tables, such as pandas, take that for an empty cell. Take another name."
    return ""
