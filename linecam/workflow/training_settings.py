"""The settings of training: the sections `pretrain` and `finetune`, as linecam/workflow/settings.py has the others."""

from typing import Annotated, Literal

from pydantic import Field

from linecam.networks.architectures import PACKAGED_TEACHER
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

    network: Text = PACKAGED_TEACHER
    """The large network, by its name in the library timm. The default is an EfficientNet-Lite0, trained on ImageNet.
    Its weights come with linecam."""
    weights: Place | None = None
    """If you name another large network: the file of its weights, `.safetensors` or a state dict of PyTorch."""
    side: Annotated[int, Field(strict=True, ge=32)] = 224
    """The side of the large network's input, in pixels."""
    views: Count = 4000
    """How many views (random variants) of your frames the large network looks at. They come from as many frames at the
    most."""
    steps: Annotated[int, Field(strict=True, ge=10)] = 1500
    """How many steps, of 64 views each, the small network learns from the large one."""
    pasted_steps: Annotated[int, Field(strict=True, ge=0)] = 1000
    """How many steps, of 64 frames each, it then learns to find drawn defects. 0 leaves this out."""


class CpuBudget(Section):
    """How long to pretrain where there is no GPU."""

    epochs: Count = 5
    """How often each frame is seen if there is no GPU. For `simclr` and `distilled`."""
    batch_size: BatchSize = 128
    """How many frames one training step takes if there is no GPU."""


class GpuBudget(Section):
    """How long to pretrain on a GPU: the tutorial's values."""

    epochs: Count = 100
    """How often each frame is seen on a GPU. For `simclr` and `distilled`."""
    batch_size: BatchSize = 768
    """How many frames one training step takes on a GPU."""


class Pretrain(Section):
    """The training before your labels (docs/networks.md). For several GPUs or nodes see docs/cluster.md."""

    methods: Sweep[Method] = ("taught",)
    """A sweep. `taught`: the network learns what a large network, trained on ImageNet, sees in your frames. `simclr`:
    it learns from your frames alone. `distilled`: it learns from a larger network that SimCLR has trained on your
    frames. `rendered`: it learns from drawn frames. `none`: random weights. `given`: the file `checkpoint`. The first
    method in the list gives the embeddings by which frames are selected."""
    taught: Taught = Taught()
    teacher: Architecture = "wide7"
    """The architecture that `distilled` learns from, at the network's own input size."""
    rendered: RenderedTraining = RenderedTraining()
    checkpoint: Place | None = None
    """The file with the weights for the method `given`: a `.safetensors` file, or a state dict that `torch.save` wrote,
    such as the tutorial's `pretrained.ckpt`. No code in the file is run."""
    cpu: CpuBudget = CpuBudget()
    gpu: GpuBudget = GpuBudget()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """The kind of numbers that the training computes with. `auto`: bfloat16 if the processor can multiply it, else
    float32."""
    devices: Count = 1
    """How many GPUs share each batch on every node (or processes, on a CPU). The result is the same as with one."""
    num_nodes: Count = 1
    """How many nodes of a SLURM job share each batch."""
    strategy: Literal["auto", "ddp_nccl", "ddp_gloo"] = "auto"
    """How processes exchange gradients: NCCL between GPUs, gloo between CPUs. `auto`: by the device."""
    learning_rate: Rate = 0.06
    """The learning rate of `simclr` and `distilled` for a batch of 128. It is scaled with the batch size."""
    temperature: Rate = 0.5
    """SimCLR's temperature. SimCLR pushes the embeddings of different frames apart. The lower the temperature, the more
    it concentrates on those that are nearest to each other."""
    color_jitter: Jitter = 0.5
    """How strongly SimCLR changes the colours of a frame; 0 leaves them."""
    min_crop: Share = 0.5
    """The smallest part of a frame's area that SimCLR crops."""
    seed: Seed = 1
    """The number from which the random choices of pretraining start."""


class Augment(Section):
    """Random changes of the frames in training: each labelled frame looks a little different in every epoch.

    Allow the changes that happen on your line, and no others: if a change hides the defect, the label is wrong. For
    parts that always lie alike take `{flips: false, degrees: 3, shift: 0.03}`. For parts that lie any way round take
    `{turn: 180}`.
    """

    turn: Annotated[float, Field(strict=True, ge=0, le=180), AsWritten] = 0
    """The largest angle by which a frame is turned, in degrees to either side."""
    degrees: Annotated[float, Field(strict=True, ge=0, le=30), AsWritten] = 10
    """The largest angle by which each of the two axes turns separately, in degrees to either side. So the frame is
    turned a little, and also sheared."""
    scale: tuple[Share, Annotated[float, Field(strict=True, ge=1, le=4), AsWritten]] = (0.9, 1.15)
    """The smallest and the largest size, as a factor."""
    shift: Annotated[float, Field(strict=True, ge=0, le=0.5), AsWritten] = 0.08
    """The largest distance by which a frame is shifted in any direction, as a share of its side."""
    flips: Annotated[bool, Field(strict=True)] = True
    """Whether frames are mirrored, left to right and top to bottom."""
    brightness: Annotated[float, Field(strict=True, ge=1, le=4), AsWritten] = 1.4
    """The largest factor of brightness. 1.4 makes a frame up to 1.4 times as bright or as dark."""
    contrast: Annotated[float, Field(strict=True, ge=1, le=4), AsWritten] = 1.2
    """The largest factor of contrast, upwards and downwards, as for `brightness`."""
    gain: Annotated[float, Field(strict=True, ge=0, lt=1), AsWritten] = 0.05
    """The largest share by which each of the three colours gets brighter or darker, separately."""
    noise: Annotated[float, Field(strict=True, ge=0, le=0.5), AsWritten] = 0.015
    """The largest standard deviation of the noise that is added. 1 is the range from black to white."""


class Finetune(Section):
    """The training with your labels, on all labelled training frames. The model of the last epoch counts.

    The settings below `augment` are random changes of the frames: each labelled frame looks a little different in every
    epoch. Allow the changes that happen on your line, and no others. For parts that always lie alike take
    `{flips: false, degrees: 3, shift: 0.03}`. For parts that lie any way round take `{turn: 180}`.
    """

    seeds: Sweep[Seed] = (1,)
    """A sweep. A seed is the number from which the random choices of a training start. The seed with the lowest loss on
    held-out training frames goes into the bundle."""
    epochs: Count | None = None
    """How often each labelled frame is seen. `null`: 100 times if the training uses unlabelled frames, else 300 times;
    more often if there are few labels."""
    batch_size: BatchSize = 16
    """How many labelled frames one training step takes."""
    unlabelled_batch: Annotated[int, Field(strict=True, ge=0)] = 32
    """How many frames with soft labels one training step takes besides, if the backbone is `taught`. A soft label says
    how likely each class is, according to the large network. 0: none (docs/networks.md)."""
    learning_rate: Rate = 0.005
    """The highest learning rate of the training."""
    weight_decay: NotNegative = 0.05
    """How strongly the training pulls weights to 0."""
    folds: Annotated[int, Field(strict=True, ge=2, le=20)] = 5
    """Into how many parts (folds) the training frames are cut. For each fold, one more model is trained without it and
    judged on it. These figures choose the model, calibrate its probabilities and set the thresholds."""
    label_smoothing: Smoothing = 0.05
    """Which share of each label is spread evenly over all classes."""
    augment: Augment = Augment()
