"""The settings of training: the sections `pretrain` and `finetune`, as linecam/workflow/settings.py has the others."""

from typing import Annotated, Literal

from pydantic import Field

from linecam.workflow.section import Section
from linecam.workflow.values import (
    Architecture,
    AsWritten,
    BatchSize,
    Count,
    Jitter,
    NotNegative,
    Place,
    Rate,
    Seed,
    Share,
    Smoothing,
    Sweep,
    Text,
)

Method = Literal["taught", "simclr", "distilled", "rendered", "none", "given"]


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
    teacher: Architecture = "wide7"
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
