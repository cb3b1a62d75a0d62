"""Models to figures, and to the choice between them.

In: a model in each of its forms (float, onnx, and the TFLite file of each range). Out: predict/<model>/<form>.csv,
evaluate/<model>/<form>.json, firmware/<model>/<range>/<board>.json, choice.json.
Of the choice, on cleanly resized test frames: predict/clean.csv, evaluate/clean.json; over several frames in a row, as
main.py decides: predict/votes.csv, evaluate/votes.json.
"""

# Over how many frames votes are evaluated.
VOTES = sorted({1, 3, 5, config["bundle"]["votes"]})


rule predict_float:
    """Probabilities of every frame of the split, in PyTorch."""
    input:
        model="<results>/finetune/<model>/model.safetensors",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=modules_of("scripts/predict_float.py"),
    output:
        predictions="<results>/predict/<model>/float.csv",
    log:
        "<logs>/predict_float/<model>.log",
    benchmark:
        "<benchmarks>/predict_float/<model>.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(20),
    params:
        classes=CLASSES,
    script:
        "../scripts/predict_float.py"


rule predict_onnx:
    """The same in onnxruntime."""
    input:
        onnx="<results>/onnx/<model>/model.onnx",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=modules_of("scripts/predict_onnx.py"),
    output:
        predictions="<results>/predict/<model>/onnx.csv",
    log:
        "<logs>/predict_onnx/<model>.log",
    benchmark:
        "<benchmarks>/predict_onnx/<model>.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(20),
    params:
        classes=CLASSES,
    script:
        "../scripts/predict_onnx.py"


rule predict_tflite:
    """Of the frames it is judged on, in TensorFlow Lite Micro, as on the camera; and what the model costs there."""
    input:
        tflite="<results>/quantize/<model>/{range}/model.tflite",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=modules_of("scripts/predict_tflite.py"),
    output:
        predictions="<results>/predict/<model>/{range}.csv",
        cost="<results>/predict/<model>/{range}.json",
    log:
        "<logs>/predict_tflite/<model>/{range}.log",
    benchmark:
        "<benchmarks>/predict_tflite/<model>/{range}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 8
    resources:
        mem_mb=memory(300, each=200),
        runtime=minutes(30),
    params:
        classes=CLASSES,
    script:
        "../scripts/predict_tflite.py"


rule evaluate:
    """Accuracy, recall and precision on the test frames, paired with the float model."""
    input:
        predictions="<results>/predict/<model>/{form}.csv",
        reference="<results>/predict/<model>/float.csv",
        cost=lambda wildcards: branch(
            wildcards.form in RANGES,
            then="<results>/predict/<model>/{form}.json",
            otherwise=[],
        ),
        thresholds="<results>/finetune/<model>/thresholds.json",
        near="<results>/near/{selection}.csv",
        code=modules_of("scripts/evaluate.py"),
    output:
        metrics="<results>/evaluate/<model>/{form}.json",
    log:
        "<logs>/evaluate/<model>/{form}.log",
    benchmark:
        "<benchmarks>/evaluate/<model>/{form}.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    params:
        classes=CLASSES,
        confidence=config["evaluate"]["confidence"],
    script:
        "../scripts/evaluate.py"


rule check_firmware:
    """Would the board's firmware load this file, and compute the right thing, in its memory and in time?"""
    input:
        tflite="<results>/quantize/<model>/{range}/model.tflite",
        code=modules_of("scripts/check_firmware.py"),
    output:
        findings="<results>/firmware/<model>/{range}/{board}.json",
        model="<results>/firmware/<model>/{range}/{board}.tflite",
    log:
        "<logs>/check_firmware/<model>/{range}/{board}.log",
    benchmark:
        "<benchmarks>/check_firmware/<model>/{range}/{board}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(10),
    params:
        **settings("bundle", "place", "firmware", "latency_ms"),
        board=lambda wildcards: boards[wildcards.board],
        measured=lambda wildcards: config["bundle"]["measured"].get(wildcards.board),
    script:
        "../scripts/check_firmware.py"


