"""What labels, pretraining and networks are worth: `snakemake study`.

In: what a model is trained from, and `study` in the configuration. Out: study/study.csv, one row for each model;
study/table.md, labels.png and pareto.png, over the seeds. Int8 files below study/<model>/.
"""


rule study:
    """How accuracy grows with labels, with and without pretraining; and what each network costs on the board."""
    input:
        floats=study_of("float"),
        quantized=study_of("int8"),
        firmware=study_of(f"firmware/{BOARDS[0]}"),
        # Five trainings more, where main.py is to decide by thresholds.
        thresholds=(
            f"<results>/finetune/{COMPETING[0]}/thresholds.json" if THRESHOLDS else []
        ),
        score=f"<results>/finetune/{COMPETING[0]}/score.json" if THRESHOLDS else [],
        code=modules_of("scripts/study.py"),
    output:
        table="<results>/study/study.csv",
        text="<results>/study/table.md",
        labels="<results>/study/labels.png",
        pareto="<results>/study/pareto.png",
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
        cells=at_hand(
            [
                {
                    "network": cell[0],
                    "method": cell[1],
                    "labels": cell[2],
                    "seed": cell[3],
                    "folder": f"results/{NAME}/study/{studied(*cell)}",
                    "int8": cell[2] == MOST,
                }
                for cell in CELLS
            ]
        ),
        board=BOARDS[0],
        classes=CLASSES,
        confidence=config["evaluate"]["confidence"],
        ours=COMPETING[0],
    script:
        "../scripts/study.py"


rule select_first:
    """The first frames of a selection, as if there had been fewer labels."""
    input:
        selection="<results>/select/{base}.csv",
        code=modules_of("scripts/select_first.py"),
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
        **settings("select", "seed"),
        shuffled=lambda wildcards: wildcards.base == "given",
    script:
        "../scripts/select_first.py"


# As trained: calibrated probabilities would take five trainings more, and change no decision for the highest.
use rule predict_float as study_predict_float with:
    input:
        model="<results>/finetune/<model>/weights.safetensors",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=modules_of("scripts/predict_float.py"),
    output:
        predictions="<results>/study/<model>/float.csv",
    log:
        "<logs>/study/<model>/predict_float.log",
    benchmark:
        "<benchmarks>/study/<model>/predict_float.tsv"


use rule export_onnx as study_export_onnx with:
    input:
        model="<results>/finetune/<model>/weights.safetensors",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=modules_of("scripts/export_onnx.py"),
    output:
        onnx="<results>/study/<model>/model.onnx",
        check="<results>/study/<model>/check.json",
    log:
        "<logs>/study/<model>/export_onnx.log",
    benchmark:
        "<benchmarks>/study/<model>/export_onnx.tsv"


use rule convert_savedmodel as study_convert_savedmodel with:
    input:
        onnx="<results>/study/<model>/model.onnx",
        code=modules_of("scripts/convert_savedmodel.py"),
    output:
        savedmodel=directory("<results>/study/<model>/savedmodel"),
    log:
        "<logs>/study/<model>/convert_savedmodel.log",
    benchmark:
        "<benchmarks>/study/<model>/convert_savedmodel.tsv"


use rule quantize as study_quantize with:
    input:
        savedmodel="<results>/study/<model>/savedmodel",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=modules_of("scripts/quantize.py"),
    output:
        tflite="<results>/study/<model>/model.tflite",
    log:
        "<logs>/study/<model>/quantize.log",
    benchmark:
        "<benchmarks>/study/<model>/quantize.tsv"
    params:
        span=None,
        frames=config["quantize"]["calibration_frames"],


use rule predict_tflite as study_predict_tflite with:
    input:
        tflite="<results>/study/<model>/model.tflite",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=modules_of("scripts/predict_tflite.py"),
    output:
        predictions="<results>/study/<model>/int8.csv",
        cost="<results>/study/<model>/cost.json",
    log:
        "<logs>/study/<model>/predict_tflite.log",
    benchmark:
        "<benchmarks>/study/<model>/predict_tflite.tsv"


use rule check_firmware as study_check_firmware with:
    input:
        tflite="<results>/study/<model>/model.tflite",
        code=modules_of("scripts/check_firmware.py"),
    output:
        findings="<results>/study/<model>/firmware/{board}.json",
        model="<results>/study/<model>/firmware/{board}.tflite",
    log:
        "<logs>/study/<model>/check_firmware-{board}.log",
    benchmark:
        "<benchmarks>/study/<model>/check_firmware-{board}.tsv"


use rule evaluate as study_evaluate with:
    input:
        predictions="<results>/study/<model>/{form}.csv",
        reference="<results>/study/<model>/float.csv",
        code=modules_of("scripts/evaluate.py"),
    output:
        metrics="<results>/study/<model>/{form}.json",
    log:
        "<logs>/study/<model>/evaluate-{form}.log",
    benchmark:
        "<benchmarks>/study/<model>/evaluate-{form}.tsv"
    wildcard_constraints:
        form="float|int8",
