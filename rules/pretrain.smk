"""Pixels to embeddings.

In:  pixels/<size>.npy
     pixels/sample-<size>.npy
Out: pretrain/<network>-<method>/backbone.safetensors
     pretrain/<network>-<method>/history.csv
     embed/<network>-<method>/embeddings.npy
     embed/<network>-<method>/embeddings.csv
     embed/teacher/embeddings.npy

New frames are embedded with the existing backbone: its training frames are `ancient` inputs, which start nothing.
`snakemake -R decode_sample` trains a new backbone by `taught`, `snakemake -R pretrain` by SimCLR.
"""


rule teach:
    """Pretrain a backbone with a large network, without labels, then on drawn defects."""
    input:
        pixels="<results>/pixels/sample-<region>.npy",
        teacher_weights=job_files.local_file(settings.pretrain.taught.weights or []),
        code=job_files.code_of("scripts/teach.py"),
    output:
        weights="<results>/pretrain/{network}-taught/backbone.safetensors",
        history="<results>/pretrain/{network}-taught/history.csv",
    log:
        "<logs>/teach-{network}.log",
    benchmark:
        "<benchmarks>/teach-{network}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 8
    resources:
        mem_mb=memory(
            2000 + 3000 * gpus + settings.pretrain.taught.views // 4, area=200
        ),
        runtime=minutes(60 + settings.pretrain.taught.steps / 50),
        gpu=gpus,
    params:
        settings={
            "teacher": settings.pretrain.taught.network,
            "views": settings.pretrain.taught.views,
            "steps": settings.pretrain.taught.steps,
            "pasted_steps": settings.pretrain.taught.pasted_steps,
            "seed": settings.pretrain.seed,
        },
    script:
        "../scripts/teach.py"


rule pretrain:
    """Pretrain a backbone on all frames by SimCLR, without labels."""
    input:
        pixels=lambda wildcards: ancient(pixels(wildcards)),
        code=job_files.code_of("scripts/pretrain.py"),
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
        **several_nodes(settings.pretrain.num_nodes),
        # No params: another number of devices is no reason to train again.
        devices=settings.pretrain.devices,
        num_nodes=settings.pretrain.num_nodes,
        strategy=settings.pretrain.strategy,
        mem_mb=pretraining_memory(settings.pretrain, gpus),
        runtime=pretraining_minutes(settings.pretrain, gpus),
        gpu=gpus * settings.pretrain.devices,
        nodes=settings.pretrain.num_nodes,
    params:
        settings={
            "learning_rate": settings.pretrain.learning_rate,
            "temperature": settings.pretrain.temperature,
            "color_jitter": settings.pretrain.color_jitter,
            "min_crop": settings.pretrain.min_crop,
            "precision": settings.pretrain.precision,
            "seed": settings.pretrain.seed,
            "budgets": plan.pretraining_budgets,
        },
    script:
        "../scripts/pretrain.py"


rule distill:
    """Pretrain a backbone with a larger network that SimCLR has trained, without labels."""
    input:
        pixels=lambda wildcards: ancient(pixels(wildcards)),
        teacher=lambda wildcards: plan.backbone(
            f"{plan.teacher(wildcards.network)}-simclr"
        ),
        code=job_files.code_of("scripts/distill.py"),
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
        mem_mb=pretraining_memory(settings.pretrain, gpus, devices=1),
        runtime=pretraining_minutes(settings.pretrain, gpus),
        gpu=gpus,
    params:
        settings=lambda wildcards: {
            "learning_rate": settings.pretrain.learning_rate,
            "color_jitter": settings.pretrain.color_jitter,
            "min_crop": settings.pretrain.min_crop,
            "precision": settings.pretrain.precision,
            "seed": settings.pretrain.seed,
            "teacher": plan.teacher(wildcards.network),
            "budgets": plan.pretraining_budgets,
        },
    script:
        "../scripts/distill.py"


# Another seed, so that these are never the test frames of the belt.
use rule render_belt as render_for_pretraining with:
    input:
        checked=ancient(plan.cheap_checks),
        code=job_files.code_of("scripts/render_belt.py"),
    output:
        frames=directory("<results>/pretrain/rendered/frames"),
        truth="<results>/pretrain/rendered/truth.csv",
    log:
        "<logs>/render_for_pretraining.log",
    benchmark:
        "<benchmarks>/render_for_pretraining.tsv"
    params:
        frames=settings.pretrain.rendered.frames,
        seed=settings.belt.seed + 1000,


