"""Split to float model.

In:  pixels/<selection>-train-<region>.npy
     pixels/<selection>-train-<region>.csv
     pretrain/<network>-<method>/backbone.safetensors
     pixels/sample-<region>.npy and .csv
     embed/teacher/embeddings.npy
Out: soft_labels/<selection>.npz and .csv
     finetune/<training>/weights.safetensors and history.csv
     finetune/<training>/held_out/<fold>.csv and learning/<fold>.csv
     finetune/<training>/held_out.csv and score.json, of all folds together
     finetune/<training>/model.safetensors, with calibrated probabilities
     finetune/<training>/thresholds.json
"""

# Batches are too small for more than one thread. So folds and sweeps fill the cores, and the number of cores changes no
# byte of the result.
TRAINING = {
    "mem_mb": memory(1000 + 3000 * gpus, area=500 + settings.select.train / 2),
    "runtime": minutes(
        15,
        area=2e-4 * (settings.finetune.epochs or 300) * max(settings.select.train, 200),
    ),
    "gpu": gpus,
}


rule soft_label:
    """Ask the large network how likely each class is on frames without a label, after it has learned from the labels."""
    input:
        # New frames do not change the sample.
        frames=ancient("<results>/index/frames.csv"),
        split="<results>/split/{selection}.csv",
        embeddings=ancient("<results>/embed/teacher/embeddings.npy"),
        sample="<results>/pixels/sample-<region>.csv",
        code=job_files.code_of("scripts/soft_label.py"),
    output:
        soft="<results>/soft_labels/{selection}.npz",
        held_out="<results>/soft_labels/{selection}.csv",
    log:
        "<logs>/soft_label-{selection}.log",
    benchmark:
        "<benchmarks>/soft_label-{selection}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=memory(1500, of_input=2),
        runtime=minutes(30),
    params:
        classes=plan.classes,
        teacher=settings.pretrain.taught.network,
    script:
        "../scripts/soft_label.py"


rule finetune:
    """Finetune the whole network on all labelled training frames."""
    input:
        pixels="<results>/pixels/{selection}-train-<region>.npy",
        frames="<results>/pixels/{selection}-train-<region>.csv",
        backbone="<results>/pretrain/{network}-{method}/backbone.safetensors",
        sample=lambda wildcards: plan.sample(wildcards.method, wildcards.selection),
        code=job_files.code_of("scripts/finetune.py"),
    output:
        weights="<results>/finetune/<training>/weights.safetensors",
        history="<results>/finetune/<training>/history.csv",
    log:
        "<logs>/finetune/<training>.log",
    benchmark:
        "<benchmarks>/finetune/<training>.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        **TRAINING,
    params:
        classes=plan.classes,
        settings=lambda wildcards: plan.recipe(wildcards.selection),
    script:
        "../scripts/finetune.py"


rule finetune_fold:
    """Finetune the network without one fold of the labelled frames, and judge that fold during and after the training."""
    input:
        pixels="<results>/pixels/{selection}-train-<region>.npy",
        frames="<results>/pixels/{selection}-train-<region>.csv",
        backbone="<results>/pretrain/{network}-{method}/backbone.safetensors",
        sample=lambda wildcards: plan.sample(wildcards.method, wildcards.selection),
        code=job_files.code_of("scripts/finetune_fold.py"),
    output:
        held_out="<results>/finetune/<training>/held_out/{fold}.csv",
        learning="<results>/finetune/<training>/learning/{fold}.csv",
    log:
        "<logs>/finetune_fold/<training>/{fold}.log",
    benchmark:
        "<benchmarks>/finetune_fold/<training>/{fold}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        **TRAINING,
    params:
        classes=plan.classes,
        settings=lambda wildcards: plan.recipe(wildcards.selection),
    script:
        "../scripts/finetune_fold.py"


rule calibrate:
    """Calibrate the model's probabilities, on the training frames that the folds held out."""
    input:
        weights="<results>/finetune/<training>/weights.safetensors",
        folds=expand(
            "<results>/finetune/<training>/held_out/{fold}.csv",
            fold=range(settings.finetune.folds),
            allow_missing=True,
        ),
        code=job_files.code_of("scripts/calibrate.py"),
    output:
        model="<results>/finetune/<training>/model.safetensors",
        held_out="<results>/finetune/<training>/held_out.csv",
        score="<results>/finetune/<training>/score.json",
    log:
        "<logs>/calibrate/<training>.log",
    benchmark:
        "<benchmarks>/calibrate/<training>.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(10),
    params:
        classes=plan.classes,
    script:
        "../scripts/calibrate.py"


rule set_thresholds:
    """Set the thresholds by which main.py decides, for the wanted recall of a class, and count false alarms."""
    input:
        held_out="<results>/finetune/<training>/held_out.csv",
        code=job_files.code_of("scripts/set_thresholds.py"),
    output:
        thresholds="<results>/finetune/<training>/thresholds.json",
    log:
        "<logs>/set_thresholds/<training>.log",
    benchmark:
        "<benchmarks>/set_thresholds/<training>.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    params:
        recall=settings.bundle.recall,
        thresholds=settings.bundle.thresholds,
        confidence=settings.evaluate.confidence,
        classes=plan.classes,
    script:
        "../scripts/set_thresholds.py"
