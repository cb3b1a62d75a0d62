"""Frames to pixels.

In:  frames, rendered by `render_belt`, fetched by `fetch_masks`, or your own folder
Out: index/frames.csv
     index/quarantine.csv
     index/summary.json
     pixels/<size>.npy
     pixels/<selection>-<part>-<size>.npy
     pixels/<selection>-<part>-<size>.csv
"""


# Each shard is one job of decoding and embedding, for a contiguous part of the frames.
scattergather:
    frames=settings.shards,


rule render_belt:
    """Render the frames of the built-in line, a conveyor belt with masks on it."""
    input:
        code=job_files.code_of("scripts/render_belt.py"),
    output:
        frames=directory("<results>/frames"),
        truth="<results>/truth.csv",
    log:
        "<logs>/render_belt.log",
    benchmark:
        "<benchmarks>/render_belt.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 4
    resources:
        mem_mb=memory(300, each=200),
        runtime=minutes(60),
    params:
        frames=settings.belt.frames,
        seed=settings.belt.seed,
        defects=settings.belt.defects,
        region=plan.region.as_param() if settings.camera.roi else None,
    script:
        "../scripts/render_belt.py"


rule fetch_masks:
    """Fetch the tutorial's frames, or take them from a local copy, and check every file."""
    input:
        sums=job_files.local_file(own_file("config/masks.sha256")),
        code=job_files.code_of("scripts/fetch_masks.py"),
    output:
        frames=directory(f"data/{plan.name}/frames"),
    log:
        "<logs>/fetch_masks.log",
    benchmark:
        "<benchmarks>/fetch_masks.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(60),
    params:
        source=settings.dataset.source,
        url=settings.dataset.url,
    script:
        "../scripts/fetch_masks.py"


rule index_frames:
    """List every frame's file with its hash, size and place in its sequence; set aside files that cannot be used."""
    input:
        folder=[] if settings.dataset.kind == "folder" else plan.frames_folder,
        code=job_files.code_of("scripts/index_frames.py"),
    output:
        frames="<results>/index/frames.csv",
        quarantine="<results>/index/quarantine.csv",
        summary="<results>/index/summary.json",
    log:
        "<logs>/index_frames.log",
    benchmark:
        "<benchmarks>/index_frames.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 4
    resources:
        mem_mb=memory(500 + 0.005 * len(files_found.files), each=300),
        runtime=minutes(60),
    params:
        # In another order they are the same here.
        classes=sorted(plan.classes),
        max_pixels=settings.dataset.max_pixels,
        every=settings.dataset.every,
        damaged=settings.dataset.damaged,
        # The middle square is that of any frame, whatever its side is.
        region=None if plan.region.side else plan.region.as_param(),
        given=plan.strategies == ["given"],
        folder=job_files.frames_folder,
        content=digest_of(files_found) if scanned else "",
        cache=plan.hashes_cache,
    script:
        "../scripts/index_frames.py"


rule decode_frames:
    """Decode the frames as the camera sees them, one shard of them a job. Frames decoded earlier are copied."""
    input:
        folder=job_files.frames_input,
        frames="<results>/index/frames.csv",
        # All long steps come after this one. So if a check fails here, none of them has begun.
        checked=ancient(plan.cheap_checks),
        code=job_files.code_of("scripts/decode_frames.py"),
    output:
        pixels=temp("<results>/pixels/{size}/{scatteritem}.npy"),
        certificate=temp("<results>/pixels/{size}/{scatteritem}.rows.npy"),
    log:
        "<logs>/decode_frames-{size}-{scatteritem}.log",
    benchmark:
        "<benchmarks>/decode_frames-{size}-{scatteritem}.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 4
    resources:
        mem_mb=memory(1000, each=300),
        runtime=minutes(120),
    params:
        region=plan.region.as_param(),
        folder=job_files.frames_folder,
        former=lambda wildcards: plan.pixels(wildcards.size),
    script:
        "../scripts/decode_frames.py"


rule gather_pixels:
    """Gather the decoded frames in one array, from all shards. It has a row for each usable frame, in the order of the index."""
    input:
        parts=gather.frames("<results>/pixels/{{size}}/{scatteritem}.npy"),
        certificates=gather.frames("<results>/pixels/{{size}}/{scatteritem}.rows.npy"),
        code=job_files.code_of("scripts/gather_pixels.py"),
    output:
        pixels="<results>/pixels/{size}.npy",
    log:
        "<logs>/gather_pixels-{size}.log",
    benchmark:
        "<benchmarks>/gather_pixels-{size}.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(60),
    script:
        "../scripts/gather_pixels.py"


rule decode_part:
    """Decode the training or the test frames as the sensor sees them, without the camera's resize."""
    input:
        split="<results>/split/{selection}.csv",
        folder=job_files.frames_input,
        code=job_files.code_of("scripts/decode_part.py"),
    output:
        pixels="<results>/pixels/{selection}-{part}-{size}.npy",
        frames="<results>/pixels/{selection}-{part}-{size}.csv",
    log:
        "<logs>/decode_part-{selection}-{part}-{size}.log",
    benchmark:
        "<benchmarks>/decode_part-{selection}-{part}-{size}.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 4
    resources:
        mem_mb=memory(500, each=300),
        runtime=minutes(60),
    params:
        region=plan.region.as_param(),
        folder=job_files.frames_folder,
    script:
        "../scripts/decode_part.py"


rule decode_sample:
    """Decode a random sample of the frames that are not for the test, as the sensor sees them, to pretrain on."""
    input:
        frames=ancient("<results>/index/frames.csv"),
        test=ancient("<results>/select/test.csv"),
        folder=job_files.frames_input,
        code=job_files.code_of("scripts/decode_sample.py"),
    output:
        pixels="<results>/pixels/sample-{size}.npy",
        frames="<results>/pixels/sample-{size}.csv",
    log:
        "<logs>/decode_sample-{size}.log",
    benchmark:
        "<benchmarks>/decode_sample-{size}.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 4
    resources:
        mem_mb=memory(500 + settings.pretrain.taught.views // 2, each=300),
        runtime=minutes(60),
    params:
        region=plan.region.as_param(),
        folder=job_files.frames_folder,
        number=settings.pretrain.taught.views,
        seed=settings.pretrain.seed,
    script:
        "../scripts/decode_sample.py"
