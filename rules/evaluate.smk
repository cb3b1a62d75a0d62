"""Models to figures, and to the choice between them.

In:  a model in each of its forms: float, onnx, and the TFLite file of each range
Out: predict/<model>/<form>.csv
     evaluate/<model>/<form>.json
     firmware/<model>/<range>/<board>.json and .tflite
     choice.json
     predict/clean.csv and evaluate/clean.json, of the choice on cleanly resized test frames
     predict/votes.csv and evaluate/votes.json, of the choice over several frames in a row, as main.py decides
     explain/mistakes.csv and .npy, of the choice in float: where it looks in the test frames that it judges wrong
     explain/map.csv, of the choice in float, on the unlabelled frames of the report's map
     evaluate/layers.json, of the choice: where the quantization error arises
"""


rule predict_float:
    """Judge all frames of the split with the float model, in PyTorch."""
    input:
        model=trained_weights,
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=job_files.code_of("scripts/predict_float.py"),
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
        classes=plan.classes,
    script:
        "../scripts/predict_float.py"


rule predict_onnx:
    """Judge all frames of the split with the ONNX model, in onnxruntime."""
    input:
        onnx="<results>/onnx/<model>/model.onnx",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=job_files.code_of("scripts/predict_onnx.py"),
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
        classes=plan.classes,
    script:
        "../scripts/predict_onnx.py"


rule predict_tflite:
    """Judge test and unlabelled frames with the int8 model, as on the camera, and measure its memory."""
    input:
        tflite="<results>/quantize/<model>/{range}/model.tflite",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=job_files.code_of("scripts/predict_tflite.py"),
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
        classes=plan.classes,
    script:
        "../scripts/predict_tflite.py"


rule evaluate:
    """Evaluate one form of the model on the test frames. Compare it with the float form."""
    input:
        predictions="<results>/predict/<model>/{form}.csv",
        reference="<results>/predict/<model>/float.csv",
        split="<results>/split/{selection}.csv",
        # Only int8 forms have a cost on the board.
        cost=branch(
            lambda wildcards: wildcards.form in {"float", "onnx"},
            then=[],
            otherwise="<results>/predict/<model>/{form}.json",
        ),
        # A study compares models by accuracy alone.
        thresholds=branch(
            lambda wildcards: wildcards.stage,
            then=[],
            otherwise="<results>/finetune/<training>/thresholds.json",
        ),
        near=branch(
            lambda wildcards: wildcards.stage,
            then=[],
            otherwise="<results>/near/{selection}.csv",
        ),
        code=job_files.code_of("scripts/evaluate.py"),
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
        classes=plan.classes,
        confidence=settings.evaluate.confidence,
    script:
        "../scripts/evaluate.py"


rule check_firmware:
    """Check whether the board's firmware takes the int8 model, in its memory and within the time budget."""
    input:
        tflite="<results>/quantize/<model>/{range}/model.tflite",
        code=job_files.code_of("scripts/check_firmware.py"),
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
        place=settings.bundle.place,
        firmware=settings.bundle.firmware,
        latency_ms=settings.bundle.latency_ms,
        board=lambda wildcards: plan.boards[wildcards.board].as_dict(),
        measured=lambda wildcards: plan.measured(wildcards.board),
    script:
        "../scripts/check_firmware.py"


rule choose:
    """Choose the model and the quantization range for the bundles, without the test labels, and say where it is weak."""
    input:
        scores=plan.candidate_files("score"),
        held_out=plan.candidate_files("held_out"),
        histories=plan.candidate_files("history"),
        metrics=plan.candidate_files("metrics"),
        firmware=plan.candidate_files("firmware"),
        code=job_files.code_of("scripts/choose.py"),
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
        candidates=job_files.as_job_has_them(plan.candidate_params),
        classes=plan.classes,
        batch_size=settings.finetune.batch_size,
        label_smoothing=settings.finetune.label_smoothing,
        confidence=settings.evaluate.confidence,
    script:
        "../scripts/choose.py"


