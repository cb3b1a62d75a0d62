"""Split to float model.

In: split/<selection>.csv, pixels/<selection>-train-<side>.npy, pretrain/.../backbone.safetensors.
Out: finetune/<model>/weights.safetensors and history.csv, held_out/<fold>.csv, and of these held_out.csv, score.json,
thresholds.json and model.safetensors, the model with calibrated probabilities.
"""

# Batches are too small for more than one thread; so folds and sweeps fill the cores, and their number changes no byte.
TRAINING = {
    "mem_mb": memory(1000 + 3000 * GPU, area=500 + config["select"]["train"] / 2),
    "runtime": minutes(
        15, area=2e-4 * config["finetune"]["epochs"] * config["select"]["train"]
    ),
    "gpu": GPU,
}


rule finetune:
    """Train the whole network on all labelled frames."""
    input:
        pixels=sensor_frames(".npy"),
        frames=sensor_frames(".csv"),
        backbone="<results>/pretrain/{network}-{method}/backbone.safetensors",
        code=modules_of("scripts/finetune.py"),
    output:
        weights="<results>/finetune/<model>/weights.safetensors",
        history="<results>/finetune/<model>/history.csv",
    log:
        "<logs>/finetune/<model>.log",
    benchmark:
        "<benchmarks>/finetune/<model>.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        **TRAINING,
    params:
        classes=CLASSES,
        settings=recipe,
    script:
        "../scripts/finetune.py"


rule finetune_fold:
    """Train it without a fold of the labelled frames, and predict these."""
    input:
        pixels=sensor_frames(".npy"),
        frames=sensor_frames(".csv"),
        backbone="<results>/pretrain/{network}-{method}/backbone.safetensors",
        code=modules_of("scripts/finetune_fold.py"),
    output:
        held_out="<results>/finetune/<model>/held_out/{fold}.csv",
    log:
        "<logs>/finetune_fold/<model>/{fold}.log",
    benchmark:
        "<benchmarks>/finetune_fold/<model>/{fold}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        **TRAINING,
    params:
        classes=CLASSES,
        settings=recipe,
    script:
        "../scripts/finetune_fold.py"


rule calibrate:
    """Scale the model's logits so that its probabilities are right on the frames that the folds held out."""
    input:
        weights="<results>/finetune/<model>/weights.safetensors",
        folds=expand(
            "<results>/finetune/<model>/held_out/{fold}.csv",
            fold=range(config["finetune"]["folds"]),
            allow_missing=True,
        ),
        code=modules_of("scripts/calibrate.py"),
    output:
        model="<results>/finetune/<model>/model.safetensors",
        held_out="<results>/finetune/<model>/held_out.csv",
        score="<results>/finetune/<model>/score.json",
    log:
        "<logs>/calibrate/<model>.log",
    benchmark:
        "<benchmarks>/calibrate/<model>.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(10),
    params:
        classes=CLASSES,
    script:
        "../scripts/calibrate.py"


rule set_thresholds:
    """From which probability on to decide for a class, for a wanted recall, and at how many false alarms."""
    input:
        held_out="<results>/finetune/<model>/held_out.csv",
        code=modules_of("scripts/set_thresholds.py"),
    output:
        thresholds="<results>/finetune/<model>/thresholds.json",
    log:
        "<logs>/set_thresholds/<model>.log",
    benchmark:
        "<benchmarks>/set_thresholds/<model>.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    params:
        **settings("bundle", "recall", "thresholds"),
        **settings("evaluate", "confidence"),
        classes=CLASSES,
    script:
        "../scripts/set_thresholds.py"
