"""What the JSON files of an evaluation hold: types alone, so that every room can name them."""

from typing import NotRequired, TypedDict

from linecam.intervals import Interval, Ratio


class ClassScore(TypedDict):
    """The figures of one class. `precision` is 0 where no frame was taken for it."""

    precision: float
    recall: Ratio


class Score(TypedDict):
    """The figures of a classifier on labelled frames.

    `balanced_accuracy` is the mean recall of the classes that there are frames of. `confusion` has a row for each true
    class and a column for each predicted one.
    """

    frames: int
    accuracy: Ratio
    balanced_accuracy: float
    confusion: list[list[int]]
    classes: dict[str, ClassScore]


class ConstantScore(Score):
    """The figures of the answer that never looks: `says` is the class that weighs most among training frames."""

    says: str


class Agreement(TypedDict):
    """How far a model says what its float form says: see `agreement` in metrics.py."""

    on: str  # which frames
    frames: int
    argmax: float  # the share of frames of which both say the same class
    probability_gap: float  # the mean absolute difference of a probability


class Leak(TypedDict):
    """Accuracy on test frames near a training frame, and far from all: see `leak` in metrics.py."""

    near: Ratio
    far: Ratio
    worth: Interval | None


class FileCost(TypedDict):
    """What a .tflite file costs on any board."""

    bytes: int
    arena_bytes: int
    macs: int  # multiply-accumulates of one inference
    operators: list[str]


class Metrics(TypedDict):
    """What evaluate says of one form of a model, beside its float form."""

    test: Score
    constant: ConstantScore  # on the same test frames
    paired: dict[str, int]
    agreement: Agreement
    decided: NotRequired[Score]  # of what main.py decides, where it goes by thresholds
    leak: NotRequired[dict[str, Leak | None]]  # by_number and by_embedding; None where nearness is not known
    cost: NotRequired[FileCost]  # of an int8 form


class CalibrationError(TypedDict):
    """The expected calibration error, 0..1, before and after the temperature."""

    before: float
    after: float


class ConstantAnswer(TypedDict):
    """How far always saying one class of held-out frames is right: `says`, which weighs most."""

    says: str
    accuracy: float
    balanced_accuracy: float


class HeldOutScore(TypedDict):
    """What calibrate says of a training: its folds' models on the frames that each held out, weighed to stand for the
    line. `effective_frames` drawn at random would say as much as these `frames`.
    """

    frames: int
    effective_frames: float
    loss: float
    accuracy: float
    balanced_accuracy: float
    constant: ConstantAnswer
    temperature: float
    calibration_error: CalibrationError


class Weakness(TypedDict):
    """A reason to call a model weak, and what to do about it: sentences, with figures."""

    why: str
    mend: str


class OperatingPoint(TypedDict):
    """A threshold that is to find the share `wanted` of a class, and the share of the others that it takes for it.

    `recall` is what it finds of the frames that it was set on, weighed; `effective_frames` drawn at random would say as
    much of where the threshold lies (see `sizes` in thresholds.py). `promised` says whether these were enough to
    promise `wanted` for frames to come, and `needed` how many are, drawn at random, None where no number is.
    """

    wanted: float
    threshold: float
    recall: Ratio
    effective_frames: float
    false_alarms: Ratio
    promised: bool
    needed: int | None


class Thresholds(TypedDict):
    """The thresholds that main.py decides by, where any class has one, and each class's operating points.

    `too_few` has a sentence for each wanted recall that the labels are too few to promise.
    """

    thresholds: dict[str, float]
    too_few: list[str]
    operating_points: dict[str, list[OperatingPoint]]
