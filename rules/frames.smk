"""Frames to pixels.

In: frames, rendered by `render_belt`, fetched by `fetch_masks`, or your own folder.
Out: index/frames.csv and index/quarantine.csv, pixels/<size>.npy, pixels/<selection>-<part>-<size>.npy.
"""


# Decoding and embedding in so many jobs, each of a contiguous part of the frames.
scattergather:
    frames=SHARDS,


rule render_belt:
    """Render the built-in dataset: a conveyor belt with masks on it."""
    input:
        code=modules_of("scripts/render_belt.py"),
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
        **settings("belt", "frames", "seed"),
    script:
        "../scripts/render_belt.py"


rule fetch_masks:
    """Fetch the tutorial's frames, or take them from a local copy, and check every file."""
    input:
        sums=here("config/masks.sha256"),
        code=modules_of("scripts/fetch_masks.py"),
    output:
        frames=directory(f"data/{NAME}/frames"),
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
        source=SOURCE,
        url=config["dataset"]["url"],
    script:
        "../scripts/fetch_masks.py"


rule index_frames:
    """List every file with its hash, size and place in its sequence; set aside what cannot be used."""
    input:
        folder=[] if KIND == "folder" else FRAMES,
        code=modules_of("scripts/index_frames.py"),
    output:
        frames="<results>/index/frames.csv",
        quarantine="<results>/index/quarantine.csv",
    log:
        "<logs>/index_frames.log",
    benchmark:
        "<benchmarks>/index_frames.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 4
    resources:
        mem_mb=memory(500 + 0.005 * FOUND, each=300),
        runtime=minutes(60),
    params:
        **settings("dataset", "classes", "max_pixels"),
        folder=frames_folder,
        content=CONTENT,
        cache=SEEN,
    script:
        "../scripts/index_frames.py"


rule decode_frames:
    """Decode a shard of the usable frames, through the camera's arithmetic, but for those decoded in an earlier run."""
    input:
        folder=FETCHED,
        frames="<results>/index/frames.csv",
        code=modules_of("scripts/decode_frames.py"),
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
        **settings("camera", "side"),
        folder=frames_folder,
        former=f"results/{NAME}/pixels/{{size}}.npy",
    script:
        "../scripts/decode_frames.py"


rule gather_pixels:
    """Join the shards' pixels, row i for the i-th usable frame."""
    input:
        parts=gather.frames("<results>/pixels/{{size}}/{scatteritem}.npy"),
        certificates=gather.frames("<results>/pixels/{{size}}/{scatteritem}.rows.npy"),
        code=modules_of("scripts/gather_pixels.py"),
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
    """Decode a part of the split as the sensor would see it: to train on variants of it, or to test on it as it is."""
    input:
        split="<results>/split/{selection}.csv",
        folder=FETCHED,
        code=modules_of("scripts/decode_part.py"),
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
        folder=frames_folder,
    script:
        "../scripts/decode_part.py"
