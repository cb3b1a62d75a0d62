"""Every setting: its name, type, bounds, default and meaning. No default is written anywhere else.

The names are the keys of the YAML files. The text below a setting says what it means. `python -m
linecam.workflow.reference` writes both into docs/configuration.md and config/schema.json. The types are those of
linecam/workflow/values.py. The sections `pretrain` and `finetune` are in linecam/workflow/training_settings.py, and
`line` is in linecam/workflow/line_settings.py.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from linecam.boards.board import LAST_FIRMWARE
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
    in_words,
)

Strategy = Literal["mixed", "herding", "coreset", "typiclust", "probcover", "mundig", "random", "given"]
ComparedStrategy = Literal["random", "mixed", "herding", "coreset", "typiclust", "probcover", "mundig"]


class Dataset(Section):
    """Which frames, and what they may show."""

    name: Name
    """The name of your data: results go to `results/<name>/`, labels to `data/<name>/`."""
    kind: Literal["belt", "folder", "masks"]
    """`belt`: frames that linecam draws. `folder`: your frames, in `source`. `masks`: the tutorial's 700 frames."""
    source: Place | None = None
    """The folder with your frames (for `folder`), or with a local copy of the tutorial's frames (for `masks`)."""
    classes: Annotated[
        tuple[ClassName, ...], Field(min_length=2, max_length=16, json_schema_extra=DISTINCT), Distinct
    ] = ("bad", "good", "no_mask")
    """The names of the classes, in the order of the network's outputs. Letters of any script, digits, `_` and `-`."""
    definitions: dict[str, Sentence] = {}
    """What a class means, one sentence for each: `{bad: The cap has a scratch that you can feel.}`. The labelling page
    shows it beside the class, so that all people judge alike; the report shows it too."""
    url: Text = (
        "https://raw.githubusercontent.com/ARM-software/EndpointAI/fc6aabf79b7d9544441059757ab3a9ab78fe7c5d/"
        "ProofOfConcepts/Vision/OpenMvMaskDefaults/data"
    )
    """Where the tutorial's frames are downloaded from (for `masks`). Each frame is compared with its checksum in
    `config/masks.sha256`."""
    max_pixels: Count = 50_000_000
    """A frame with more pixels (width x height) is quarantined: it is not decoded, and not used."""
    every: Count = 1
    """Takes one frame in this number from each video: 5 takes the frames 0, 5, 10 and so on."""
    damaged: Literal["quarantine", "use"] = "quarantine"
    """What to do with a JPEG if the decoder warns that its data are damaged or end early. `use`: take it all the same,
    since some cameras write such files although their pictures are sound."""


class Belt(Section):
    """The drawn conveyor belt, for `dataset.kind: belt`."""

    frames: Count = 2500
    """How many frames are drawn."""
    seed: Seed = 1
    """The number from which the drawing starts. Another seed draws other frames."""
    defects: Literal["large", "small"] = "large"
    """`large`: most defects are easy to see. `small`: all defects are small and faint, so the line is hard."""


class Camera(Section):
    """Which part of a frame the network sees, and how the camera is set (docs/camera-view.md)."""

    frame_size: Literal["VGA", "QVGA", "QQVGA", "B128X128", "B64X64"] = "QVGA"
    """The frame size that `main.py` sets on the sensor. docs/camera-view.md says how to choose one."""
    side: Annotated[int, Field(strict=True, ge=32)] | None = None
    """The side, in pixels, of the square in the middle of the frame that the network sees. With a smaller square it
    sees less of the frame. `null`: the largest square that the sensors of all `bundle.boards` have."""
    roi: Roi | None = None
    """`[x, y, width, height]`: a region of the frame that the network sees instead of the square in the middle. The
    numbers are pixels of `frame_size`, counted from the upper left corner. An oblong region is stretched to the
    network's square input, and needs firmware 5.0.0. `null`: the square."""
    rois: (
        Annotated[tuple[Roi, ...], Field(min_length=2, max_length=16, json_schema_extra=DISTINCT), Distinct] | None
    ) = None
    """Several places of a frame, each written as for `roi`, all of one size: `[[10, 60, 90, 90], [110, 60, 90, 90]]`.
    The network judges one after the other, and the worst one decides for the item (docs/on-the-line.md). `null`: one
    place."""
    exposure_us: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] | Literal["auto"] | None = None
    """The exposure time that the camera holds, in microseconds. `auto`: the value that the sensor's automatic finds at
    the start. `null`: the value that `collect.py` wrote beside your frames; if there is none, the automatic stays on
    (docs/same-picture.md)."""
    gain_db: Decibels | Literal["auto"] | None = None
    """The gain that the camera holds, in dB. `auto` and `null` as for `exposure_us`."""
    white_balance: tuple[Decibels, Decibels, Decibels] | Literal["auto"] | None = None
    """The gains of red, green and blue that the camera holds, in dB. `auto` and `null` as for `exposure_us`."""


