"""Every setting: its name, type, bounds, default and meaning. No default is written anywhere else.

The names are the keys of the YAML files. The text below a setting says what it means. `python -m
linecam.workflow.reference` writes both into docs/configuration.md and config/schema.json. The types are those of
linecam/workflow/values.py. The sections `pretrain` and `finetune` are in linecam/workflow/training_settings.py, and
`line` is in linecam/workflow/line_settings.py.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from linecam.workflow.line_settings import Line
from linecam.workflow.section import Section
from linecam.workflow.training_settings import Augment, Finetune, Method, Pretrain
from linecam.workflow.values import (
    DISTINCT,
    ClassName,
    Confidence,
    Count,
    Decibels,
    Distinct,
    Labels,
    Name,
    Network,
    Place,
    Range,
    Rate,
    Roi,
    Seed,
    Sentence,
    Several,
    Shards,
    Share,
    Sweep,
    Text,
    Threshold,
    has_random,
)

Strategy = Literal["mixed", "herding", "coreset", "typiclust", "probcover", "mundig", "random", "given"]
ComparedStrategy = Literal["random", "mixed", "herding", "coreset", "typiclust", "probcover", "mundig"]


class Dataset(Section):
    """Which frames, and what they may show."""

    name: Name
    """Names `results/<name>/` and `data/<name>/`: two configurations with two names never touch each other."""
    kind: Literal["belt", "folder", "masks"]
    """`belt`: frames that linecam renders. `folder`: your frames, in `source`. `masks`: the tutorial's 700 frames."""
    source: Place | None = None
    """The folder of your frames (`folder`), or a local copy of the tutorial's (`masks`)."""
    classes: Annotated[
        tuple[ClassName, ...], Field(min_length=2, max_length=16, json_schema_extra=DISTINCT), Distinct
    ] = ("bad", "good", "no_mask")
    """The names of the classes, in the order of the network's outputs."""
    definitions: dict[str, Sentence] = {}
    """What a class means, one sentence for each: `{bad: The cap has a scratch that you can feel.}`. The labelling page
    shows it beside the class, so that all people judge alike; the report shows it too."""
    url: Text = (
        "https://raw.githubusercontent.com/ARM-software/EndpointAI/fc6aabf79b7d9544441059757ab3a9ab78fe7c5d/"
        "ProofOfConcepts/Vision/OpenMvMaskDefaults/data"
    )
    """Where the tutorial's frames are downloaded from (`masks`); each is checked against `config/masks.sha256`."""
    max_pixels: Count = 50_000_000
    """A frame with more pixels (width x height) goes to quarantine undecoded."""
    every: Count = 1
    """Of a video, one frame in so many is used: its first one, and so on."""
    damaged: Literal["quarantine", "use"] = "quarantine"
    """What becomes of a JPEG of which the decoder warns that its data are damaged or end early. `use`: some cameras
    write such files and their pictures are sound."""


class Belt(Section):
    """The rendered conveyor belt, for `dataset.kind: belt`."""

    frames: Count = 2500
    """How many frames are rendered."""
    seed: Seed = 1
    """What the drawing of them starts from: another seed renders other frames."""
    defects: Literal["large", "small"] = "large"
    """`large`: most defects are easy to see. `small`: all are small and faint, which is a hard line."""


class Camera(Section):
    """What the camera takes, and what evaluation simulates (docs/camera-view.md)."""

    frame_size: Literal["VGA", "QVGA", "QQVGA", "B128X128", "B64X64"] = "QVGA"
    """What `main.py` asks of the sensor. The firmware's resize has no anti-aliasing: take the size whose square is
    nearest to the network's input."""
    side: Annotated[int, Field(strict=True, ge=32)] | None = None
    """The side, in pixels, of the square in the middle of the frame that goes to the network: a smaller one looks at
    less. `null`: the largest that the sensors of all `bundle.boards` have."""
    roi: Roi | None = None
    """`[x, y, width, height]`: the region of the frame that goes to the network instead of the square in its middle, in
    pixels of `frame_size`, from its upper left corner. An oblong one is stretched to the network's square input, on
    firmware 5.0.0. `null`: the square."""
    rois: (
        Annotated[tuple[Roi, ...], Field(min_length=2, max_length=16, json_schema_extra=DISTINCT), Distinct] | None
    ) = None
    """Several places of a frame, each as `roi`, all of one size: `[[10, 60, 90, 90], [110, 60, 90, 90]]`. The network
    judges one after the other, and the worst one decides for the item (docs/on-the-line.md). `null`: one place."""
    exposure_us: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] | Literal["auto"] | None = None
    """The exposure that the camera holds, in microseconds. `auto`: what the sensor finds at the start. `null`: what
    `collect.py` wrote beside the frames, or where it wrote nothing the sensor's automatic (docs/same-picture.md)."""
    gain_db: Decibels | Literal["auto"] | None = None
    """The gain that the camera holds, in dB. `auto` and `null` as for `exposure_us`."""
    white_balance: tuple[Decibels, Decibels, Decibels] | Literal["auto"] | None = None
    """The gains of red, green and blue that the camera holds, in dB. `auto` and `null` as for `exposure_us`."""


