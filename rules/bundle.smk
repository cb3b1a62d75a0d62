"""The chosen model to what is copied to the camera, and the report.

In: choice.json and the models it was made among. Out: bundle/<board>/ and bundle/<board>.zip, bundle/<board>.sig where
there is a key to sign with, report.html.
"""


rule bundle:
    """Everything for a board that takes the model: for its drive, for its ROMFS, how to use it, what it was made of."""
    input:
        choice="<results>/choice.json",
        models=lambda wildcards: [
            entry["files"][wildcards.board] for entry in CANDIDATES
        ],
        metrics=[entry["metrics"] for entry in CANDIDATES],
        thresholds=sorted({entry["thresholds"] for entry in CANDIDATES}),
        firmware=FIRMWARE,
        index="<results>/index/frames.csv",
        split=f"<results>/split/{SELECTIONS[0]}.json",
        main=here("openmv/main.py"),
        collect=here("openmv/collect.py"),
        template=here("scripts/bundle_readme.md.j2"),
        code=modules_of("scripts/bundle.py"),
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
        candidates=at_hand(CANDIDATES),
        facts=lambda wildcards: boards[wildcards.board],
        config=config,
        versions=pins("requirements.lock"),
    script:
        "../scripts/bundle.py"


# The key stays on this machine; nor is it an input, which Snakemake might copy elsewhere.
localrules:
    sign,


rule sign:
    """A detached signature over a bundle, with the user's own key; beside it, since no two signatures are alike."""
    input:
        folder="<results>/bundle/{board}",
        code=modules_of("scripts/sign.py"),
    output:
        signature="<results>/bundle/{board}.sig",
    log:
        "<logs>/sign-{board}.log",
    conda:
        "../envs/bundle.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    params:
        key=SIGNING_KEY,
    script:
        "../scripts/sign.py"


rule report:
    """One page: the choice and its figures, every form of the model, its mistakes, its training, the data."""
    input:
        choice="<results>/choice.json",
        histories=[entry["history"] for entry in TRAINED],
        scores=[entry["score"] for entry in TRAINED],
        thresholds=sorted({entry["thresholds"] for entry in CANDIDATES}),
        metrics=[path for entry in TRAINED for path in entry["metrics"].values()],
        predictions=[
            path for entry in TRAINED for path in entry["predictions"].values()
        ],
        tflite=[entry["tflite"] for entry in CANDIDATES],
        firmware=FIRMWARE,
        clean="<results>/evaluate/clean.json",
        votes="<results>/evaluate/votes.json",
        frames="<results>/index/frames.csv",
        quarantine="<results>/index/quarantine.csv",
        split=f"<results>/split/{SELECTIONS[0]}.csv",
        summaries=expand("<results>/split/{selection}.json", selection=SELECTIONS),
        pixels=expand("<results>/pixels/{size}.npy", size=SIZES),
        pretraining=expand(
            "<results>/pretrain/{backbone}/history.csv", backbone=PRETRAINED
        ),
        template=here("scripts/report.html.j2"),
        code=modules_of("scripts/report.py"),
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
        models=at_hand(TRAINED),
        candidates=at_hand(CANDIDATES),
        selections=SELECTIONS,
        pretrained=PRETRAINED,
        config=config,
        configuration=yaml.safe_dump(config, sort_keys=False, default_flow_style=None),
        boards={board: boards[board] for board in BOARDS},
        versions=pins("requirements.lock"),
        studied=studied_selection(),
    script:
        "../scripts/report.py"