class Embed(Section):
    """The embeddings: numbers for each frame, by which frames are selected."""

    file: Place | None = None
    """A file with embeddings from another tool, to use instead of linecam's: a CSV in Lightly's format (`filenames`,
    `embedding_0`, ..., `labels`). docs/labels.md says how names are matched."""


class Select(Section):
    """Which frames to label (docs/selection.md)."""

    train: Count = 200
    """How many frames to label for training."""
    test: Count = 500
    """How many frames to label for the test."""
    gap: Annotated[int, Field(strict=True, ge=0)] = 0
    """The smallest distance between a training frame and a test frame of one sequence, as a number of frames. Above 0,
    test frames are drawn as stretches of a sequence, to leave room for training frames. It has no effect if your
    folders say which frames are for training and which for the test."""
    seed: Seed = 1
    """The number from which random choices start."""
    strategies: Annotated[Sweep[Strategy] | None, Field(exclude_if=lambda value: value is None)] = None
    """A sweep. `mixed` takes 50 typical frames and then random ones; `herding` takes typical ones alone; `coreset` is
    greedy k-center, which takes the odd ones; `given` takes the folders `train/<class>/` and `test/<class>/`. Left out:
    `[given]` where there are such folders, else `[mixed]`. The first one's model goes into the bundle."""


class Quantize(Section):
    """The conversion from floating-point numbers to 8-bit integers (int8).

    For that, each activation (a value inside the network) needs a range that its integers cover.
    """

    ranges: Sweep[Range] = ("calibrated", (-25, 25), (-10, 10), (-6, 6))
    """A sweep. `calibrated`: the range of each activation is measured on training frames. `[low, high]`: all
    activations have this range. linecam chooses the best (docs/sweeps.md)."""
    calibration_frames: Count = 200
    """The largest number of training frames on which ranges are measured."""


class Evaluate(Section):
    """How models are compared, and how wide intervals are."""

    unlabelled_frames: Count = 300
    """How many frames outside the test set are used to choose the quantization range. The range that agrees most often
    with the float model wins."""
    confidence: Confidence = 0.95
    """The confidence of every interval in the report."""


class Tune(Section):
    """For `snakemake tune`: which network, and which augmentation, suit your line (docs/sweeps.md).

    Every network enters once with `finetune.augment`, and once with each augmentation that is listed here.
    """

    minutes: Count = 15
    """About how many minutes the tournament may take. The pretraining of its networks comes on top. After each round
    half of the entrants leave. The last two train in full, if there is enough time."""
    networks: Sweep[Network] = ("slim7-96", "swift7-112")
    """The networks that enter. The cheapest that is within a point of the best wins."""
    augment: dict[Text, Augment] = {
        "in steady light": Augment(brightness=1.25, contrast=1.15, gain=0.03, noise=0.01),
        "in changing light": Augment(brightness=1.8, contrast=1.33, gain=0.07, noise=0.02),
        "as parts lie": Augment(degrees=3, scale=(0.97, 1.05), shift=0.03, flips=False),
        "any way round": Augment(turn=180),
        "near and far": Augment(turn=20, scale=(0.6, 1.6), shift=0.15),
    }
    """The augmentations that enter, each with a name. Settings that one leaves out have the default of
    `finetune.augment`."""


class Next(Section):
    """For `snakemake select_next`: what to label after a first model."""

    frames: Count = 50
    """How many frames to label next."""
    strategy: Literal["margin", "entropy"] = "margin"
    """How uncertainty is measured: by the `margin` between the two likeliest classes, or by the `entropy` of all
    classes."""


class StudyPart(Section):
    """A part of a study: linecam trains every combination of its lists."""

    networks: Several[Network]
    """The networks, such as `swift7-112`."""
    methods: Several[Method]
    """The methods of pretraining."""
    labels: Several[Labels]
    """The numbers of labels. 50 takes the first 50 frames of the first selection. With fewer labels a model trains for
    as many steps as with all."""
    seeds: Several[Seed]
    """The seeds of finetuning: the numbers from which its random choices start."""


class StudySelection(Section):
    """For `snakemake study_selection`: are chosen frames worth more than random ones?

    Every combination is trained. The labels of all frames have to be known (docs/selection.md).
    """

    strategies: Annotated[
        tuple[ComparedStrategy, ...],
        Field(min_length=2, json_schema_extra=DISTINCT | {"contains": {"const": "random"}}),
        Distinct,
        AfterValidator(has_random),
    ] = ("random", "mixed", "coreset", "typiclust", "probcover")
    """The strategies. `random` has to be one of them: the others are compared with it."""
    labels: Sweep[Labels] = (25, 50, 100, 200)
    """How many frames are chosen."""
    seeds: Sweep[Seed] = (1, 2)
    """The seeds of random draws and of finetuning: the numbers from which random choices start."""


