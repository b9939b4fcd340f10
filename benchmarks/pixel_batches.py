"""Photo files as batches of pixels, with a progress bar; shared by several benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from captioner.image_file import decode_photo, to_tensor

_BATCH = 50


def pixel_batches(files: Sequence[Path], size: int) -> Iterator[NDArray[np.uint8]]:
    """uint8 [B,3,size,size], in order."""
    for start in tqdm(range(0, len(files), _BATCH), desc="photos", leave=False):
        batch = files[start : start + _BATCH]
        yield np.stack([to_tensor(decode_photo(file.read_bytes()), size) for file in batch])
