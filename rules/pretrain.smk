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
        code=modules_of("scripts/pretrain.py"),
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
    resources:
        # Not params: on how many devices a backbone is trained is no reason to train it again.
        **settings("pretrain", "devices", "num_nodes", "strategy"),
        # The job of several nodes runs once, on its first one, and calls srun itself (linecam/training/distributed.py).
        **(
            {
                "tasks": config["pretrain"]["num_nodes"],
                "tasks_per_gpu": 0,
                "mpi": "srun",
            }
            if config["pretrain"]["num_nodes"] > 1
            else {}
        ),
        mem_mb=memory(
            1500 * config["pretrain"]["devices"] + 3000 * GPU,
            area=12 * config["pretrain"]["cpu"]["batch_size"],
            of_input=1,
        ),
        runtime=minutes(
            60, of_input=0.03 * config["pretrain"]["gpu" if GPU else "cpu"]["epochs"]
        ),
        gpu=GPU * config["pretrain"]["devices"],
        nodes=config["pretrain"]["num_nodes"],
    params:
        settings=settings(
            "pretrain",
            "learning_rate",
            "temperature",
            "color_jitter",
            "min_crop",
            "precision",
            "seed",
        )
        | {"budgets": settings("pretrain", "cpu", "gpu")},
    script:
        "../scripts/pretrain.py"


rule distill:
    """Train a backbone, without labels, on what a larger one sees that SimCLR has trained."""
    input:
        pixels=lambda wildcards: ancient(pixels(wildcards)),
        teacher=lambda wildcards: f"results/{NAME}/pretrain/{teacher(wildcards.network)}-simclr/backbone.safetensors",
        code=modules_of("scripts/distill.py"),
    output:
        weights="<results>/pretrain/{network}-distilled/backbone.safetensors",
        history="<results>/pretrain/{network}-distilled/history.csv",
    log:
        "<logs>/distill-{network}.log",
    benchmark:
        "<benchmarks>/distill-{network}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 8
    resources:
        mem_mb=memory(
            1500 + 3000 * GPU,
            area=12 * config["pretrain"]["cpu"]["batch_size"],
            of_input=1,
        ),
        runtime=minutes(
            60, of_input=0.03 * config["pretrain"]["gpu" if GPU else "cpu"]["epochs"]
        ),
        gpu=GPU,
    params:
        settings=lambda wildcards: settings(
            "pretrain",
            "learning_rate",
            "color_jitter",
            "min_crop",
            "precision",
            "seed",
        )
        | {
            "teacher": teacher(wildcards.network),
            "budgets": settings("pretrain", "cpu", "gpu"),
        },
    script:
        "../scripts/distill.py"


# Never the frames of the belt that a model is tested on: another seed.
use rule render_belt as render_for_pretraining with:
    output:
        frames=directory("<results>/pretrain/rendered/frames"),
        truth="<results>/pretrain/rendered/truth.csv",
    log:
        "<logs>/render_for_pretraining.log",
    benchmark:
        "<benchmarks>/render_for_pretraining.tsv"
    params:
        frames=config["pretrain"]["rendered"]["frames"],
        seed=config["belt"]["seed"] + 1000,


rule pretrain_on_rendered:
    """Train a backbone on rendered frames of a belt, by their labels, which are known."""
    input:
        frames="<results>/pretrain/rendered/frames",
        truth="<results>/pretrain/rendered/truth.csv",
        backbone="<results>/pretrain/{network}-none/backbone.safetensors",
        code=modules_of("scripts/pretrain_on_rendered.py"),
    output:
        weights="<results>/pretrain/{network}-rendered/backbone.safetensors",
        history="<results>/pretrain/{network}-rendered/history.csv",
    log:
        "<logs>/pretrain_on_rendered-{network}.log",
    benchmark:
        "<benchmarks>/pretrain_on_rendered-{network}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(
            1500 + 3000 * GPU + config["pretrain"]["rendered"]["frames"] // 4, area=500
        ),
        runtime=minutes(60),
        gpu=GPU,
    params:
        side=config["camera"]["side"],
        epochs=config["pretrain"]["rendered"]["epochs"],
        seed=config["pretrain"]["seed"],
    script:
        "../scripts/pretrain_on_rendered.py"


