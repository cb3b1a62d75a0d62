"""The plan of a run: which models a configuration asks for, what they are called, and where their files lie.

Rules ask it for names and paths. Paths are text, relative to the working directory, as Snakemake has them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Self

from linecam.boards.board import Board
from linecam.camera.region import Region
from linecam.evaluation.candidates import Candidate, TrainedModel
from linecam.frames.folder import frames_folder
from linecam.frames.layout import gives_split
from linecam.networks.architectures import input_size
from linecam.networks.model_name import ModelName
from linecam.selection.selection_name import SelectionName
from linecam.workflow.config import check, region_of
from linecam.workflow.line_checks import check_drift
from linecam.workflow.place_checks import check_no_given_split
from linecam.workflow.settings import Settings

# Strategies that choose without a look at embeddings.
BLIND = {"given", "random"}
# Methods that train a backbone on frames.
PRETRAINING = {"taught", "simclr", "distilled", "rendered"}
# What a quantization range is called that is measured on training frames, instead of given.
CALIBRATED = "calibrated"
# What a path's wildcards may hold. In a bucket they are part of an address: a question mark would end its path.
NETWORK = r"[a-z0-9_]+-\d+"
METHOD = "taught|simclr|distilled|rendered|none|given"
SELECTION = r"(given|[a-z]+-\d+(-draw-\d+|))(-first-\d+|)"
# A training as a path with a wildcard for everything that can be swept before quantization; see `ModelName`. Snakemake
# applies `wildcard_constraints` before it puts in a pathvar, so the constraints stand in here.
TRAINING_PATTERN = rf"{{network,{NETWORK}}}-{{method,{METHOD}}}/{{selection,{SELECTION}}}/seed-{{seed,\d+}}"
# Of a model whose probabilities are as training left them: no fold has calibrated them.
AS_TRAINED = "-as_trained"
# What is made of a training: with calibrated probabilities or, in a study, as it was trained.
MODEL_PATTERN = f"{TRAINING_PATTERN}{{stage,{AS_TRAINED}|}}"


@dataclass(frozen=True)
class Plan:
    """What a run makes of `settings`.

    `boards` are the entries of config/boards.yaml. `region` is what goes from the sensor's frame to the network.
    `given_split` says that the frames lie in train/<class>/ and test/<class>/.
    """

    settings: Settings
    boards: Mapping[str, Board]
    region: Region
    given_split: bool

    @classmethod
    def of(cls, settings: Settings, boards: Mapping[str, Board]) -> Self:
        """The plan for a checked configuration. Raises `UserError` where settings do not fit each other."""
        check(settings, boards)
        dataset, asked = settings.dataset, settings.select.strategies
        # What folders nearly say is no matter where the configuration says what to do.
        given = dataset.kind == "masks" or (
            dataset.kind == "folder" and gives_split(dataset.source or "", dataset.classes, strict=not asked)
        )
        taken_over = "given" in asked if asked else given
        check_drift(settings, taken_over)
        check_no_given_split(settings, taken_over)
        return cls(settings, boards, region_of(settings, boards), given)

    # --- Names

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.settings.dataset.name

    @property
    def classes(self) -> list[str]:
        """The classes, in the order of the network's outputs."""
        return list(self.settings.dataset.classes)

    @cached_property
    def strategies(self) -> list[str]:
        """The strategies that choose the frames to label; the first one's model goes into the bundle."""
        return list(self.settings.select.strategies or ["given" if self.given_split else "mixed"])

    @cached_property
    def selections(self) -> list[str]:
        """A selection for each strategy."""
        count = self.settings.select.train
        return [str(SelectionName(name, None if name == "given" else count)) for name in self.strategies]

    @property
    def first_selection(self) -> str:
        """The selection whose models compete for the bundle, and of which a study takes fewer labels."""
        return self.selections[0]

    @cached_property
    def ranges(self) -> dict[str, tuple[float, float] | None]:
        """By its name each quantization range, (low, high); None is the calibrated one."""
        spans = self.settings.quantize.ranges
        return {
            CALIBRATED if span == "calibrated" else f"fixed_{span[0]:g}_{span[1]:g}": (
                None if span == "calibrated" else span
            )
            for span in spans
        }

    @property
    def forms(self) -> list[str]:
        """All forms that a model is evaluated in: float, onnx, and one int8 form for each range."""
        return ["float", "onnx", *self.ranges]

    @cached_property
    def models(self) -> list[ModelName]:
        """Every model that is trained: the sweeps of networks, methods, selections and seeds, each with each."""
        settings = self.settings
        sweep = product(settings.networks, settings.pretrain.methods, self.selections, settings.finetune.seeds)
        return [ModelName(*one) for one in sweep]

    @cached_property
    def competing(self) -> list[ModelName]:
        """The models that may go into the bundle: the models of the first selection.

        Others were trained on other frames, so that their folds held out other frames: their losses do not compare.
        """
        return [model for model in self.models if model.selection == self.first_selection]

    @property
    def input_sizes(self) -> list[int]:
        """The sides of all networks' inputs, in pixels."""
        return sorted({input_size(network) for network in self.settings.networks})

    @property
    def pretrained(self) -> list[str]:
        """The backbones that are trained before there are labels, as network-method."""
        sweep = product(self.settings.networks, self.settings.pretrain.methods)
        return [f"{network}-{method}" for network, method in sweep if method in PRETRAINING]

    @property
    def first_backbone(self) -> str:
        """The first backbone of the sweep, as network-method."""
        return f"{self.settings.networks[0]}-{self.settings.pretrain.methods[0]}"

    @property
    def selecting_backbone(self) -> str:
        """Whose embeddings frames are selected by: the first backbone, or its teacher, which sees more.

        Those of `embed.file` are nobody's; they stand by the first backbone's name.
        """
        taught = self.settings.pretrain.methods[0] == "taught" and not self.settings.embed.file
        return "teacher" if taught else self.first_backbone

    @property
    def selects_by_embeddings(self) -> bool:
        """Whether any selection is chosen by embeddings."""
        return any(map(self.needs_embeddings, self.selections))

    @property
    def votes(self) -> list[int]:
        """Over how many frames votes are evaluated: 1 and 3 among them, one of which `bundle.votes: null` is."""
        return sorted({1, 3, 5, self.settings.bundle.votes or 1})

    @property
    def decides_by_thresholds(self) -> bool:
        """Whether main.py decides by thresholds."""
        return bool(self.settings.bundle.recall or self.settings.bundle.thresholds)

    def teacher(self, network: str) -> str:
        """The network that `network` is distilled from: of the same input size."""
        return f"{self.settings.pretrain.teacher}-{input_size(network)}"

    @property
    def cheap_checks(self) -> list[str]:
        """What is made of the frames' index alone, and fails where the configuration does not fit the frames or files.

        These are the selections that need no backbone of ours, and the backbones that are given.
        """
        early = [one for one in self.selections if self.settings.embed.file or not self.needs_embeddings(one)]
        given = [f"{name}-given" for name in self.settings.networks if "given" in self.settings.pretrain.methods]
        return [
            f"{self.results}/select/test.csv",
            *(f"{self.results}/select/{one}.csv" for one in early),
            *map(self.backbone, given),
        ]

    # --- Selections and trainings

    def strategy_of(self, selection: str) -> str:
        """The strategy that chooses a selection's frames."""
        return SelectionName.parse(selection).strategy

    def needs_embeddings(self, selection: str) -> bool:
        """Whether a selection is chosen by embeddings."""
        return self.strategy_of(selection) not in BLIND

    def labels_of(self, selection: str) -> int:
        """How many labels a selection takes; of `given` as many as `select.train`, which the others have."""
        return SelectionName.parse(selection).labels or self.settings.select.train

    def seed_of(self, selection: str) -> int:
        """The seed that a selection is drawn with: select.seed, but for the draws of a study."""
        draw = SelectionName.parse(selection).draw
        return self.settings.select.seed if draw is None else draw

    def counts_of(self, selection: str) -> str:
        """The setting that says how many frames a selection has, for a message."""
        draw = SelectionName.parse(selection).draw
        return "select.train" if draw is None else "study_selection.labels"

    def folds_of(self, selection: str) -> int:
        """In how many folds a selection is cut.

        A study's models on fewer labels are not judged by folds: these labels may be too few of a class.
        """
        return self.settings.finetune.folds if selection in self.selections else 0

    def recipe(self, selection: str) -> dict[str, Any]:
        """The settings of a training. On fewer labels it takes as many steps as on all, so it has more epochs."""
        finetune = self.settings.finetune
        steps = (finetune.epochs or 0) * self.settings.select.train
        return {
            "epochs": max(1, round(steps / self.labels_of(selection))) if finetune.epochs else None,
            "batch_size": finetune.batch_size,
            "learning_rate": finetune.learning_rate,
            "weight_decay": finetune.weight_decay,
            "label_smoothing": finetune.label_smoothing,
            "augment": finetune.augment.model_dump(mode="json"),
            "unlabelled_batch": finetune.unlabelled_batch,
        }

    @property
    def pretraining_budgets(self) -> dict[str, dict[str, int]]:
        """Epochs and batch size of pretraining, by `cpu` and `gpu`."""
        cpu, gpu = self.settings.pretrain.cpu, self.settings.pretrain.gpu
        return {
            "cpu": {"epochs": cpu.epochs, "batch_size": cpu.batch_size},
            "gpu": {"epochs": gpu.epochs, "batch_size": gpu.batch_size},
        }

    def measured(self, board: str) -> dict[str, Any] | None:
        """What one inference was measured to take on a board, where that is known; see `bundle.measured`."""
        known = self.settings.bundle.measured.get(board)
        return {"ms": known.ms, "estimate_ms": list(known.estimate_ms)} if known else None

    # --- Paths

    @property
    def results(self) -> str:
        """The folder of all that is computed."""
        return f"results/{self.name}"

    @property
    def labels_csv(self) -> str:
        """Your labels: written by you, read by linecam, and by nothing else."""
        return f"data/{self.name}/labels.csv"

    @property
    def hashes_cache(self) -> str:
        """Where the hashes of a folder's files are remembered, for the next plan."""
        return f"{self.results}/index/.seen.json"

    @property
    def frames_folder(self) -> str:
        """The folder below which the paths of the index are."""
        dataset = self.settings.dataset
        return frames_folder(dataset.name, dataset.kind, dataset.source)

    def pixels(self, size: int) -> str:
        """The array of all usable frames, of a network's input `size` in pixels a side."""
        return f"{self.results}/pixels/{size}.npy"

    def embeddings(self, backbone: str) -> str:
        """The array of all usable frames' embeddings by a backbone, network-method."""
        return f"{self.results}/embed/{backbone}/embeddings.npy"

    def sample(self, method: str, selection: str) -> list[str]:
        """What a training reads of unlabelled frames: the frames, the table of them, and their soft labels.

        Nothing, where the method of pretraining has no large network, which would label them.
        """
        if method != "taught" or not self.settings.finetune.unlabelled_batch or self.settings.embed.file:
            return []
        pixels = f"{self.results}/pixels/sample-{self.region.name}"
        return [f"{pixels}.npy", f"{pixels}.csv", f"{self.results}/soft_labels/{selection}.npz"]

    def to_label(self, selection: str) -> str:
        """Where the frames of a selection that lack a label are listed, for a person."""
        return f"{self.results}/to_label/{selection}.csv"

    def backbone(self, name: str) -> str:
        """The weights of a backbone, network-method."""
        return f"{self.results}/pretrain/{name}/backbone.safetensors"

    # --- What steps are handed

    @cached_property
    def candidates(self) -> list[Candidate]:
        """What may go into the bundle: each competing model in each range."""
        return [
            Candidate(
                model,
                span,
                self._path("quantize", model, span, "model.tflite"),
                self._path("finetune", model, "score.json"),
                self._path("finetune", model, "held_out.csv"),
                self._path("finetune", model, "history.csv"),
                self._path("finetune", model, "thresholds.json"),
                self._path("evaluate", model, f"{span}.json"),
                {board: self._path("firmware", model, span, f"{board}.json") for board in self.settings.bundle.boards},
                {
                    board: self._path("firmware", model, span, f"{board}.tflite")
                    for board in self.settings.bundle.boards
                },
            )
            for model, span in product(self.competing, self.ranges)
        ]

    @cached_property
    def trained(self) -> list[TrainedModel]:
        """What the report shows of each model; those that do not compete are evaluated in float alone."""
        return list(self._trained())

    def _trained(self) -> Iterator[TrainedModel]:
        for model in self.models:
            competes = model in self.competing
            *_, soft = [None, *self.sample(model.method, model.selection)]
            yield TrainedModel(
                model,
                self._path("finetune", model, "history.csv"),
                self._path("finetune", model, "score.json"),
                {
                    form: self._path("evaluate", model, f"{form}.json")
                    for form in (self.forms if competes else ["float"])
                },
                {span: self._path("predict", model, f"{span}.csv") for span in (self.ranges if competes else [])},
                self._path("predict", model, "float.csv") if competes else None,
                {
                    str(fold): self._path("finetune", model, "learning", f"{fold}.csv")
                    for fold in range(self.settings.finetune.folds if competes else 0)
                },
                Path(soft).with_suffix(".csv") if soft and competes else None,
            )

    @property
    def candidate_params(self) -> list[dict[str, Any]]:
        """The candidates as plain values, which a rule hands to its script."""
        return [candidate.as_param() for candidate in self.candidates]

    @property
    def trained_params(self) -> list[dict[str, Any]]:
        """The trained models as plain values, which a rule hands to its script."""
        return [model.as_param() for model in self.trained]

    def candidate_files(self, key: str) -> list[str]:
        """The files `key` of all candidates, such as `metrics`, or of one for each board `firmware`; each once."""
        return _files(self.candidate_params, key)

    def trained_files(self, key: str) -> list[str]:
        """The files `key` of all trained models, such as `history`, or of one for each form `metrics`."""
        return _files(self.trained_params, key)

    def files_for(self, board: str) -> list[str]:
        """What the board would get of each candidate."""
        return [str(candidate.files[board]) for candidate in self.candidates]

    def _path(self, step: str, model: ModelName, *parts: str) -> Path:
        return Path(self.results, step, str(model), *parts)

    @cached_property
    def config(self) -> dict[str, Any]:
        """What a bundle is made from, as JSON values: the configuration, without what leaves the results as they are.

        That is in how many shards work is split, what the classes mean to people, and where the key to sign with lies,
        which is nobody's business.
        """
        config = self.settings.as_dict()
        del config["shards"], config["dataset"]["definitions"], config["bundle"]["signing_key"]
        config["camera"]["side"] = self.region.side
        return config


def _files(params: list[dict[str, Any]], key: str) -> list[str]:
    values = [param[key] for param in params if key in param]
    lists = [list(value.values()) if isinstance(value, dict) else [value] for value in values]
    return list(dict.fromkeys(path for paths in lists for path in paths))
