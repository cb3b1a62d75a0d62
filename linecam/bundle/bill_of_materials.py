"""The bill of materials of a bundle, in CycloneDX 1.6: the model, the data it learned from, and what it was built with.

An ML-BOM: the model is a component with a model card, the labelled frames are a data component. It has no time stamp,
and its serial number is made from its content: equal bundles have equal bills.
"""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from linecam.evaluation.figures import Metrics
from linecam.intervals import Ratio
from linecam.networks.model_name import ModelName

# Of linecam's bills: uuid5 of a content under it is the bill's serial number.
NAMESPACE = UUID("6f0c1b5e-6c1f-5d0e-9a0e-3b1f6f2f7a51")


@dataclass(frozen=True)
class Model:
    """A finished model: its name and quantization range, and of its file SHA-256 and bytes."""

    name: ModelName
    range: str
    sha256: str
    bytes: int
    classes: list[str]
    metrics: Metrics


@dataclass(frozen=True)
class Dataset:
    """What a model learned from and was tested on: labelled frames by part and class, and its index's SHA-256."""

    name: str
    frames: dict[str, dict[str, int]]
    index_sha256: str

    @property
    def labelled(self) -> int:
        """How many frames have a label."""
        return sum(count for part in self.frames.values() for count in part.values())


def bill(
    model: Model,
    dataset: Dataset,
    *,
    board: str,
    firmware: tuple[str, str],
    versions: dict[str, str],
    python: str,
    version: str,
    revision: str | None,
) -> dict[str, object]:
    """The bill of materials as JSON values.

    `firmware` is the range of OpenMV releases, `versions` are the Python packages, `version` and `revision` in git are
    linecam's; there is no revision outside a repository.
    """
    built_with = [_package(name, pinned) for name, pinned in versions.items()]
    built_with.append(Component(name="python", version=python, type=ComponentType.PLATFORM, bom_ref="python"))
    build = version if revision is None else f"{version}+{revision}"
    linecam = Component(name="linecam", version=build, type=ComponentType.APPLICATION, bom_ref="linecam")
    data = Component(
        name=dataset.name,
        type=ComponentType.DATA,
        bom_ref="dataset",
        description=f"{dataset.labelled} labelled frames",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=dataset.index_sha256)],
        properties=[Property(name="linecam:hash_of", value="index/frames.csv"), *_counts(dataset)],
    )
    network = Component(
        name="model.tflite",
        version=model.sha256[:12],
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        description=f"{model.name} {model.range}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=model.sha256)],
        properties=[
            Property(name="linecam:bytes", value=str(model.bytes)),
            Property(name="linecam:classes", value=",".join(model.classes)),
            Property(name="linecam:quantization", value=f"int8, {model.range}"),
        ],
    )
    product = Component(
        name=f"linecam bundle for {board}",
        version=model.sha256[:12],
        type=ComponentType.APPLICATION,
        bom_ref="bundle",
        properties=[
            Property(name="linecam:board", value=board),
            Property(name="linecam:firmware", value=f"OpenMV {firmware[0]} to {firmware[1]}"),
        ],
    )
    bom = Bom(
        metadata=BomMetaData(component=product, lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)]),
        components=[network, data, linecam, *built_with],
    )
    bom.register_dependency(product, [network])
    bom.register_dependency(network, [data, linecam])
    bom.register_dependency(linecam, built_with)
    value: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    # The library has no model card and no `data` yet.
    for component in value["components"]:
        if component["bom-ref"] == "model":
            component["modelCard"] = _card(model)
        elif component["bom-ref"] == "dataset":
            component["data"] = [
                {"type": "dataset", "name": dataset.name, "description": f"{dataset.labelled} labelled frames"}
            ]
    del value["metadata"]["timestamp"], value["serialNumber"]
    value["serialNumber"] = uuid5(NAMESPACE, json.dumps(value, sort_keys=True)).urn
    return value


def _package(name: str, version: str) -> Component:
    purl = PackageURL(type="pypi", name=name, version=version)
    return Component(name=name, version=version, purl=purl, bom_ref=purl.to_string())


def _counts(dataset: Dataset) -> list[Property]:
    return [
        Property(name=f"linecam:frames:{part}:{label}", value=str(count))
        for part, counts in sorted(dataset.frames.items())
        for label, count in sorted(counts.items())
    ]


def _card(model: Model) -> dict[str, object]:
    """CycloneDX's model card: what it is for, how it is built, how well it did on the test frames."""
    test = model.metrics["test"]
    recalls = {label: of["recall"] for label, of in test["classes"].items() if of["recall"]["value"] is not None}
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": "image classification",
            "architectureFamily": "convolutional neural network",
            "modelArchitecture": model.name.network,
            "datasets": [{"ref": "dataset"}],
            "inputs": [{"format": "image, RGB565 as the camera has it"}],
            "outputs": [{"format": f"probability of {label}"} for label in model.classes],
        },
        "quantitativeAnalysis": {
            "performanceMetrics": [
                _metric("accuracy", test["accuracy"]),
                *(_metric("recall", recalls[label], label) for label in model.classes if label in recalls),
            ]
        },
        "considerations": {
            "useCases": ["Sorting what passes a camera into the classes that it was trained on"],
            "technicalLimitations": [
                "Measured on frames of the same recordings as the training's: another day, light, focus or part is not "
                "covered until it was tested."
            ],
        },
    }


def _metric(kind: str, measured: Ratio, label: str | None = None) -> dict[str, object]:
    metric: dict[str, object] = {"type": kind, "value": str(measured["value"])}
    if label:
        metric["slice"] = label
    metric["confidenceInterval"] = {"lowerBound": str(measured["low"]), "upperBound": str(measured["high"])}
    return metric