class Embed(Section):
    """The embeddings, by which frames are selected."""

    file: Place | None = None
    """Embeddings of another tool, instead of the backbone's: a CSV in Lightly's format (`filenames`, `embedding_0`,
    ..., `labels`). docs/labels.md says how names are matched."""


class Select(Section):
    """Which frames to label (docs/selection.md)."""

    train: Count = 200
    """How many frames to label for training."""
    test: Count = 500
    """How many frames to label for the test."""
    gap: Annotated[int, Field(strict=True, ge=0)] = 0
    """No training frame is taken within so many frames of a test frame in its sequence. Above 0, test frames come in
    stretches of a sequence, to leave room for others. Has no effect where the folders say which frames are for what."""
    seed: Seed = 1
    """What random choices start from."""
    strategies: Annotated[Sweep[Strategy] | None, Field(exclude_if=lambda value: value is None)] = None
    """A sweep. `mixed` takes 50 typical frames and then random ones; `herding` takes typical ones alone; `coreset` is
    greedy k-center, which takes the odd ones; `given` takes the folders `train/<class>/` and `test/<class>/`. Left out:
    `[given]` where there are such folders, else `[mixed]`. The first one's model goes into the bundle."""


class Quantize(Section):
    """From float to int8."""

    ranges: Sweep[Range] = ("calibrated", (-25, 25), (-10, 10), (-6, 6))
    """A sweep. `calibrated`: each activation's range is measured on training frames. `[low, high]`: the range of every
    activation."""
    calibration_frames: Count = 200
    """On how many training frames ranges are measured, at the most."""


class Evaluate(Section):
    """What is measured, and how sure it is."""

    unlabelled_frames: Count = 300
    """On how many frames outside the test set the range is chosen, by agreement with the float model."""
    confidence: Confidence = 0.95
    """The confidence of every interval that is reported."""


class Tune(Section):
    """For `snakemake tune`: which network, and which augmentation, suit your line (docs/sweeps.md).

    Every network enters with `finetune.augment`, and with each augmentation that is listed here instead.
    """

    minutes: Count = 15
    """About how long the tournament may take, beside the pretraining of its networks. Half of its entrants leave after
    each round, and the last two train in full where the time suffices."""
    networks: Sweep[Network] = ("slim7-96", "swift7-112")
    """The networks that enter. The cheapest that is within a point of the best wins."""
    augment: dict[Text, Augment] = {
        "in steady light": Augment(brightness=1.25, contrast=1.15, gain=0.03, noise=0.01),
        "in changing light": Augment(brightness=1.8, contrast=1.33, gain=0.07, noise=0.02),
        "as parts lie": Augment(degrees=3, scale=(0.97, 1.05), shift=0.03, flips=False),
        "any way round": Augment(turn=180),
        "near and far": Augment(turn=20, scale=(0.6, 1.6), shift=0.15),
    }
    """By its name each augmentation that enters; what it does not say is as in `finetune.augment` by default."""


class Next(Section):
    """For `snakemake select_next`: what to label after a first model."""

    frames: Count = 50
    """How many frames to label next."""
    strategy: Literal["margin", "entropy"] = "margin"
    """By what a frame counts as uncertain: `margin` between the two likeliest classes, or `entropy` of all."""


class StudyPart(Section):
    """A part of a study: every combination of these is trained."""

    networks: Several[Network]
    """Networks, such as `swift7-112`."""
    methods: Several[Method]
    """Methods of pretraining."""
    labels: Several[Labels]
    """Numbers of labels: the first so many of the first selection's frames. On fewer labels a model trains for as many
    steps as on all."""
    seeds: Several[Seed]
    """Seeds of finetuning."""


class StudySelection(Section):
    """For `snakemake study_selection`: are chosen frames worth more than random ones? Every combination is trained.

    Needs frames whose labels are all known (docs/selection.md).
    """

    strategies: Annotated[
        tuple[ComparedStrategy, ...],
        Field(min_length=2, json_schema_extra=DISTINCT | {"contains": {"const": "random"}}),
        Distinct,
        AfterValidator(has_random),
    ] = ("random", "mixed", "coreset", "typiclust", "probcover")
    """What is compared. `random` has to be one: the others are compared with it."""
    labels: Sweep[Labels] = (25, 50, 100, 200)
    """Numbers of frames to choose."""
    seeds: Sweep[Seed] = (1, 2)
    """Seeds of random draws and of finetuning."""


