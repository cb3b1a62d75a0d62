"""What to do next, where the figures of a run say so: each step with its figures, its commands and its settings."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from linecam.evaluation.figures import OperatingPoint, Thresholds
from linecam.evaluation.thresholds import needed
from linecam.percent import percent
from linecam.report.mcnemar import surely_more
from linecam.report.teacher import Teacher
from linecam.report.verdict import GOOD, ClassVerdict, Verdict

# A model that finds less of the very frames that it was trained on has not learned them.
LEARNED = 0.95
# With fewer test frames of a class its recall is known to some 15 points either way.
FEWEST_TESTED = 30
# The share of the other frames that a threshold may take for its class, to be worth a try.
MOST_ALARMS = 0.2
# The side, in pixels, of the middle square of each camera.frame_size.
SQUARES = {"VGA": 480, "QVGA": 240, "B128X128": 128, "QQVGA": 120, "B64X64": 64}
# With select.gap, this many times the gap in frames in a row are for the test (scripts/select_test.py).
STRETCH = 4
LABEL = ("snakemake select_next", "linecam label")


@dataclass(frozen=True)
class Facts:
    """What advice rests on."""

    verdict: Verdict  # of the test frames
    decides: Thresholds
    recall: dict[str, float]  # bundle.recall
    trained_on: int  # labelled training frames
    fit: float | None  # balanced accuracy of the float model on these very frames; None where that is not known
    held_out: float  # balanced accuracy on these frames by models that had not seen them
    teacher: Teacher | None  # what the large network makes of these frames; None where none taught the model
    doubtful: int  # of their labels, those that are likely wrong; 0 where the model is too weak to doubt any
    tested_on: int  # test frames
    usable: int  # frames that can be used for anything
    near: int  # of these, those near a training frame of their sequence
    near_within: int  # how many frames apart that is, at the most
    camera: dict[str, int]  # the camera's path against a clean resize: differ, only_camera_right, only_clean_right
    int8: dict[str, int]  # the int8 form against float: differ, only_this_right, only_float_right
    frame_size: str  # camera.frame_size
    roi: bool  # whether camera.roi or camera.rois is set
    input_size: int  # the side of the network's input, in pixels
    epochs: int  # of the training
    next_frames: int  # next.frames
    given: bool  # whether folders say what is trained and tested on
    models: int  # how many were trained


@dataclass(frozen=True)
class Advice:
    """One step: what to do and why; what to type `first`, then to write into the configuration, and `then` to type."""

    what: str
    why: str
    settings: str = ""  # YAML
    first: tuple[str, ...] = ()
    then: tuple[str, ...] = ("snakemake",)  # () where the step is done at the line


def advise(facts: Facts) -> list[Advice]:
    """Every step that the figures call for, the cheapest first; [] where nothing stands out."""
    return list(_advice(facts))


def _advice(facts: Facts) -> Iterator[Advice]:
    steps = (
        _look_again(facts),
        _set_threshold(facts),
        _ease_threshold(facts),
        _other_frame_size(facts),
        _train_longer(facts),
        _label_more(facts),
        _other_network(facts),
        _other_ranges(facts),
        _test_more(facts),
        _test_another_day(facts),
    )
    yield from (step for step in steps if step)


def _look_again(facts: Facts) -> Advice | None:
    """At labels that are likely wrong."""
    if not facts.doubtful:
        return None
    return Advice(
        f"Look again at {_count(facts.doubtful, 'label')}",
        f"Of {facts.trained_on} labels, {facts.doubtful} look wrong: a model that was trained without the frame is "
        f"sure of another class. Some of these labels are wrong. Others are right, and the frame is hard.",
        then=(*LABEL, "snakemake"),
    )


def _set_threshold(facts: Facts) -> Advice | None:
    """For the class that is missed most, where the folds say that a threshold would find more of it."""
    for one in sorted(facts.verdict.classes, key=lambda one: -(one.missed["value"] or 0.0)):
        if one.name == GOOD or one.grade != "weak" or one.name in facts.decides["thresholds"]:
            continue
        if point := _worthwhile(facts.decides["operating_points"].get(one.name, [])):
            found, alarms = (" of ".join(map(str, point[key]["of"])) for key in ("recall", "false_alarms"))
            return Advice(
                f"Let main.py decide for {one.name} sooner",
                f"{_missed(one)}. From a score of {point['threshold']:.2f} on, {found} of the training frames of "
                f"{one.name} would have been found by models that had not seen them. But it would take {alarms} of "
                f"the other frames for {one.name}.",
                f"bundle: {{recall: {{{one.name}: {point['wanted']:g}}}}}",
            )
    return None


def _ease_threshold(facts: Facts) -> Advice | None:
    """Where a threshold takes many frames of other classes for its own."""
    for one in facts.verdict.classes:
        others = sum(other.missed["of"][1] for other in facts.verdict.classes if other is not one)
        alarms = one.judged[1] - one.judged[0]
        if one.name in facts.decides["thresholds"] and alarms > MOST_ALARMS * others:
            return Advice(
                f"Ask for less of {one.name}",
                f"By its threshold of {facts.decides['thresholds'][one.name]:.2f}, main.py takes {alarms} of {others} "
                f"other test frames for {one.name}. Until the model is better, ask for a smaller share of {one.name}, "
                f"or for none, as here.",
                "bundle: {recall: {}, thresholds: {}}",
            )
    return None


def _worthwhile(points: list[OperatingPoint]) -> OperatingPoint | None:
    """The point that promises the most at bearable false alarms, below where the highest probability decides."""
    fit = [
        point
        for point in points
        if point["promised"] and point["threshold"] < 0.5 and (point["false_alarms"]["value"] or 0.0) <= MOST_ALARMS
    ]
    return max(fit, key=lambda point: point["wanted"], default=None)


def _other_frame_size(facts: Facts) -> Advice | None:
    """Where the camera's resize costs, and another frame size is nearer to the network's input."""
    better = min(SQUARES, key=lambda name: (abs(SQUARES[name] - facts.input_size), name))
    if facts.roi or better == facts.frame_size or not _surely_worse(facts.camera, "camera", "clean"):
        return None
    return Advice(
        f"Take the frame size {better}",
        f"The camera's resize costs: {facts.camera['only_clean_right']} test frames are judged right only without it, "
        f"{facts.camera['only_camera_right']} only with it. The middle square of {better} has a side of "
        f"{SQUARES[better]} pixels, which is nearest to the network's {facts.input_size}.",
        f"camera: {{frame_size: {better}}}",
    )


def _train_longer(facts: Facts) -> Advice | None:
    """Where not even the frames that it was trained on are learned."""
    if facts.fit is None or facts.fit >= LEARNED:
        return None
    return Advice(
        "Train longer",
        f"Of the very frames that it was trained on, the model finds {percent(facts.fit)} of a class, on average. "
        "It has not learned them.",
        f"finetune: {{epochs: {2 * facts.epochs}}}",
    )


def _label_more(facts: Facts) -> Advice | None:
    """Where frames that were trained on are judged better than new ones, or too few promise a wanted recall."""
    worst = facts.verdict.worst
    short = _short_of_promise(facts)
    overfits = facts.fit is not None and facts.fit >= LEARNED and facts.fit > facts.held_out
    if not short and not (worst.grade == "weak" and overfits):
        return None
    number = max([facts.next_frames, *(missing for _, missing in short)])
    names = [name for name, _ in short] or [worst.name]
    why = [f"bundle.recall of {name} is promised only with {missing} more labels of it" for name, missing in short]
    if worst.grade == "weak" and overfits:
        why.append(
            f"{_missed(worst)}. The model finds {percent(facts.fit)} of a class on the frames that it was trained on, "
            f"and {percent(facts.held_out)} on frames that it had not seen. More labels narrow this gap"
        )
    return Advice(
        f"Label {number} more frames, above all {' and '.join(names)}",
        f"{'. '.join(why)}.",
        "" if facts.given else f"select: {{train: {facts.trained_on + number}}}",
        # With the new setting `select_next` would ask for these labels first.
        first=LABEL,
    )


def _short_of_promise(facts: Facts) -> list[tuple[str, int]]:
    """The classes whose threshold promises nothing yet, and how many labels each lacks."""
    short = []
    for name, wanted in facts.recall.items():
        takes, points = needed(wanted), facts.decides["operating_points"].get(name)
        # `too_few` has a sentence for each class whose wanted recall is not promised.
        promised = not any(note.startswith(f"bundle.recall, {name}:") for note in facts.decides["too_few"])
        if not promised and takes is not None and points:
            short.append((name, max(round(takes - points[0]["effective_frames"]), 1)))
    return short


def _other_network(facts: Facts) -> Advice | None:
    """Where a class is weak and no other network was tried."""
    worst = facts.verdict.worst
    if worst.grade != "weak" or facts.models > 1:
        return None
    why = f"{_missed(worst)}, and only one model was trained"
    if facts.teacher and facts.teacher.better:
        why += (
            f". The labels are good for more: with them the large network, which does not fit the camera, finds "
            f"{percent(facts.teacher.balanced_accuracy)} of a class on unseen frames, and the model "
            f"{percent(facts.held_out)}"
        )
    return Advice(
        "Try other networks and augmentations",
        f"{why}. A tournament on your labels says in some 15 minutes which network suits your line, and which "
        "augmentation (random changes of the frames in training).",
        then=("snakemake tune",),
    )


def _other_ranges(facts: Facts) -> Advice | None:
    """Where int8 is surely worse than float."""
    if not _surely_worse(facts.int8, "this", "float"):
        return None
    return Advice(
        "Try other quantization ranges",
        f"The int8 form costs: {facts.int8['only_float_right']} test frames are judged right only in float, "
        f"{facts.int8['only_this_right']} only in int8.",
        "quantize: {ranges: [calibrated, [-25, 25], [-10, 10], [-6, 6], [-4, 4]]}",
    )


def _test_more(facts: Facts) -> Advice | None:
    """Where a class has so few test frames that its figure says little."""
    few = [one for one in facts.verdict.classes if one.missed["of"][1] < FEWEST_TESTED]
    if not few:
        return None
    known = [
        f"Of {one.name} there is no test frame"
        if one.missed["value"] is None
        else f"Of {one.name} there are {one.missed['of'][1]} test frames: between {percent(one.missed['low'])} and "
        f"{percent(one.missed['high'])} of them may be missed"
        for one in few
    ]
    names = " and ".join(one.name for one in few)
    if facts.given:
        return Advice(f"Put more frames of {names} into test/", f"{'. '.join(known)}.")
    enough, most = _enough_tested(facts), min(facts.usable // 2, facts.usable - facts.trained_on)
    if enough > most:
        known.append(f"You have {facts.usable} usable frames, too few to test on more and to train on the rest")
    if most <= facts.tested_on:
        return Advice(f"Record more frames of {names}", f"{'. '.join(known)}.", then=())
    return Advice(
        f"Label more test frames, until there are {FEWEST_TESTED} of {names}",
        f"{'. '.join(known)}.",
        f"select: {{test: {min(enough, most)}}}",
        then=("snakemake", "linecam label", "snakemake"),
    )


def _enough_tested(facts: Facts) -> int:
    """How many test frames hold `FEWEST_TESTED` of the rarest class that there are any of, at the most four times those
    that there are."""
    rarest = min((frames for one in facts.verdict.classes if (frames := one.missed["of"][1])), default=1)
    return math.ceil(facts.tested_on * min(max(FEWEST_TESTED / rarest, 2), 4) / 10) * 10


def _test_another_day(facts: Facts) -> Advice | None:
    """Where most test frames show nearly what a training frame shows."""
    if 2 * facts.near <= facts.tested_on:
        return None
    why = (
        f"{facts.near} of {facts.tested_on} test frames are within {facts.near_within} frames of a training frame. "
        "Frames of another day may be harder. Record some"
    )
    # With a gap `select_test` draws stretches of a sequence. Each stretch costs the gap's frames on both of its sides.
    stretches = math.ceil(facts.tested_on / (STRETCH * facts.near_within))
    left = facts.usable - facts.tested_on - 2 * facts.near_within * stretches
    if facts.given or left < facts.trained_on:
        return Advice("Test on frames of another day", f"{why}.", then=())
    return Advice(
        "Test on frames of another day",
        f"{why}, or keep the two apart with select.gap.",
        f"select: {{gap: {facts.near_within}}}",
    )


def _surely_worse(paired: dict[str, int], one: str, other: str) -> bool:
    """Whether `one` is right less often than `other` on the frames that they judge differently."""
    return surely_more(paired[f"only_{other}_right"], paired[f"only_{one}_right"])


def _missed(one: ClassVerdict) -> str:
    sentence = one.sentence
    return sentence[0].upper() + sentence[1:]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