rule pretrain_on_rendered:
    """Pretrain a backbone on drawn frames of a belt, with their labels."""
    input:
        frames="<results>/pretrain/rendered/frames",
        truth="<results>/pretrain/rendered/truth.csv",
        backbone="<results>/pretrain/{network}-none/backbone.safetensors",
        code=job_files.code_of("scripts/pretrain_on_rendered.py"),
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
            1500 + 3000 * gpus + settings.pretrain.rendered.frames // 4, area=500
        ),
        runtime=minutes(60),
        gpu=gpus,
    params:
        region=plan.region.as_param(),
        epochs=settings.pretrain.rendered.epochs,
        seed=settings.pretrain.seed,
    script:
        "../scripts/pretrain_on_rendered.py"


rule initialise_backbone:
    """Write a backbone of random weights, to train from scratch."""
    input:
        code=job_files.code_of("scripts/initialise_backbone.py"),
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
        seed=settings.pretrain.seed,
    script:
        "../scripts/initialise_backbone.py"


rule import_backbone:
    """Import the backbone of a given checkpoint, safetensors or the tutorial's pretrained.ckpt."""
    input:
        checkpoint=job_files.local_file(settings.pretrain.checkpoint or []),
        code=job_files.code_of("scripts/import_backbone.py"),
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


if settings.embed.file:

    rule read_embeddings:
        """Read the embeddings that another tool wrote in Lightly's format."""
        input:
            frames="<results>/index/frames.csv",
            table=job_files.local_file(settings.embed.file),
            code=job_files.code_of("scripts/read_embeddings.py"),
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
        """Embed the frames with the backbone, one shard of them a job. Frames embedded earlier are copied."""
        input:
            pixels=pixels,
            weights="<results>/pretrain/{network}-{method}/backbone.safetensors",
            code=job_files.code_of("scripts/embed.py"),
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
            mem_mb=memory(1500 + 3000 * gpus, area=300, of_input=1),
            runtime=minutes(120),
            gpu=gpus,
        params:
            former=lambda wildcards: plan.embeddings(
                f"{wildcards.network}-{wildcards.method}"
            ),
        script:
            "../scripts/embed.py"

    rule embed_by_teacher:
        """Embed the frames with the large network, that of `taught`. A job takes one shard of them, and copies those embedded earlier."""
        input:
            pixels=plan.pixels(settings.pretrain.taught.side),
            weights=job_files.local_file(settings.pretrain.taught.weights or []),
            code=job_files.code_of("scripts/embed_by_teacher.py"),
        output:
            array=temp("<results>/embed/teacher/{scatteritem}.npy"),
            certificate=temp("<results>/embed/teacher/{scatteritem}.rows.npy"),
        log:
            "<logs>/embed_by_teacher-{scatteritem}.log",
        benchmark:
            "<benchmarks>/embed_by_teacher-{scatteritem}.tsv"
        conda:
            "../envs/torch.yaml"
        threads: 8
        resources:
            mem_mb=memory(2000 + 3000 * gpus, each=300, of_input=1),
            runtime=minutes(240),
            gpu=gpus,
        params:
            teacher=settings.pretrain.taught.network,
            former=plan.embeddings("teacher"),
        script:
            "../scripts/embed_by_teacher.py"

    rule gather_embeddings:
        """Gather the embeddings in one array, from all shards, and into the CSV that Lightly's tools read."""
        input:
            frames="<results>/index/frames.csv",
            parts=gather.frames(
                "<results>/embed/{{network}}-{{method}}/{scatteritem}.npy"
            ),
            certificates=gather.frames(
                "<results>/embed/{{network}}-{{method}}/{scatteritem}.rows.npy"
            ),
            code=job_files.code_of("scripts/gather_embeddings.py"),
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
            classes=sorted(plan.classes),
        script:
            "../scripts/gather_embeddings.py"

    # No CSV file: for 25,000 frames it would have 300 MB.
    use rule gather_embeddings as gather_embeddings_by_teacher with:
        input:
            frames="<results>/index/frames.csv",
            parts=gather.frames("<results>/embed/teacher/{scatteritem}.npy"),
            certificates=gather.frames("<results>/embed/teacher/{scatteritem}.rows.npy"),
            code=job_files.code_of("scripts/gather_embeddings.py"),
        output:
            array="<results>/embed/teacher/embeddings.npy",
        log:
            "<logs>/gather_embeddings_by_teacher.log",
        benchmark:
            "<benchmarks>/gather_embeddings_by_teacher.tsv"
