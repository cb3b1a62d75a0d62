"""Frames to pixels.

In: frames, rendered by `render_belt`, fetched by `fetch_masks`, or your own folder.
Out: index/frames.csv and index/quarantine.csv, pixels/<size>.npy, pixels/<size>-clean.npy.
"""


rule render_belt:
    """Render the built-in dataset: a conveyor belt with masks on it."""
    input:
        code=sources("scripts/render_belt.py"),
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
    params:
        **settings("belt", "frames", "seed"),
    script:
        "../scripts/render_belt.py"


rule fetch_masks:
    """Fetch the tutorial's frames, or take them from a local copy, and check every file."""
    input:
        sums="config/masks.sha256",
        code=sources("scripts/fetch_masks.py"),
    output:
        frames=directory(f"data/{NAME}/frames"),
    log:
        "<logs>/fetch_masks.log",
    benchmark:
        "<benchmarks>/fetch_masks.tsv"
    conda:
        "../envs/plain.yaml"
    params:
        source=SOURCE,
        url=config["dataset"]["url"],
    script:
        "../scripts/fetch_masks.py"


rule index_frames:
    """List every file with its hash, size and place in its sequence; set aside what cannot be used."""
    input:
        folder=[] if KIND == "folder" else FRAMES,
        code=sources("scripts/index_frames.py"),
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
    params:
        **settings("dataset", "classes", "max_pixels"),
        folder=lambda wildcards, input: input.folder or SOURCE,
        content=CONTENT,
        cache=SEEN,
    script:
        "../scripts/index_frames.py"


rule decode_frames:
    """Decode every usable frame once, through the camera's arithmetic, into one uint8 array."""
    input:
        frames="<results>/index/frames.csv",
        code=sources("scripts/decode_frames.py"),
    output:
        pixels="<results>/pixels/{size}.npy",
    log:
        "<logs>/decode_frames-{size}.log",
    benchmark:
        "<benchmarks>/decode_frames-{size}.tsv"
    conda:
        "../envs/plain.yaml"
    threads: 4
    params:
        **settings("camera", "side"),
        folder=FRAMES,
    script:
        "../scripts/decode_frames.py"


rule decode_clean:
    """Decode the test frames once more, resized cleanly, to say what the camera's arithmetic costs."""
    input:
        # Only the first selection's models compete, so only they are evaluated on clean frames.
        split=f"<results>/split/{SELECTIONS[0]}.csv",
        code=sources("scripts/decode_clean.py"),
    output:
        pixels="<results>/pixels/{size}-clean.npy",
        frames="<results>/pixels/{size}-clean.csv",
    log:
        "<logs>/decode_clean-{size}.log",
    conda:
        "../envs/plain.yaml"
    threads: 4
    params:
        folder=FRAMES,
    script:
        "../scripts/decode_clean.py"
