"""Labels, on a page in the browser: `snakemake label --config [by=NAME] [port=NUMBER] [browser=false]`.

In: index/frames.csv, select/test.csv, select/<selection>.csv, embed/.../embeddings.npy where the selection needs them;
next/ and what the chosen model says, where these are there already: labelling trains nothing but what selects. Out: nothing in results/; data/<dataset>/labels.csv, at every answer.
"""


localrules:
    label,


rule label:
    """Label the selected frames in the browser, on this machine; ends when you say so there, or with Ctrl-C."""
    input:
        frames="<results>/index/frames.csv",
        folder=FETCHED,
        train=expand("<results>/select/{selection}.csv", selection=SELECTIONS),
        test="<results>/select/test.csv",
        truth="<results>/truth.csv" if KIND == "belt" else [],
        embeddings=(
            f"results/{NAME}/embed/{SELECTED_BY}/embeddings.npy"
            if set(STRATEGIES) - BLIND
            else []
        ),
        code=modules_of("scripts/label.py"),
    log:
        "<logs>/label.log",
    conda:
        "../envs/label.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, of_input=6),
        runtime=minutes(600),
    params:
        **LABELLING,
        folder=frames_folder,
        labels_csv=LABELS,
        results=lambda wildcards, input: str(Path(input.frames).parents[1]),
        dataset=NAME,
        classes=CLASSES,
    script:
        "../scripts/label.py"
