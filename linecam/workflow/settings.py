"""Every setting: its name, type, bounds, default and meaning. This is the only place where a default is written.

The names are the keys of the YAML files. The text below a setting says what it means. `python -m
linecam.workflow.reference` writes both into docs/configuration.md and config/schema.json. The types are those of
linecam/workflow/values.py; the section `line` is in
linecam/workflow/line_settings.py.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from linecam.workflow.line_settings import Line
from linecam.workflow.section import Section
from linecam.workflow.values import (
    DISTINCT,
    AsWritten,
    BatchSize,
    ClassName,
    Confidence,
    Count,
    Decibels,
    Distinct,
    Jitter,
    Labels,
    Name,
    Network,
    NotNegative,
    Place,
    Range,
    Rate,
    Roi,
    Seed,
    Sentence,
    Several,
    Shards,
    Share,
    Smoothing,
    Sweep,
    Text,
    Threshold,
    has_random,
)

Method = Literal["taught", "simclr", "distilled", "rendered", "none", "given"]
Strategy = Literal["herding", "coreset", "typiclust", "probcover", "mundig", "random", "given"]
ComparedStrategy = Literal["random", "herding", "coreset", "typiclust", "probcover", "mundig"]


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


class RenderedTraining(Section):
    """The method `rendered`: it learns from drawn frames of a belt with medical masks, whose labels drawing knows."""

    frames: Annotated[int, Field(strict=True, ge=60)] = 6000
    """How many frames are drawn."""
    epochs: Count = 12
    """How often each drawn frame is seen."""


class Taught(Section):
    """The method `taught`: it learns what a large network sees in the frames, then to find drawn defects."""

    network: Text = "tf_efficientnet_lite0"
    """The large network, by its name in timm. The default is an EfficientNet-Lite0 that ImageNet trained; its weights
    come with linecam."""
    weights: Place | None = None
    """The file of another network's weights: `.safetensors`, or a state dict of PyTorch. `null`: the default's."""
    side: Annotated[int, Field(strict=True, ge=32)] = 224
    """The side of the large network's input, in pixels."""
    views: Count = 4000
    """How many views of the frames the large network looks at; at most so many frames are taken."""
    steps: Annotated[int, Field(strict=True, ge=10)] = 1500
    """For how many steps of 64 views the small network learns what the large one sees."""
    pasted_steps: Annotated[int, Field(strict=True, ge=0)] = 1000
    """For how many steps of 64 frames it then learns to find drawn defects."""


class CpuBudget(Section):
    """How long to pretrain where there is no GPU."""

    epochs: Count = 5
    """How often each frame is seen where there is no GPU."""
    batch_size: BatchSize = 128
    """How many frames a step of the training takes where there is no GPU."""


class GpuBudget(Section):
    """How long to pretrain on a GPU: the tutorial's values."""

    epochs: Count = 100
    """How often each frame is seen on a GPU."""
    batch_size: BatchSize = 768
    """How many frames a step of the training takes on a GPU."""


class Pretrain(Section):
    """The training without labels. For several GPUs or nodes see docs/cluster.md."""

    methods: Sweep[Method] = ("taught",)
    """A sweep. `taught`: the network learns what a large network of ImageNet sees in the frames. `simclr`: it learns
    from the frames alone. `distilled`: it learns what a larger network sees that SimCLR trained. `rendered`: it learns
    from drawn frames. `none`: random weights. `given`: `checkpoint`. The first one's embeddings select the frames to
    label."""
    taught: Taught = Taught()
    teacher: Text = "wide7"
    """The architecture that `distilled` learns from, at the network's own input size."""
    rendered: RenderedTraining = RenderedTraining()
    checkpoint: Place | None = None
    """The backbone of the method `given`: a `.safetensors` file, or a state dict that `torch.save` wrote, such as the
    tutorial's `pretrained.ckpt`, which is read without running its pickle."""
    cpu: CpuBudget = CpuBudget()
    gpu: GpuBudget = GpuBudget()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """The numbers that the network computes with. `auto`: bfloat16 where the processor multiplies it itself, else
    float32."""
    devices: Count = 1
    """How many GPUs, or processes on a CPU, share each batch on every node. The result is what one would compute."""
    num_nodes: Count = 1
    """How many nodes of a SLURM job share each batch."""
    strategy: Literal["auto", "ddp_nccl", "ddp_gloo"] = "auto"
    """How processes exchange gradients: NCCL between GPUs, gloo between CPUs. `auto`: by the device."""
    learning_rate: Rate = 0.06
    """The learning rate for a batch of 128; it is scaled with the batch."""
    temperature: Rate = 0.5
    """SimCLR's temperature: the lower, the more the nearest other frames count."""
    color_jitter: Jitter = 0.5
    """How strongly SimCLR changes the colours of a frame; 0 leaves them."""
    min_crop: Share = 0.5
    """The smallest part of a frame's area that SimCLR crops."""
    seed: Seed = 1
    """What the random numbers of pretraining start from."""


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
    """A sweep. `herding` takes the frames that stand best for all others; `coreset` is greedy k-center, which takes the
    odd ones; `given` takes the folders `train/<class>/` and `test/<class>/`. Left out: `[given]` where there are such
    folders, else `[herding]`. The first one's model goes into the bundle."""


