"""What the studies and the tournament train beside the line's own models, and where the figures of each lie."""

import sys
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

from linecam.errors import UserError
from linecam.evaluation.studies import StudiedModel, StudiedSelection
from linecam.files import sha256
from linecam.networks.model_name import ModelName
from linecam.selection.selection_name import SelectionName
from linecam.workflow.config import check_sizes
from linecam.workflow.counts import check_study
from linecam.workflow.plan import AS_TRAINED, CALIBRATED, Plan


def tuned_backbones(plan: Plan) -> list[str]:
    """The weights that `snakemake tune` starts from, one for each of `tune.networks`, for the rule.

    Ends with a message where an input is larger than the frame: only the tournament asks for that.
    """
    settings = plan.settings
    try:
        check_sizes("tune.networks", settings.tune.networks, settings.camera.frame_size, plan.region)
    except UserError as error:
        sys.exit(str(error))
    return [plan.backbone(f"{network}-{settings.pretrain.methods[0]}") for network in settings.tune.networks]


@dataclass(frozen=True)
class StudyPlan:
    """What `snakemake study` compares. Its models are judged as training left them: folds would take five more each."""

    plan: Plan

    @cached_property
    def most_labels(self) -> int:
        """The number of labels at which int8 models are compared, with their cost on the board."""
        return max(labels for part in self.plan.settings.study for labels in part.labels)

    @cached_property
    def models(self) -> list[StudiedModel]:
        """Each combination of each part of the study, once, with the files that speak of it."""
        parts = self.plan.settings.study
        sweeps = (product(part.networks, part.methods, part.labels, part.seeds) for part in parts)
        return [self._model(*one) for one in sorted({one for sweep in sweeps for one in sweep})]

    def _model(self, network: str, method: str, labels: int, seed: int) -> StudiedModel:
        # With all labels the training is the one that the line does anyway.
        selection = SelectionName.parse(self.plan.first_selection)
        if labels < self.plan.settings.select.train:
            selection = SelectionName(selection.strategy, selection.count, first=labels)
        name = f"{ModelName(network, method, str(selection), seed)}{AS_TRAINED}"
        results, board = self.plan.results, self.plan.settings.bundle.boards[0]
        float_metrics = Path(results, "evaluate", name, "float.json")
        if labels < self.most_labels:
            return StudiedModel(network, method, labels, seed, float_metrics)
        return StudiedModel(
            network,
            method,
            labels,
            seed,
            float_metrics,
            int8_metrics=Path(results, "evaluate", name, f"{CALIBRATED}.json"),
            int8_predictions=Path(results, "predict", name, f"{CALIBRATED}.csv"),
            firmware=Path(results, "firmware", name, CALIBRATED, f"{board}.json"),
        )

    def checked_files(self) -> list[str]:
        """The files of all models, for the rule.

        Ends with a message where the study does not fit the rest of the configuration. Only a study asks for that: a
        configuration for something else may leave `study` as it is.
        """
        try:
            self.check()
        except UserError as error:
            sys.exit(str(error))
        files = ((one.float_metrics, one.int8_metrics, one.int8_predictions, one.firmware) for one in self.models)
        return [str(path) for paths in files for path in paths if path]

    def results(self) -> dict[str, str] | None:
        """What the study has found, for the report; None where it has not been run. It is no input of the report."""
        folder = Path(self.plan.results, "study")
        return _found({"table": folder / "study.csv", "plot": folder / "labels.png"}, "table")

    def check(self) -> None:
        """Raise `UserError` where a network is too large for the frame, or more labels are asked for than there are."""
        settings = self.plan.settings
        networks = {model.network for model in self.models}
        check_sizes("study.networks", networks, settings.camera.frame_size, self.plan.region)
        if self.most_labels > settings.select.train:
            raise UserError(
                f"study: a model is to be trained on {self.most_labels} labels, but select.train is "
                f"{settings.select.train}: there are no more. Raise select.train to {self.most_labels}, or write "
                f"smaller numbers under study.labels, {settings.select.train} at the most."
            )


@dataclass(frozen=True)
class SelectionStudyPlan:
    """What `snakemake study_selection` compares: a model for each strategy, number of labels and seed.

    What is drawn at random is drawn anew for each seed.
    """

    plan: Plan

    @cached_property
    def models(self) -> list[StudiedSelection]:
        """Each combination of the study, with the files that speak of it."""
        study = self.plan.settings.study_selection
        return [self._model(*one) for one in product(study.strategies, study.labels, study.seeds)]

    def _model(self, strategy: str, labels: int, seed: int) -> StudiedSelection:
        selection, results = SelectionName(strategy, labels, draw=seed), self.plan.results
        name = f"{self.plan.first_backbone}/{selection}/seed-{seed}{AS_TRAINED}"
        return StudiedSelection(
            strategy,
            labels,
            seed,
            split=Path(results, "split", f"{selection}.csv"),
            predictions=Path(results, "predict", name, "float.csv"),
        )

    def checked_files(self, most_frames: int | None = None) -> list[str]:
        """The files of all models, for the rule.

        Ends with a message where frames have no label before somebody gives them one, or there are fewer frames than
        the study chooses; `most_frames` is how many there are at the most, None where that is not known.
        """
        try:
            check_study(self.plan, most_frames)
        except UserError as error:
            sys.exit(str(error))
        dataset = self.plan.settings.dataset
        if dataset.kind == "folder" and not self.plan.given_split:
            sys.exit(
                "snakemake study_selection compares choices of frames whose labels are all known already: those of the "
                "belt (config/config.yaml), the tutorial's (config/masks.yaml), or frames in train/<class>/ and "
                f"test/<class>/. The frames of {dataset.source} are not in such folders."
            )
        return [str(path) for one in self.models for path in (one.split, one.predictions)]

    def results(self) -> dict[str, str] | None:
        """What the study has found, for the report; None where it has not been run.

        It is no input of the report: as one, `snakemake` would run the study again whenever what it rests on changes.
        """
        folder = Path(self.plan.results, "study_selection")
        return _found({"summary": folder / "summary.json", "plot": folder / "plot.png"}, "summary")


def _found(paths: dict[str, Path], main: str) -> dict[str, str] | None:
    """The files of a study, and the hash of the `main` one; None where one of them is not there."""
    if not all(path.exists() for path in paths.values()):
        return None
    return {name: str(path) for name, path in paths.items()} | {"digest": sha256(paths[main])}
