"""The chosen model to what is copied to the camera, and the report.

In: choice.json and the models it was made among. Out: bundle/<board>/ and bundle/<board>.zip, report.html.
"""


rule bundle:
    """Model, labels, program and manifest for a board; only for a model that the board takes."""
    input:
        choice="<results>/choice.json",
        models=[entry["tflite"] for entry in CANDIDATES],
        metrics=[entry["metrics"] for entry in CANDIDATES],
        firmware=FIRMWARE,
        main="openmv/main.py",
        code=sources("scripts/bundle.py"),
    output:
        folder=directory("<results>/bundle/{board}"),
        archive="<results>/bundle/{board}.zip",
    log:
        "<logs>/bundle-{board}.log",
    conda:
        "../envs/plain.yaml"
    params:
        candidates=CANDIDATES,
        config=config,
        versions=pins("requirements.lock"),
    script:
        "../scripts/bundle.py"


rule report:
    """One page: the choice and its figures, every form of the model, its mistakes, its training, the data."""
    input:
        choice="<results>/choice.json",
        histories=[entry["history"] for entry in TRAINED],
        scores=[entry["score"] for entry in TRAINED],
        metrics=[path for entry in TRAINED for path in entry["metrics"].values()],
        predictions=[
            path for entry in TRAINED for path in entry["predictions"].values()
        ],
        tflite=[entry["tflite"] for entry in CANDIDATES],
        firmware=FIRMWARE,
        frames="<results>/index/frames.csv",
        quarantine="<results>/index/quarantine.csv",
        split=f"<results>/split/{SELECTIONS[0]}.csv",
        summaries=expand("<results>/split/{selection}.json", selection=SELECTIONS),
        pixels=sorted(
            {
                f"results/{NAME}/pixels/{network.rpartition('-')[2]}.npy"
                for network in config["networks"]
            }
        ),
        pretraining=expand(
            "<results>/pretrain/{network}-simclr/history.csv", network=PRETRAINED
        ),
        template="scripts/report.html.j2",
        code=sources("scripts/report.py"),
    output:
        page=report(
            "<results>/report.html",
            category="linecam",
            caption="captions/report.rst",
        ),
    log:
        "<logs>/report.log",
    conda:
        "../envs/plain.yaml"
    params:
        models=TRAINED,
        candidates=CANDIDATES,
        selections=SELECTIONS,
        pretrained=PRETRAINED,
        config=config,
        configuration=yaml.safe_dump(config, sort_keys=False, default_flow_style=None),
        boards={board: boards[board] for board in BOARDS},
        versions=pins("requirements.lock"),
    script:
        "../scripts/report.py"
