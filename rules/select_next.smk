"""After a first model: which frames to label next, and which labels to look at again. `snakemake select_next`.

In:  choice.json and the chosen model
     index/frames.csv
     select/test.csv
     split/<selection>.csv, of all selections
     embed/<network>-<method>/embeddings.npy
     data/<dataset>/labels.csv
Out: next/batch.csv
     next/suspects.csv
     next/summary.json
"""


rule select_next:
    """Select the next frames to label, where the model is least sure, and list labels that are likely wrong."""
    input:
        choice=choice_to_go_on_from,
        weights=expand(
            "<results>/finetune/{name}/model.safetensors", name=plan.competing
        ),
        held_out=expand("<results>/finetune/{name}/held_out.csv", name=plan.competing),
        pixels=expand("<results>/pixels/{size}.npy", size=plan.input_sizes),
        frames="<results>/index/frames.csv",
        test="<results>/select/test.csv",
        splits=expand("<results>/split/{selection}.csv", selection=plan.selections),
        embeddings="<results>/embed/<selecting>/embeddings.npy",
        labels=job_files.local_file(optional(plan.labels_csv)),
        code=job_files.code_of("scripts/select_next.py"),
    output:
        batch="<results>/next/batch.csv",
        suspects="<results>/next/suspects.csv",
        summary="<results>/next/summary.json",
    log:
        "<logs>/select_next.log",
    benchmark:
        "<benchmarks>/select_next.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 8
    resources:
        mem_mb=memory(1500, of_input=2),
        runtime=minutes(60),
    params:
        models=[str(model) for model in plan.competing],
        sizes=plan.input_sizes,
        strategy=settings.next.strategy,
        number=settings.next.frames,
        selections=plan.selections,
        gap=0 if plan.strategies == ["given"] else settings.select.gap,
        seed=settings.select.seed,
        classes=plan.classes,
    script:
        "../scripts/select_next.py"
