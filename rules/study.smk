"""What labels, pretraining and networks are worth: `snakemake study`.

In:  evaluate/<model>/<form>.json, of models on their first labels and of other networks, as they were trained
     firmware/<model>/calibrated/<board>.json
Out: study/study.csv, one row for each model
     study/table.md, labels.png and pareto.png, over the seeds
"""


rule study:
    """Compare accuracy by number of labels, pretraining and network, and what each network costs on the board."""
    input:
        files=lambda wildcards: study_plan.checked_files(),
        # These take five more trainings, so only where main.py is to decide by thresholds.
        thresholds=branch(
            plan.decides_by_thresholds,
            then=f"<results>/finetune/{plan.competing[0]}/thresholds.json",
            otherwise=[],
        ),
        score=branch(
            plan.decides_by_thresholds,
            then=f"<results>/finetune/{plan.competing[0]}/score.json",
            otherwise=[],
        ),
        code=job_files.code_of("scripts/study.py"),
    output:
        table="<results>/study/study.csv",
        text=report(
            "<results>/study/table.md",
            category="study",
            caption="captions/study_table.rst",
        ),
        labels=report(
            "<results>/study/labels.png",
            category="study",
            caption="captions/study_labels.rst",
        ),
        pareto=report(
            "<results>/study/pareto.png",
            category="study",
            caption="captions/study_pareto.rst",
        ),
    log:
        "<logs>/study.log",
    benchmark:
        "<benchmarks>/study.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(10),
    params:
        cells=job_files.as_job_has_them(
            [model.as_param() for model in study_plan.models]
        ),
        classes=plan.classes,
        confidence=settings.evaluate.confidence,
        ours=str(plan.competing[0]),
    script:
        "../scripts/study.py"


rule select_first:
    """Take the first frames of a selection, as if there had been fewer labels."""
    input:
        selection="<results>/select/{base}.csv",
        code=job_files.code_of("scripts/select_first.py"),
    output:
        train="<results>/select/{base}-first-{number}.csv",
    log:
        "<logs>/select_first-{base}-{number}.log",
    benchmark:
        "<benchmarks>/select_first-{base}-{number}.tsv"
    wildcard_constraints:
        base=r"given|[a-z]+-\d+",
        number=r"\d+",
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500, of_input=10),
        runtime=minutes(10),
    params:
        seed=settings.select.seed,
        shuffled=lambda wildcards: wildcards.base == "given",
    script:
        "../scripts/select_first.py"