rule choose:
    """Which model and which range go into the bundles, chosen without the test labels."""
    input:
        scores=sorted({entry["score"] for entry in CANDIDATES}),
        metrics=[entry["metrics"] for entry in CANDIDATES],
        firmware=FIRMWARE,
        code=modules_of("scripts/choose.py"),
    output:
        choice=report(
            "<results>/choice.json",
            category="linecam",
            caption="captions/choice.rst",
        ),
    log:
        "<logs>/choose.log",
    benchmark:
        "<benchmarks>/choose.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    params:
        candidates=at_hand(CANDIDATES),
    script:
        "../scripts/choose.py"


rule predict_clean:
    """The chosen model in TensorFlow Lite Micro on test frames that didn't go through the camera's arithmetic."""
    input:
        choice="<results>/choice.json",
        models=[entry["tflite"] for entry in CANDIDATES],
        pixels=expand(f"<results>/pixels/{SELECTIONS[0]}-test-{{size}}.npy", size=SIZES),
        frames=expand(f"<results>/pixels/{SELECTIONS[0]}-test-{{size}}.csv", size=SIZES),
        code=modules_of("scripts/predict_clean.py"),
    output:
        predictions="<results>/predict/clean.csv",
    log:
        "<logs>/predict_clean.log",
    benchmark:
        "<benchmarks>/predict_clean.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 8
    resources:
        mem_mb=memory(300, each=200),
        runtime=minutes(30),
    params:
        candidates=at_hand(CANDIDATES),
        sizes=SIZES,
        classes=CLASSES,
    script:
        "../scripts/predict_clean.py"


rule evaluate_clean:
    """What the camera's arithmetic costs the chosen model, paired on the test frames; nothing is chosen by it."""
    input:
        choice="<results>/choice.json",
        predictions=[
            path for entry in TRAINED for path in entry["predictions"].values()
        ],
        clean="<results>/predict/clean.csv",
        code=modules_of("scripts/evaluate_clean.py"),
    output:
        metrics="<results>/evaluate/clean.json",
    log:
        "<logs>/evaluate_clean.log",
    benchmark:
        "<benchmarks>/evaluate_clean.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    params:
        models=at_hand(TRAINED),
        classes=CLASSES,
        confidence=config["evaluate"]["confidence"],
    script:
        "../scripts/evaluate_clean.py"


rule predict_votes:
    """The chosen model in TensorFlow Lite Micro on the frames before and after each test frame."""
    input:
        choice="<results>/choice.json",
        models=[entry["tflite"] for entry in CANDIDATES],
        pixels=expand("<results>/pixels/{size}.npy", size=SIZES),
        frames="<results>/index/frames.csv",
        split=f"<results>/split/{SELECTIONS[0]}.csv",
        code=modules_of("scripts/predict_votes.py"),
    output:
        votes="<results>/predict/votes.csv",
    log:
        "<logs>/predict_votes.log",
    benchmark:
        "<benchmarks>/predict_votes.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 8
    resources:
        mem_mb=memory(300, each=200, of_input=0.1),
        runtime=minutes(30),
    params:
        candidates=at_hand(CANDIDATES),
        sizes=SIZES,
        classes=CLASSES,
        reach=max(VOTES) // 2,
    script:
        "../scripts/predict_votes.py"


rule evaluate_votes:
    """What main.py's vote over several frames brings, paired with single frames; nothing is chosen by it."""
    input:
        choice="<results>/choice.json",
        thresholds=sorted({entry["thresholds"] for entry in CANDIDATES}),
        votes="<results>/predict/votes.csv",
        code=modules_of("scripts/evaluate_votes.py"),
    output:
        metrics="<results>/evaluate/votes.json",
    log:
        "<logs>/evaluate_votes.log",
    benchmark:
        "<benchmarks>/evaluate_votes.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    params:
        **settings("bundle", "votes"),
        candidates=at_hand(CANDIDATES),
        classes=CLASSES,
        sizes=VOTES,
        confidence=config["evaluate"]["confidence"],
    script:
        "../scripts/evaluate_votes.py"