rule predict_clean:
    """Judge the test frames with the chosen model, resized cleanly instead of by the camera's arithmetic."""
    input:
        choice="<results>/choice.json",
        models=plan.candidate_files("tflite"),
        pixels=expand("<results>/pixels/<first>-test-{size}.npy", size=plan.input_sizes),
        frames=expand("<results>/pixels/<first>-test-{size}.csv", size=plan.input_sizes),
        code=job_files.code_of("scripts/predict_clean.py"),
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
        candidates=job_files.as_job_has_them(plan.candidate_params),
        sizes=plan.input_sizes,
        classes=plan.classes,
    script:
        "../scripts/predict_clean.py"


rule evaluate_clean:
    """Compare the chosen model with and without the camera's arithmetic, test frame by test frame."""
    input:
        choice="<results>/choice.json",
        predictions=plan.trained_files("predictions"),
        clean="<results>/predict/clean.csv",
        code=job_files.code_of("scripts/evaluate_clean.py"),
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
        models=job_files.as_job_has_them(plan.trained_params),
        classes=plan.classes,
        confidence=settings.evaluate.confidence,
    script:
        "../scripts/evaluate_clean.py"


rule predict_votes:
    """Judge the frames before and after each test frame with the chosen model."""
    input:
        choice="<results>/choice.json",
        models=plan.candidate_files("tflite"),
        pixels=expand("<results>/pixels/{size}.npy", size=plan.input_sizes),
        frames="<results>/index/frames.csv",
        split="<results>/split/<first>.csv",
        code=job_files.code_of("scripts/predict_votes.py"),
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
        candidates=job_files.as_job_has_them(plan.candidate_params),
        sizes=plan.input_sizes,
        classes=plan.classes,
        reach=max(plan.votes) // 2,
    script:
        "../scripts/predict_votes.py"


rule evaluate_votes:
    """Compare main.py's vote over several frames with single frames, test frame by test frame."""
    input:
        choice="<results>/choice.json",
        thresholds=plan.candidate_files("thresholds"),
        evaluated=plan.candidate_files("metrics"),
        votes="<results>/predict/votes.csv",
        frames="<results>/index/frames.csv",
        pixels=plan.pixels(plan.input_sizes[0]),
        code=job_files.code_of("scripts/evaluate_votes.py"),
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
        mem_mb=memory(500, of_input=0.1),
        runtime=minutes(10),
    params:
        votes=settings.bundle.votes,
        candidates=job_files.as_job_has_them(plan.candidate_params),
        classes=plan.classes,
        sizes=plan.votes,
        confidence=settings.evaluate.confidence,
    script:
        "../scripts/evaluate_votes.py"


rule explain:
    """Show where the float model looks in the test frames that it judges wrong, and judge the frames of the map."""
    input:
        choice="<results>/choice.json",
        weights=expand(
            "<results>/finetune/{name}/model.safetensors", name=plan.competing
        ),
        predictions=expand("<results>/predict/{name}/float.csv", name=plan.competing),
        pixels=expand("<results>/pixels/{size}.npy", size=plan.input_sizes),
        split="<results>/split/<first>.csv",
        places="<results>/map/places.csv",
        code=job_files.code_of("scripts/explain.py"),
    output:
        mistakes="<results>/explain/mistakes.csv",
        heat="<results>/explain/mistakes.npy",
        judged="<results>/explain/map.csv",
    log:
        "<logs>/explain.log",
    benchmark:
        "<benchmarks>/explain.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500, of_input=0.1),
        runtime=minutes(20),
    params:
        models=[str(model) for model in plan.competing],
        sizes=plan.input_sizes,
        classes=plan.classes,
    script:
        "../scripts/explain.py"


rule compare_layers:
    """Compare the chosen int8 model with float32, operator by operator: where the quantization error arises."""
    input:
        choice="<results>/choice.json",
        models=plan.candidate_files("tflite"),
        savedmodels=expand("<results>/savedmodel/{name}", name=plan.competing),
        pixels=expand("<results>/pixels/{size}.npy", size=plan.input_sizes),
        split="<results>/split/<first>.csv",
        code=job_files.code_of("scripts/compare_layers.py"),
    output:
        errors="<results>/evaluate/layers.json",
    log:
        "<logs>/compare_layers.log",
    benchmark:
        "<benchmarks>/compare_layers.tsv"
    conda:
        "../envs/tensorflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(20),
    params:
        candidates=job_files.as_job_has_them(plan.candidate_params),
        models=[str(model) for model in plan.competing],
        sizes=plan.input_sizes,
    script:
        "../scripts/compare_layers.py"
