"""linecam: raw production-line frames in, a checked bundle for an OpenMV camera out.

`snakemake --cores all` builds everything; `snakemake --list` says what else there is. The rules follow the data:
frames, index, pixels, backbone, embeddings, selection, split, model, ONNX, TFLite, evaluation, bundle, report.
"""


configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/storage.smk"


pathvars:
    results=f"results/{NAME}",
    logs=f"results/{NAME}/logs",
    benchmarks=f"results/{NAME}/benchmarks",
    # One trained model: a path with a wildcard for everything that can be swept before quantization.
    model="{network}-{method}/{selection}/seed-{seed}",


wildcard_constraints:
    network=r"[a-z0-9_]+-\d+",
    method="simclr|distilled|rendered|none|given",
    selection=r"(given|[a-z]+-\d+(-draw-\d+)?)(-first-\d+)?",
    seed=r"\d+",
    fold=r"\d+",
    part="train|test",
    size=r"\d+",
    board=r"[^./]+",
    range=r"calibrated|fixed_[-.\de]+_[.\de]+",


include: "rules/frames.smk"
include: "rules/pretrain.smk"
include: "rules/select.smk"
include: "rules/label.smk"
include: "rules/finetune.smk"
include: "rules/quantize.smk"
include: "rules/evaluate.smk"
include: "rules/bundle.smk"
include: "rules/deploy.smk"
include: "rules/next.smk"
include: "rules/study.smk"
include: "rules/study_selection.smk"


rule all:
    """Everything: a checked bundle for each board, and the report."""
    default_target: True
    input:
        expand("<results>/bundle/{board}.zip", board=BOARDS),
        expand("<results>/bundle/{board}.sig", board=BOARDS if SIGNING_KEY else []),
        "<results>/report.html",


if STORED:

    rule record_state:
        """Note in the bucket with which script and parameters results are made; see rules/storage.smk."""
        output:
            touch("<results>/made_with/{step}-{digest}"),
        wildcard_constraints:
            step=r"\w+",
            digest="[0-9a-f]{16}",
