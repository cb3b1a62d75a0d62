"""linecam: raw production-line frames in, a checked bundle for an OpenMV camera out.

`snakemake --cores all` builds everything; `snakemake --list` says what else there is. The rules follow the data:
frames, index, pixels, backbone, embeddings, selection, split, model, ONNX, TFLite, evaluation, bundle, report.
"""

from pathlib import Path

from snakemake.utils import min_version

from linecam.bundle.parts import parts_of
from linecam.files import own_file
from linecam.workflow.command_line import check_targets
from linecam.workflow.config import OWN_CONFIG
from linecam.workflow.plan import (
    METHOD,
    MODEL_PATTERN,
    NETWORK,
    SELECTION,
    TRAINING_PATTERN,
)
from linecam.workflow.terminal import follow

min_version("9.27")


# A folder without a configuration has that of the built-in belt. `--configfile` is laid over it, and a module's `config`
# takes its place.
configfile: OWN_CONFIG if Path(OWN_CONFIG).exists() else own_file(OWN_CONFIG)


include: "rules/common.smk"


pathvars:
    results=plan.results,
    logs=f"{plan.results}/logs",
    benchmarks=f"{plan.results}/benchmarks",
    training=TRAINING_PATTERN,
    model=MODEL_PATTERN,
    # The region of the sensor's frame that goes to the network, in pixels: its side, or width x height.
    region=plan.region.name,
    # The embeddings that frames are selected by, and the selection whose models compete for the bundle.
    selecting=plan.selecting_backbone,
    first=plan.first_selection,


wildcard_constraints:
    network=NETWORK,
    method=METHOD,
    selection=SELECTION,
    fold=r"\d+",
    part="train|test",
    size=r"\d+(x\d+)?",
    board=r"[^./]+",
    range=r"calibrated|fixed_[-.\de]+_[.\de]+",


report: "rules/captions/workflow.rst"


include: "rules/storage.smk"
include: "rules/frames.smk"
include: "rules/pretrain.smk"
include: "rules/select.smk"
include: "rules/finetune.smk"
include: "rules/quantize.smk"
include: "rules/evaluate.smk"
include: "rules/bundle.smk"
include: "rules/select_next.smk"
include: "rules/tune.smk"
include: "rules/study.smk"
include: "rules/study_selection.smk"


rule all:
    """Build everything: a checked bundle for each board, and the report."""
    default_target: True
    input:
        expand("<results>/bundle/{board}.zip", board=settings.bundle.boards),
        branch(
            settings.bundle.signing_key,
            then=expand("<results>/bundle/{board}.sig", board=settings.bundle.boards),
            otherwise=[],
        ),
        "<results>/report.html",


check_targets(workflow)
follow(workflow, plan, files_found)