class Measured(Section):
    """One inference, as measured on a board."""

    ms: Rate
    """The time that was measured, in ms."""
    estimate_ms: tuple[Rate, Rate]
    """The interval, in ms, that the manifest of the measured bundle gives."""


class Bundle(Section):
    """What ships, for which board, and how it decides there (docs/camera.md)."""

    boards: Sweep[Text] = ("openmv-h7",)
    """Names in `config/boards.yaml`; each gets a bundle."""
    accept: Literal["good", "weak"] = "good"
    """`good`: no bundle is made of a model that is weak, by what its folds held out and its training loss; the report
    says why. `weak`: it is made all the same, and says at its top that it is weak."""
    votes: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    """`main.py` decides by the mean over so many frames. `null`: 3 where the frames are sequences, by the numbers in
    their names and because successive ones look alike, else 1."""
    period_ms: Annotated[int, Field(strict=True, ge=0, le=3_600_000)] = 0
    """The camera decides at most once in so many milliseconds; 0 is as often as it can."""
    recall: dict[str, Share] = {}
    """The share of a class that `main.py` has to find: `{bad: 0.95}` sets its threshold so that, at
    `evaluate.confidence`, so much of it is found among frames to come. It is set on the training frames that the folds
    held out, and is 0.5 at the most. `thresholds.json` has the false alarms that it costs, and says where the labels
    are too few to promise it: 0.95 takes 59 labelled frames of the class, 0.99 takes 299."""
    thresholds: dict[str, Threshold] = {}
    """The mean score from which on `main.py` decides for a class, whatever the others have: `{bad: 0.35}` finds more
    bad parts, at more false alarms. Up to 0.5 it never finds fewer than the highest mean does; one above that is
    demanded. Counts before `recall`. Classes without one compete by the highest mean."""
    place: Literal["drive", "romfs", "sd"] | None = None
    """Where the model will lie on the camera. `drive` and `sd`: it is copied into the heap. `romfs`: it is used in
    place. `null`: the first that `config/boards.yaml` names for the board."""
    firmware: Annotated[
        str, Field(strict=True, pattern=r"^(4\.5\.[6-9]|4\.[6-8]\.[0-9]+|5\.0\.0)$", examples=["5.0.0"])
    ] = "5.0.0"
    """The version of the camera's firmware, from 4.5.6 to 5.0.0."""
    latency_ms: Rate | None = None
    """The most that one inference may take, in ms, by the upper end of the estimate; a slower model is refused.
    `null`: no limit."""
    measured: dict[str, Measured] = {}
    """What one inference took on a board, to correct the estimates: `{openmv-h7: {ms: 70, estimate_ms: [55.9, 75.6]}}`,
    with the interval that the manifest of the measured bundle gives."""
    signing_key: Place | None = None
    """The path of a private key (PEM): each bundle gets a signature beside it, `<board>.sig`. docs/camera.md says how
    to make one. `null`: not signed. The key's password, if it has one, is `LINECAM_KEY_PASSWORD`."""


class Settings(Section):
    """A whole configuration of linecam."""

    dataset: Dataset
    belt: Belt = Belt()
    camera: Camera = Camera()
    shards: Shards = 1
    """Into how many jobs decoding and embedding are split, for a cluster. On one machine one job uses all cores. The
    results are the same bytes for any number."""
    networks: Sweep[Network] = ("slim7-96",)
    """A sweep. Architecture and input size in pixels. `linecam/networks/architectures.py` lists the architectures, and
    `linecam networks` what each costs. `slim7`, `swift7` and `swift9` are made for the camera, `resnet9` is the
    tutorial's. Of several the cheapest that is within a point of the best goes into the bundle."""
    pretrain: Pretrain = Pretrain()
    embed: Embed = Embed()
    select: Select = Select()
    finetune: Finetune = Finetune()
    quantize: Quantize = Quantize()
    evaluate: Evaluate = Evaluate()
    tune: Tune = Tune()
    next: Next = Next()
    study: Several[StudyPart] = (
        StudyPart(
            networks=("slim7-96",), methods=("none", "simclr", "taught"), labels=(25, 50, 100, 200), seeds=(1, 2)
        ),
        StudyPart(
            networks=("slim7-64", "swift7-96", "swift7-112", "resnet9-64"),
            methods=("taught",),
            labels=(200,),
            seeds=(1, 2),
        ),
    )
    """For `snakemake study`: the models to train, as a list of parts. Of each part every combination is trained. Needs
    `select.train` labels (docs/sweeps.md)."""
    study_selection: StudySelection = StudySelection()
    bundle: Bundle = Bundle()
    line: Line = Line()

    def as_dict(self) -> dict[str, Any]:
        """All settings, as JSON values; `select.strategies` only where it is set."""
        plain: dict[str, Any] = json.loads(json.dumps(self.model_dump()))  # pydantic's own JSON has 25.0 for 25
        return plain
