"""Float model to quantized TFLite.

In: finetune/<model>/model.safetensors. Out: onnx/<model>/model.onnx and check.json, savedmodel/<model>,
quantize/<model>/<range>/model.tflite.
"""


rule export_onnx:
    """Export as ONNX, check it, run it in onnxruntime against PyTorch."""
    input:
        model="<results>/finetune/<model>/model.safetensors",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=modules_of("scripts/export_onnx.py"),
    output:
        onnx="<results>/onnx/<model>/model.onnx",
        check="<results>/onnx/<model>/check.json",
    log:
        "<logs>/export_onnx/<model>.log",
    benchmark:
        "<benchmarks>/export_onnx/<model>.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        classes=CLASSES,
    script:
        "../scripts/export_onnx.py"


rule convert_savedmodel:
    """ONNX to a TensorFlow SavedModel: the slow step, once for all ranges."""
    input:
        onnx="<results>/onnx/<model>/model.onnx",
        code=modules_of("scripts/convert_savedmodel.py"),
    output:
        savedmodel=directory("<results>/savedmodel/<model>"),
    log:
        "<logs>/convert_savedmodel/<model>.log",
    benchmark:
        "<benchmarks>/convert_savedmodel/<model>.tsv"
    conda:
        "../envs/tensorflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    script:
        "../scripts/convert_savedmodel.py"


rule quantize:
    """SavedModel to int8 TFLite: calibrated, or with one fixed range for all activations."""
    input:
        savedmodel="<results>/savedmodel/<model>",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=modules_of("scripts/quantize.py"),
    output:
        tflite="<results>/quantize/<model>/{range}/model.tflite",
    log:
        "<logs>/quantize/<model>/{range}.log",
    benchmark:
        "<benchmarks>/quantize/<model>/{range}.tsv"
    conda:
        "../envs/tensorflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(20),
    params:
        span=lambda wildcards: RANGES[wildcards.range],
        frames=config["quantize"]["calibration_frames"],
    script:
        "../scripts/quantize.py"
