"""Which network, and which variants of the frames, suit your line: `snakemake tune`.

In:  pixels/<selection>-train-<region>.npy and .csv
     pixels/sample-<region>.npy and .csv, soft_labels/<selection>.npz
     pretrain/<network>-<method>/backbone.safetensors, of every network of `tune.networks`
Out: tune/best.yaml, the winner's settings, to lay over a configuration
     tune/table.md and result.json, what every entrant came to
"""


rule tune:
    """Find the network and the augmentation that suit your line, by a tournament on its labelled frames."""
    input:
        pixels="<results>/pixels/<first>-train-<region>.npy",
        frames="<results>/pixels/<first>-train-<region>.csv",
        backbones=lambda wildcards: tuned_backbones(plan),
        sample=plan.sample(settings.pretrain.methods[0], plan.first_selection),
        code=job_files.code_of("scripts/tune.py"),
    output:
        best="<results>/tune/best.yaml",
        table="<results>/tune/table.md",
        result="<results>/tune/result.json",
    log:
        "<logs>/tune.log",
    benchmark:
        "<benchmarks>/tune.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 8
    resources:
        mem_mb=memory(1000, each=1500),
        runtime=minutes(30 + 3 * settings.tune.minutes),
    params:
        networks=settings.tune.networks,
        classes=plan.classes,
        settings=plan.recipe(plan.first_selection),
        augment={
            name: way.model_dump(mode="json")
            for name, way in settings.tune.augment.items()
        },
        seed=settings.finetune.seeds[0],
        minutes=settings.tune.minutes,
    script:
        "../scripts/tune.py"
