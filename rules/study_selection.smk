"""Whether choosing frames pays: `snakemake study_selection`.

In: what a model is trained from, truth for every frame, and `study_selection` in the configuration. Out:
study_selection/cells.csv, one row for each model; summary.json, table.md and plot.png, over the seeds.
"""


rule study_selection:
    """What each strategy's frames are worth as training data, beside as many at random, by probe and by finetuning."""
    input:
        splits=chosen_in_study("split"),
        finetuned=chosen_in_study("predictions"),
        embeddings=f"<results>/embed/{SELECTED_BY}/embeddings.npy",
        code=modules_of("scripts/study_selection.py"),
    output:
        cells="<results>/study_selection/cells.csv",
        summary="<results>/study_selection/summary.json",
        text="<results>/study_selection/table.md",
        plot="<results>/study_selection/plot.png",
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
        cells=at_hand(CHOSEN_IN_STUDY),
        classes=CLASSES,
        confidence=config["evaluate"]["confidence"],
        embedded=SELECTED_BY,
    script:
        "../scripts/study_selection.py"
