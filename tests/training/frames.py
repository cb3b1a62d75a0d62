"""Frames to train on, made up in the tests."""

import numpy as np
import torch
from numpy.typing import NDArray


def some_frames(count: int, side: int, seed: int = 0, width: int | None = None) -> NDArray[np.uint8]:
    """Smooth pictures without a symmetry: an interpolation a little elsewhere is a little different.

    They are `side` high, and `width` wide, or square where that is None.
    """
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(0, 255, (count, 3, 7, 7)))
    smooth = torch.nn.functional.interpolate(coarse, (side, width or side), mode="bicubic", align_corners=True)
    return smooth.permute(0, 2, 3, 1).numpy().clip(0, 255).astype(np.uint8)
