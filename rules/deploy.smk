"""The bundle to the camera's drive: `snakemake deploy --config drive=FOLDER [board=NAME] [replace=true]`.

In: bundle/<board>/. Out: nothing in results/; the files on the drive, each whole and compared.
"""


localrules:
    deploy,


rule deploy:
    """Copy a bundle to the camera's drive, --config drive=FOLDER; what runs there stays until the new one is whole."""
    input:
        bundle=bundle_to_deploy,
        code=modules_of("scripts/deploy.py"),
    log:
        "<logs>/deploy.log",
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(60),
    params:
        drive=DEPLOY["drive"],
        replace=str(DEPLOY["replace"]).lower() == "true",
    script:
        "../scripts/deploy.py"
