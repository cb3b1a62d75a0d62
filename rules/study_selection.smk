"""Whether choosing frames pays: `snakemake study_selection`.

In:  split/<selection>.csv, of every strategy, number of labels and seed
     predict/<model>/float.csv, of a model trained on each
     embed/<network>-<method>/embeddings.npy
Out: study_selection/cells.csv, one row for each model
     study_selection/summary.json, table.md and plot.png, over the seeds
"""


rule study_selection:
    """Compare strategies of selection with random frames of equal number, by linear probe and by finetuning."""
    input:
        files=lambda wildcards: selection_study_plan.checked_files(frames_at_most),
        embeddings="<results>/embed/<selecting>/embeddings.npy",
        code=job_files.code_of("scripts/study_selection.py"),
    output:
        cells="<results>/study_selection/cells.csv",
        summary="<results>/study_selection/summary.json",
        text="<results>/study_selection/table.md",
        plot=report(
            "<results>/study_selection/plot.png",
            category="selection",
            caption="captions/study_selection.rst",
        ),
    log:
        "<logs>/study_selection.log",
    benchmark:
        "<benchmarks>/study_selection.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(800, of_input=4),
        runtime=minutes(20),
    params:
        cells=job_files.as_job_has_them(
            [model.as_param() for model in selection_study_plan.models]
        ),
        classes=plan.classes,
        confidence=settings.evaluate.confidence,
        embedded=plan.selecting_backbone,
    script:
        "../scripts/study_selection.py"
