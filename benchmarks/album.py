"""Captioned photos as batches of pixels, with a progress bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from captioner.dataset import CaptionedPhoto
from captioner.photo import decode_photo, to_tensor

_BATCH = 50


def pixel_batches(photos: Sequence[CaptionedPhoto], size: int) -> Iterator[Tensor]:
    """uint8 [B,3,size,size], in order."""
    for start in tqdm(range(0, len(photos), _BATCH), desc="photos", leave=False):
        batch = photos[start : start + _BATCH]
        yield torch.stack(
            [to_tensor(decode_photo(photo.path.read_bytes()), size) for photo in batch]
        )
