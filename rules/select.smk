"""Index and embeddings to the split.

In: index/frames.csv, embed/.../embeddings.npy, data/<dataset>/labels.csv.
Out: select/test.csv, select/<strategy>-<count>.csv, split/<strategy>-<count>.csv and .json, near/<strategy>-<count>.csv.
"""


rule select_test:
    """Random test frames, the same ones as frames are added; or those of the folder test/."""
    input:
        frames="<results>/index/frames.csv",
        code=modules_of("scripts/select_test.py"),
    output:
        test="<results>/select/test.csv",
    log:
        "<logs>/select_test.log",
    benchmark:
        "<benchmarks>/select_test.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500, of_input=10),
        runtime=minutes(10),
    params:
        number=config["select"]["test"],
        seed=config["select"]["seed"],
        given=STRATEGIES == ["given"],
        gap=config["select"]["gap"],
    script:
        "../scripts/select_test.py"


rule select_train:
    """The frames that are worth a label, never a test frame."""
    input:
        frames="<results>/index/frames.csv",
        test="<results>/select/test.csv",
        embeddings=lambda wildcards: (
            f"results/{NAME}/embed/{SELECTED_BY}/embeddings.npy"
            if wildcards.selection.split("-")[0] not in BLIND
            else []
        ),
        # Which frames are labelled matters here, not as what: see `labelled`.
        labels=ancient(local(if_there(LABELS))),
        code=modules_of("scripts/select_train.py"),
    output:
        train="<results>/select/{selection}.csv",
    log:
        "<logs>/select_train-{selection}.log",
    benchmark:
        "<benchmarks>/select_train-{selection}.tsv"
    wildcard_constraints:
        selection=r"given|[a-z]+-\d+(-draw-\d+)?",  # not what select_first takes of one
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, of_input=6),
        runtime=minutes(120),
    params:
        strategy=lambda wildcards: wildcards.selection.split("-")[0],
        number=lambda wildcards: labels_of(wildcards.selection),
        setting=lambda wildcards: (
            "study_selection.labels"
            if "-draw-" in wildcards.selection
            else "select.train"
        ),
        gap=config["select"]["gap"],
        seed=lambda wildcards: draw_of(wildcards.selection),
        classes=CLASSES,
        labelled=LABELLED,
    script:
        "../scripts/select_train.py"


rule split:
    """Join selected frames and labels; share them out among folds; draw unlabelled frames to compare models on."""
    input:
        frames="<results>/index/frames.csv",
        train="<results>/select/{selection}.csv",
        test="<results>/select/test.csv",
        labels=here(if_there(LABELS)),
        truth="<results>/truth.csv" if KIND == "belt" else [],
        code=modules_of("scripts/split.py"),
    output:
        table="<results>/split/{selection}.csv",
        summary="<results>/split/{selection}.json",
    log:
        "<logs>/split-{selection}.log",
    benchmark:
        "<benchmarks>/split-{selection}.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500, of_input=10),
        runtime=minutes(20),
    params:
        labels_csv=LABELS,
        to_label=lambda wildcards: f"results/{NAME}/to_label/{wildcards.selection}.csv",
        classes=CLASSES,
        # A study's models on fewer labels are not judged by folds: they may have too few of a class for them.
        folds=lambda wildcards: (
            config["finetune"]["folds"] if wildcards.selection in SELECTIONS else 0
        ),
        unlabelled=config["evaluate"]["unlabelled_frames"],
        seed=config["select"]["seed"],
    script:
        "../scripts/split.py"


rule find_near:
    """Test frames that show nearly what a training frame shows, by number and by embedding."""
    input:
        frames="<results>/index/frames.csv",
        split="<results>/split/{selection}.csv",
        embeddings=f"<results>/embed/{SELECTED_BY}/embeddings.npy",
        code=modules_of("scripts/find_near.py"),
    output:
        near="<results>/near/{selection}.csv",
    log:
        "<logs>/find_near-{selection}.log",
    benchmark:
        "<benchmarks>/find_near-{selection}.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500, of_input=10),
        runtime=minutes(20),
    script:
        "../scripts/find_near.py"
