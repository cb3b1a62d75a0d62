"""Float model to quantized TFLite.

In:  finetune/<training>/model.safetensors, or weights.safetensors of a model of a study
     pixels/<size>.npy
     split/<selection>.csv
Out: onnx/<model>/model.onnx
     onnx/<model>/check.json
     savedmodel/<model>
     quantize/<model>/<range>/model.tflite
"""


rule export_onnx:
    """Export the model as ONNX, and check it in onnxruntime against PyTorch."""
    input:
        model=trained_weights,
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=job_files.code_of("scripts/export_onnx.py"),
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
        classes=plan.classes,
    script:
        "../scripts/export_onnx.py"


rule convert_savedmodel:
    """Convert ONNX to a TensorFlow SavedModel, the slow step, once for all ranges."""
    input:
        onnx="<results>/onnx/<model>/model.onnx",
        code=job_files.code_of("scripts/convert_savedmodel.py"),
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
    """Quantize the SavedModel to int8 TFLite, with calibrated ranges or one fixed range for all activations."""
    input:
        savedmodel="<results>/savedmodel/<model>",
        pixels=pixels,
        split="<results>/split/{selection}.csv",
        code=job_files.code_of("scripts/quantize.py"),
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
        span=lambda wildcards: plan.ranges.get(wildcards.range),
        frames=settings.quantize.calibration_frames,
    script:
        "../scripts/quantize.py"