class Measured(Section):
    """One inference, as measured on a board."""

    ms: Rate
    """The time that was measured, in ms."""
    estimate_ms: tuple[Rate, Rate]
    """The estimated interval, in ms, from the manifest of the bundle that was measured."""


class Bundle(Section):
    """The bundle for the camera: for which boards, and how the camera decides (docs/camera.md)."""

    boards: Sweep[Text] = ("openmv-h7",)
    """The boards, by their names in `config/boards.yaml`. Each gets a bundle."""
    accept: Literal["good", "weak"] = "good"
    """`good`: a weak model gets no bundle, and the report says why. A model is weak if it is hardly better than always
    saying one class (docs/boards.md). `weak`: it gets a bundle, which says at its top that the model is weak."""
    votes: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    """Over how many frames in a row `main.py` takes the mean score for one decision. `null`: 3 if your frames are
    sequences in which each frame looks like the next, else 1 (docs/camera.md)."""
    period_ms: Annotated[int, Field(strict=True, ge=0, le=3_600_000)] = 0
    """The shortest time between two decisions, in milliseconds. 0: the camera decides as often as it can."""
    recall: dict[str, Share] = {}
    """The share of a class that `main.py` has to find: `{bad: 0.95}`. linecam sets the threshold of the class so that
    this share of future frames is found, with a confidence of 80 %. A threshold is 0.5 at the most. It takes enough
    labels: 32 labelled frames of the class for 0.95, 161 for 0.99. If there are fewer, nothing is promised, and
    `thresholds.json` says so. That file also has the number of false alarms (docs/camera.md)."""
    thresholds: dict[str, Threshold] = {}
    """The mean score from which on `main.py` decides for a class: `{bad: 0.35}` finds more bad parts, and gives more
    false alarms. A class may also win by the highest score, unless its threshold is above 0.5 (docs/camera.md). A
    threshold here counts before `recall`."""
    place: Literal["drive", "romfs", "sd"] | None = None
    """Where the model will lie on the camera. `drive`, `sd`: the camera copies it into its memory. `romfs`: the camera
    uses it in place, in a part of the flash memory. `null`: the first place in `config/boards.yaml` for the board."""
    firmware: Annotated[
        str,
        Field(
            strict=True,
            pattern=r"^(4\.5\.[6-9]|4\.[6-8]\.[0-9]+|5\.0\.0)$",
            examples=[LAST_FIRMWARE],
            json_schema_extra=in_words("Write a version from 4.5.6 to 5.0.0, as in 4.8.1."),
        ),
    ] = LAST_FIRMWARE
    """The version of the camera's firmware, from 4.5.6 to 5.0.0."""
    latency_ms: Rate | None = None
    """The longest time that one run of the network may take, in ms. A model is refused if the upper end of its estimate
    is higher. `null`: no limit."""
    measured: dict[str, Measured] = {}
    """How long one run of the network took on your board: `{openmv-h7: {ms: 70, estimate_ms: [55.9, 75.6]}}`. With this
    linecam corrects its estimates. `linecam measure` prints it (docs/measure.md)."""
    signing_key: Place | None = None
    """The path of a private key (PEM). Each bundle then gets a signature beside it, `<board>.sig`. docs/camera.md says
    how to make a key. `null`: not signed. If the key has a password, put it into the environment variable
    `LINECAM_KEY_PASSWORD`."""


class Settings(Section):
    """A whole configuration of linecam."""

    dataset: Dataset
    belt: Belt = Belt()
    camera: Camera = Camera()
    shards: Shards = 1
    """Into how many jobs decoding and embedding are split, on a cluster. On one machine leave it at 1: one job uses all
    cores. The results are the same for any number."""
    networks: Sweep[Network] = ("slim7-96",)
    """A sweep. Each name is an architecture and the side of its input in pixels. docs/networks.md lists the
    architectures, and `linecam networks` says what each network costs on the camera. If there are several, the cheapest
    one that is within a point of the best goes into the bundle."""
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
    """For `snakemake study`: the models to train, as a list of parts. In each part every combination is trained. All
    `select.train` frames need labels (docs/sweeps.md)."""
    study_selection: StudySelection = StudySelection()
    bundle: Bundle = Bundle()
    line: Line = Line()

    def as_dict(self) -> dict[str, Any]:
        """All settings, as JSON values; `select.strategies` only where it is set."""
        plain: dict[str, Any] = json.loads(json.dumps(self.model_dump()))  # pydantic's own JSON has 25.0 for 25
        return plain
