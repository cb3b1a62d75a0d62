"""Index and embeddings to the split.

In:  index/frames.csv
     embed/<network>-<method>/embeddings.npy
     data/<dataset>/labels.csv
Out: select/test.csv
     select/<selection>.csv
     split/<selection>.csv
     split/<selection>.json
     near/<selection>.csv
     map/places.csv, for the report
"""


rule select_test:
    """Select the test frames at random, or take the folder test/; added frames change no earlier choice."""
    input:
        frames="<results>/index/frames.csv",
        code=job_files.code_of("scripts/select_test.py"),
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
        number=settings.select.test,
        seed=settings.select.seed,
        given=plan.strategies == ["given"],
        # Checks that there are enough frames, before any step that takes long.
        train=None if plan.strategies == ["given"] else settings.select.train,
        gap=settings.select.gap,
    script:
        "../scripts/select_test.py"


rule select_train:
    """Select the frames to label for training, by the selection's strategy; never a test frame."""
    input:
        frames="<results>/index/frames.csv",
        test="<results>/select/test.csv",
        embeddings=lambda wildcards: (
            "<results>/embed/<selecting>/embeddings.npy"
            if plan.needs_embeddings(wildcards.selection)
            else []
        ),
        # Only whether a frame is labelled matters here, not its label: see `labelled`.
        labels=ancient(local(optional(plan.labels_csv))),
        code=job_files.code_of("scripts/select_train.py"),
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
        strategy=lambda wildcards: plan.strategy_of(wildcards.selection),
        number=lambda wildcards: plan.labels_of(wildcards.selection),
        setting=lambda wildcards: plan.counts_of(wildcards.selection),
        gap=settings.select.gap,
        seed=lambda wildcards: plan.seed_of(wildcards.selection),
        classes=sorted(plan.classes),
        labelled=labelled,
    script:
        "../scripts/select_train.py"


rule split:
    """Join selected frames and labels, cut the training frames into folds, weigh each by its share of the line, and draw unlabelled frames to compare models on."""
    input:
        frames="<results>/index/frames.csv",
        train="<results>/select/{selection}.csv",
        test="<results>/select/test.csv",
        labels=job_files.local_file(optional(plan.labels_csv)),
        truth="<results>/truth.csv" if settings.dataset.kind == "belt" else [],
        embeddings=lambda wildcards: (
            "<results>/embed/<selecting>/embeddings.npy"
            if plan.needs_embeddings(wildcards.selection)
            else []
        ),
        code=job_files.code_of("scripts/split.py"),
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
        labels_csv=plan.labels_csv,
        to_label=lambda wildcards: plan.to_label(wildcards.selection),
        # In another order they are the same here.
        classes=sorted(plan.classes),
        folds=lambda wildcards: plan.folds_of(wildcards.selection),
        unlabelled=settings.evaluate.unlabelled_frames,
        seed=settings.select.seed,
    script:
        "../scripts/split.py"


rule find_near:
    """Find test frames that show nearly the same as a training frame, by number and by embedding."""
    input:
        frames="<results>/index/frames.csv",
        split="<results>/split/{selection}.csv",
        embeddings="<results>/embed/<selecting>/embeddings.npy",
        code=job_files.code_of("scripts/find_near.py"),
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


rule project_frames:
    """Lay the frames out on a map by their embeddings, similar ones together, for the report."""
    input:
        frames="<results>/index/frames.csv",
        embeddings="<results>/embed/<selecting>/embeddings.npy",
        test="<results>/select/test.csv",
        train="<results>/select/<first>.csv",
        code=job_files.code_of("scripts/project_frames.py"),
    output:
        places="<results>/map/places.csv",
    log:
        "<logs>/project_frames.log",
    benchmark:
        "<benchmarks>/project_frames.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, of_input=3),
        runtime=minutes(20),
    params:
        seed=settings.select.seed,
    script:
        "../scripts/project_frames.py"