rule initialise_backbone:
    """Random weights: training from scratch."""
    input:
        code=modules_of("scripts/initialise_backbone.py"),
    output:
        weights="<results>/pretrain/{network}-none/backbone.safetensors",
    log:
        "<logs>/initialise_backbone-{network}.log",
    benchmark:
        "<benchmarks>/initialise_backbone-{network}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(10),
    params:
        **settings("pretrain", "seed"),
    script:
        "../scripts/initialise_backbone.py"


rule import_backbone:
    """Take the backbone of a given checkpoint: safetensors, or the tutorial's pretrained.ckpt."""
    input:
        checkpoint=here(config["pretrain"]["checkpoint"] or []),
        code=modules_of("scripts/import_backbone.py"),
    output:
        weights="<results>/pretrain/{network}-given/backbone.safetensors",
    log:
        "<logs>/import_backbone-{network}.log",
    benchmark:
        "<benchmarks>/import_backbone-{network}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(10),
    script:
        "../scripts/import_backbone.py"


if config["embed"]["file"]:

    rule read_embeddings:
        """Take the embeddings that another tool wrote, in Lightly's format."""
        input:
            frames="<results>/index/frames.csv",
            table=here(config["embed"]["file"]),
            code=modules_of("scripts/read_embeddings.py"),
        output:
            array="<results>/embed/{network}-{method}/embeddings.npy",
        log:
            "<logs>/read_embeddings-{network}-{method}.log",
        benchmark:
            "<benchmarks>/read_embeddings-{network}-{method}.tsv"
        conda:
            "../envs/plain.yaml"
        threads: 1
        resources:
            mem_mb=memory(500, of_input=6),
            runtime=minutes(60),
        script:
            "../scripts/read_embeddings.py"

else:

    rule embed:
        """Embed a shard of the frames with the backbone, but for those embedded in an earlier run."""
        input:
            pixels=pixels,
            weights="<results>/pretrain/{network}-{method}/backbone.safetensors",
            code=modules_of("scripts/embed.py"),
        output:
            array=temp("<results>/embed/{network}-{method}/{scatteritem}.npy"),
            certificate=temp(
                "<results>/embed/{network}-{method}/{scatteritem}.rows.npy"
            ),
        log:
            "<logs>/embed-{network}-{method}-{scatteritem}.log",
        benchmark:
            "<benchmarks>/embed-{network}-{method}-{scatteritem}.tsv"
        conda:
            "../envs/torch.yaml"
        threads: 8
        resources:
            mem_mb=memory(1500 + 3000 * GPU, area=300, of_input=1),
            runtime=minutes(120),
            gpu=GPU,
        params:
            former=f"results/{NAME}/embed/{{network}}-{{method}}/embeddings.npy",
        script:
            "../scripts/embed.py"

    rule gather_embeddings:
        """Join the shards' embeddings, also as the CSV that Lightly's tools read."""
        input:
            frames="<results>/index/frames.csv",
            parts=gather.frames(
                "<results>/embed/{{network}}-{{method}}/{scatteritem}.npy"
            ),
            certificates=gather.frames(
                "<results>/embed/{{network}}-{{method}}/{scatteritem}.rows.npy"
            ),
            code=modules_of("scripts/gather_embeddings.py"),
        output:
            array="<results>/embed/{network}-{method}/embeddings.npy",
            table="<results>/embed/{network}-{method}/embeddings.csv",
        log:
            "<logs>/gather_embeddings-{network}-{method}.log",
        benchmark:
            "<benchmarks>/gather_embeddings-{network}-{method}.tsv"
        conda:
            "../envs/plain.yaml"
        threads: 1
        resources:
            mem_mb=memory(2000),
            runtime=minutes(60),
        params:
            classes=CLASSES,
        script:
            "../scripts/gather_embeddings.py"
