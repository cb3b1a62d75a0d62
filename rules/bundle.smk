"""The chosen model to what is copied to the camera, and the report.

In: choice.json and the models it was made among. Out: bundle/<board>/ and bundle/<board>.zip, report.html.
"""

import yaml


rule bundle:
    """Model, labels, program and manifest for a board; only for a model that the board takes."""
    input:
        choice="<results>/choice.json",
        models=[candidate["tflite"] for candidate in candidates()],
        metrics=[candidate["metrics"] for candidate in candidates()],
        firmware=[
            path
            for candidate in candidates()
            for path in candidate["firmware"].values()
        ],
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
        candidates=candidates(),
        config=config,
        versions=pins("requirements.lock"),
    script:
        "../scripts/bundle.py"


def models():
    """One entry for each trained model, with the paths of what the report shows; those that didn't compete in float."""
    return [
        {
            "model": model,
            "history": f"results/{NAME}/finetune/{model}/history.csv",
            "score": f"results/{NAME}/finetune/{model}/score.json",
            "metrics": {
                form: f"results/{NAME}/evaluate/{model}/{form}.json"
                for form in (FORMS if model in CANDIDATES else ["float"])
            },
            "predictions": {
                span: f"results/{NAME}/predict/{model}/{span}.csv"
                for span in (RANGES if model in CANDIDATES else [])
            },
        }
        for model in MODELS
    ]


PRETRAINED = config["networks"] if "simclr" in config["pretrain"]["methods"] else []


rule report:
    """One page: the choice and its figures, every form of the model, its mistakes, its training, the data."""
    input:
        choice="<results>/choice.json",
        histories=[model["history"] for model in models()],
        scores=[model["score"] for model in models()],
        metrics=[path for model in models() for path in model["metrics"].values()],
        predictions=[
            path for model in models() for path in model["predictions"].values()
        ],
        tflite=[candidate["tflite"] for candidate in candidates()],
        firmware=[
            path
            for candidate in candidates()
            for path in candidate["firmware"].values()
        ],
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
        models=models(),
        candidates=candidates(),
        selections=SELECTIONS,
        pretrained=PRETRAINED,
        config=config,
        configuration=yaml.safe_dump(config, sort_keys=False, default_flow_style=None),
        boards={board: boards[board] for board in BOARDS},
        versions=pins("requirements.lock"),
    script:
        "../scripts/report.py"
