"""The chosen model to what is copied to the camera, and the report.

In: choice.json and the models it was made among. Out: bundle/<board>/ and bundle/<board>.zip, report.html.
"""


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
