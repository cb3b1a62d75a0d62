"""The dataset that settings mean, for what reads and writes its labels.

A module of its own: it brings pandas, and Snakemake reads linecam/workflow/config.py at every start.
"""

from linecam.frames.folder import frames_folder
from linecam.labels.dataset import Dataset
from linecam.workflow.settings import Settings


def dataset_of(settings: Settings) -> Dataset:
    """The dataset, for what reads and writes labels. Raises `UserError` where it has no index yet."""
    dataset, select = settings.dataset, settings.select
    return Dataset(
        name=dataset.name,
        classes=list(dataset.classes),
        folder=frames_folder(dataset.name, dataset.kind, dataset.source),
        selections=[f"{name}-{select.train}" for name in select.strategies or ["coreset"]],
    )
