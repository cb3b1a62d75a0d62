"""Small videos, for the tests of what reads frames."""

from pathlib import Path

import av
import numpy as np

COUNT = 60
KINDS = {
    "a.mp4": ("libx264", "yuv420p", {"g": "12", "bf": "2"}),
    "a.mkv": ("libx264", "yuv420p", {"g": "250"}),
    "a.avi": ("mpeg4", "yuv420p", {"g": "12", "bf": "2"}),
    "a.mov": ("mjpeg", "yuvj420p", {}),
    "a.mpg": ("mpeg2video", "yuv420p", {"g": "12", "bf": "2"}),
}


def film(path: Path, count: int = COUNT) -> Path:
    """A video in which a bar moves one pixel a frame; its kind goes by the suffix."""
    codec, pixels, options = KINDS[f"a{path.suffix.lower()}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 120, pixels
        for number in range(count):
            image = np.full((120, 160, 3), 40, np.uint8)
            image[:, number + 20 : number + 40] = (220, 200, 60)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path