class Augment(Section):
    """What parts and light do on your line: each labelled frame is seen a little different in every epoch.

    Take what the line does, and no more: a variant that shows no defect any more teaches a wrong label. For parts that
    always lie alike, `{flips: false, degrees: 3, shift: 0.03}`; for parts that lie any way round, `{turn: 180}`.
    """

    turn: Annotated[float, Field(strict=True, ge=0, le=180), AsWritten] = 0
    """How far a frame is turned, in degrees to either side."""
    degrees: Annotated[float, Field(strict=True, ge=0, le=30), AsWritten] = 10
    """How far each axis turns by itself, in degrees to either side: the frame is turned, and sheared."""
    scale: tuple[Share, Annotated[float, Field(strict=True, ge=1, le=4), AsWritten]] = (0.9, 1.15)
    """The smallest and the largest size."""
    shift: Annotated[float, Field(strict=True, ge=0, le=0.5), AsWritten] = 0.08
    """How far a frame is shifted, as a share of its side, in any direction."""
    flips: Annotated[bool, Field(strict=True)] = True
    """Whether frames are mirrored, left to right and top to bottom."""
    brightness: Annotated[float, Field(strict=True, ge=1, le=4), AsWritten] = 1.4
    """The largest factor of brightness; the smallest is 1 over it."""
    contrast: Annotated[float, Field(strict=True, ge=1, le=4), AsWritten] = 1.2
    """The largest factor of contrast; the smallest is 1 over it."""
    gain: Annotated[float, Field(strict=True, ge=0, lt=1), AsWritten] = 0.05
    """How much each colour is brighter or darker by itself, as a share."""
    noise: Annotated[float, Field(strict=True, ge=0, le=0.5), AsWritten] = 0.015
    """The largest standard deviation of noise, as a share of full scale."""


class Finetune(Section):
    """The training with labels, on all labelled frames. No epoch is chosen: the last one counts."""

    seeds: Sweep[Seed] = (1,)
    """A sweep. The seed that validates best goes into the bundle."""
    epochs: Count | None = None
    """How often each labelled frame is seen. `null`: 100 times where unlabelled frames join in, 300 times where none
    do, and more often where there are few labels."""
    batch_size: BatchSize = 16
    """How many frames a step of the training takes."""
    unlabelled_batch: Annotated[int, Field(strict=True, ge=0)] = 32
    """How many unlabelled frames each step takes beside them, where the backbone is `taught`: the large network says
    how likely each class is on them, by what it learned from your labels. 0 leaves them out."""
    learning_rate: Rate = 0.005
    """The learning rate at its highest."""
    weight_decay: NotNegative = 0.05
    """How strongly weights are pulled to 0."""
    folds: Annotated[int, Field(strict=True, ge=2, le=20)] = 5
    """Into how many parts the training labels are cut. For each there is one more training without it, and a
    prediction of it: the choice between models, the calibration and the thresholds rest on these."""
    label_smoothing: Smoothing = 0.05
    """How much of each label is spread over all classes."""
    augment: Augment = Augment()


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
    ] = ("random", "herding", "coreset", "typiclust", "probcover")
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
