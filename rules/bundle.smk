"""The chosen model to what is copied to the camera, and the report.

In:  choice.json, and the models among which it was chosen
Out: drift.json, where the camera watches for drift
     bundle/<board>/
     bundle/<board>.zip
     bundle/<board>.sig, where there is a key to sign with
     report.html
"""


rule set_drift:
    """Compute the charts by which the camera notices that the line has changed since the test."""
    input:
        choice="<results>/choice.json",
        thresholds=plan.candidate_files("thresholds"),
        predictions=plan.trained_files("predictions"),
        voted="<results>/evaluate/votes.json",
        votes="<results>/predict/votes.csv",
        split="<results>/split/<first>.csv",
        pixels=expand("<results>/pixels/{size}.npy", size=plan.input_sizes),
        code=job_files.code_of("scripts/set_drift.py"),
    output:
        drift="<results>/drift.json",
    log:
        "<logs>/set_drift.log",
    benchmark:
        "<benchmarks>/set_drift.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500, of_input=0.1),
        runtime=minutes(10),
    params:
        candidates=job_files.as_job_has_them(plan.candidate_params),
        trained=job_files.as_job_has_them(plan.trained_params),
        sizes=plan.input_sizes,
        classes=plan.classes,
        false_alarm=settings.line.drift.false_alarm,
        every=settings.line.drift.every,
        learn=settings.line.drift.learn,
    script:
        "../scripts/set_drift.py"


rule bundle:
    """Pack the chosen model for a board: files for its drive, ROMFS image, instructions, bill of materials."""
    input:
        choice="<results>/choice.json",
        # The report comes first: it says why a weak model gets no bundle. A change of it is no reason to pack again.
        report=ancient("<results>/report.html"),
        models=lambda wildcards: plan.files_for(wildcards.board),
        metrics=plan.candidate_files("metrics"),
        thresholds=plan.candidate_files("thresholds"),
        firmware=plan.candidate_files("firmware"),
        index="<results>/index/frames.csv",
        votes="<results>/evaluate/votes.json",
        split="<results>/split/<first>.json",
        # Has the exposure and gains that the camera held while it recorded.
        account="<results>/index/summary.json",
        training=(
            "<results>/pixels/<first>-train-<region>.npy"
            if settings.line.light.check
            else []
        ),
        # Ten test frames go into the bundle, with the model's outputs.
        predictions=plan.trained_files("predictions"),
        frames="<results>/split/<first>.csv",
        pixels=expand("<results>/pixels/{size}.npy", size=plan.input_sizes),
        drift="<results>/drift.json" if settings.line.drift.enabled else [],
        main=job_files.local_file(own_file("openmv/main.py")),
        modules=[
            job_files.local_file(own_file(f"openmv/{name}.py"))
            for name, _ in parts_of(plan.config)
        ],
        collect=job_files.local_file(own_file("openmv/collect.py")),
        template=job_files.local_file(own_file("linecam/bundle/readme.md.j2")),
        drawing=job_files.local_file(own_file("linecam/bundle/wiring.svg.j2")),
        code=job_files.code_of("scripts/bundle.py"),
    output:
        folder=directory("<results>/bundle/{board}"),
        archive="<results>/bundle/{board}.zip",
    log:
        "<logs>/bundle-{board}.log",
    benchmark:
        "<benchmarks>/bundle-{board}.tsv"
    conda:
        "../envs/bundle.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(20),
    params:
        candidates=job_files.as_job_has_them(plan.candidate_params),
        trained=job_files.as_job_has_them(plan.trained_params),
        sizes=plan.input_sizes,
        facts=lambda wildcards: plan.boards[wildcards.board].as_dict(),
        config=plan.config,
        versions=pins(own_file("requirements.lock")),
    script:
        "../scripts/bundle.py"


rule sign:
    """Sign a bundle with your own key; the signature lies beside the bundle."""
    input:
        folder="<results>/bundle/{board}",
        code=job_files.code_of("scripts/sign.py"),
    output:
        signature="<results>/bundle/{board}.sig",
    log:
        "<logs>/sign-{board}.log",
    # The key stays on this machine. It is not an input: Snakemake might copy an input elsewhere.
    localrule: True
    conda:
        "../envs/bundle.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    params:
        key=settings.bundle.signing_key,
    script:
        "../scripts/sign.py"


rule report:
    """Write the report, one page with the choice, its figures, its mistakes, its training and its data."""
    input:
        choice="<results>/choice.json",
        histories=plan.trained_files("history"),
        learning=plan.trained_files("learning"),
        scores=plan.trained_files("score"),
        teachers=plan.trained_files("teacher"),
        thresholds=plan.candidate_files("thresholds"),
        metrics=plan.trained_files("metrics"),
        predictions=plan.trained_files("predictions"),
        float_predictions=plan.trained_files("float_predictions"),
        held_out=plan.candidate_files("held_out"),
        tflite=plan.candidate_files("tflite"),
        firmware=plan.candidate_files("firmware"),
        clean="<results>/evaluate/clean.json",
        votes="<results>/evaluate/votes.json",
        frames="<results>/index/frames.csv",
        quarantine="<results>/index/quarantine.csv",
        account="<results>/index/summary.json",
        split="<results>/split/<first>.csv",
        summaries=expand("<results>/split/{selection}.json", selection=plan.selections),
        pixels=expand("<results>/pixels/{size}.npy", size=plan.input_sizes),
        mistakes="<results>/explain/mistakes.csv",
        heat="<results>/explain/mistakes.npy",
        judged="<results>/explain/map.csv",
        places="<results>/map/places.csv",
        layers="<results>/evaluate/layers.json",
        pretraining=expand(
            "<results>/pretrain/{backbone}/history.csv", backbone=plan.pretrained
        ),
        template=job_files.local_file(own_file("linecam/report/page.html.j2")),
        map_scripts=[
            job_files.local_file(path)
            for path in own_files("linecam/report/static/*.js")
        ],
        sections=[
            job_files.local_file(path)
            for path in own_files("linecam/report/sections/*.j2")
        ],
        code=job_files.code_of("scripts/report.py"),
    output:
        page=report(
            "<results>/report.html",
            category="linecam",
            caption="captions/report.rst",
        ),
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, of_input=0.1),
        runtime=minutes(20),
    params:
        models=job_files.as_job_has_them(plan.trained_params),
        candidates=job_files.as_job_has_them(plan.candidate_params),
        selections=plan.selections,
        pretrained=plan.pretrained,
        config=plan.config,
        configuration=yaml.safe_dump(
            plan.config, sort_keys=False, default_flow_style=None
        ),
        definitions=settings.dataset.definitions,
        region=plan.region.as_param(),
        boards={board: plan.boards[board].as_dict() for board in settings.bundle.boards},
        versions=pins(own_file("requirements.lock")),
        studied=study_plan.results(),
        selection_studied=selection_study_plan.results(),
        # No input: only a few of all frames are shown large. If they lie in a bucket, none is.
        folder=plan.frames_folder,
        benchmarks=f"{plan.results}/benchmarks",
        # No output: Snakemake would delete the earlier runs. In a bucket they are not kept.
        runs=f"{plan.results}/runs",
    script:
        "../scripts/report.py"
