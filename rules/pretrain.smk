"""Pixels to embeddings.

In: pixels/<size>.npy. Out: pretrain/<network>-<method>/backbone.safetensors, embed/<network>-<method>/embeddings.npy
and embeddings.csv.

The pixels are `ancient` here: new frames are embedded with the backbone that there is. `snakemake -R pretrain` trains
a new one.
"""


rule pretrain:
    """Train a backbone on the frames, without labels, by SimCLR."""
    input:
        pixels=lambda wildcards: ancient(pixels(wildcards)),
        code=sources("scripts/pretrain.py"),
    output:
        weights="<results>/pretrain/{network}-simclr/backbone.safetensors",
        history="<results>/pretrain/{network}-simclr/history.csv",
    log:
        "<logs>/pretrain-{network}.log",
    benchmark:
        "<benchmarks>/pretrain-{network}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 8
    params:
        budgets=settings("pretrain", "cpu", "gpu"),
        settings=settings(
            "pretrain",
            "learning_rate",
            "temperature",
            "color_jitter",
            "min_crop",
            "seed",
        ),
    script:
        "../scripts/pretrain.py"


rule initialise_backbone:
    """Random weights: training from scratch."""
    input:
        code=sources("scripts/initialise_backbone.py"),
    output:
        weights="<results>/pretrain/{network}-none/backbone.safetensors",
    log:
        "<logs>/initialise_backbone-{network}.log",
    conda:
        "../envs/torch.yaml"
    params:
        **settings("pretrain", "seed"),
    script:
        "../scripts/initialise_backbone.py"


rule import_backbone:
    """Take the backbone of a given checkpoint: safetensors, or the tutorial's pretrained.ckpt."""
    input:
        checkpoint=config["pretrain"]["checkpoint"] or [],
        code=sources("scripts/import_backbone.py"),
    output:
        weights="<results>/pretrain/{network}-given/backbone.safetensors",
    log:
        "<logs>/import_backbone-{network}.log",
    conda:
        "../envs/torch.yaml"
    script:
        "../scripts/import_backbone.py"


if config["embed"]["file"]:

    rule read_embeddings:
        """Take the embeddings that another tool wrote, in Lightly's format."""
        input:
            frames="<results>/index/frames.csv",
            table=config["embed"]["file"],
            code=sources("scripts/read_embeddings.py"),
        output:
            array="<results>/embed/{network}-{method}/embeddings.npy",
        log:
            "<logs>/read_embeddings-{network}-{method}.log",
        conda:
            "../envs/plain.yaml"
        script:
            "../scripts/read_embeddings.py"

else:

    rule embed:
        """Embed every frame with the backbone."""
        input:
            frames="<results>/index/frames.csv",
            pixels=pixels,
            weights="<results>/pretrain/{network}-{method}/backbone.safetensors",
            code=sources("scripts/embed.py"),
        output:
            array="<results>/embed/{network}-{method}/embeddings.npy",
            table="<results>/embed/{network}-{method}/embeddings.csv",
        log:
            "<logs>/embed-{network}-{method}.log",
        benchmark:
            "<benchmarks>/embed-{network}-{method}.tsv"
        conda:
            "../envs/torch.yaml"
        threads: 8
        params:
            classes=CLASSES,
        script:
            "../scripts/embed.py"
