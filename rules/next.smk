"""After a first model: which frames to label next, and which labels to look at again. `snakemake next`.

In: the chosen model, index/frames.csv, select/test.csv, split/<selection>.csv of all selections, embeddings, labels.csv.
Out: next/batch.csv and next/suspects.csv.
"""


rule next:
    """The next frames to label, those that the model is least sure of and that differ; and labels that are likely wrong."""
    input:
        choice="<results>/choice.json",
        weights=[
            f"results/{NAME}/finetune/{model}/model.safetensors" for model in COMPETING
        ],
        held_out=[
            f"results/{NAME}/finetune/{model}/held_out.csv" for model in COMPETING
        ],
        pixels=expand("<results>/pixels/{size}.npy", size=SIZES),
        frames="<results>/index/frames.csv",
        test="<results>/select/test.csv",
        splits=expand("<results>/split/{selection}.csv", selection=SELECTIONS),
        embeddings=f"<results>/embed/{SELECTED_BY}/embeddings.npy",
        labels=here(if_there(LABELS)),
        code=modules_of("scripts/next.py"),
    output:
        batch="<results>/next/batch.csv",
        suspects="<results>/next/suspects.csv",
    log:
        "<logs>/next.log",
    benchmark:
        "<benchmarks>/next.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 8
    resources:
        mem_mb=memory(1500, of_input=2),
        runtime=minutes(60),
    params:
        models=COMPETING,
        sizes=SIZES,
        strategy=config["next"]["strategy"],
        number=config["next"]["frames"],
        selections=SELECTIONS,
        gap=0 if STRATEGIES == ["given"] else config["select"]["gap"],
        seed=config["select"]["seed"],
        classes=CLASSES,
    script:
        "../scripts/next.py"
