"""A frame, as the labelling page knows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """A frame to label, or one beside it in time, of which the first five fields count."""

    sha256: str
    path: str  # below the frames' folder
    bytes: int  # of the file
    width: int  # pixels, as it is seen
    height: int
    part: str = ""  # train, test, next, other: labelled, and people disagree; or asked: named by the user alone
    group: int = 0  # similar frames that follow each other have one number
    reason: str = ""  # why it was selected, or why its label looks wrong, or ""
    doubt: int = 0  # 1 for the label that looks most wrong, 2 for the next one, ...; 0: it does not
    asked: int = 0  # its place, from 1 on, in the list that the user names; 0: it isn't there
    given: str = ""  # the label that it has without labels.csv, or ""
    given_by: str = ""  # folder or truth
    suggestion: str = ""  # what the model says, or ""; never of a test frame
    p: float = 0.0  # the model's probability of it
    beside: tuple[tuple[int, str], ...] = ()  # neighbours in time: by how much their number differs, and their sha256
