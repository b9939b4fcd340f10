"""A cache on disk of the frozen trunk's outputs for augmented views of the training photos.

On a CPU the first layers cost most of a training step although nothing in them changes:
so their output is computed once for a few augmented views of each photo and kept in a
memory-mapped file of half-precision numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2  # type: ignore[import-untyped]

from captioner.device import fast
from captioner.encoder import Encoder
from captioner.image_file import decode_photo, to_tensor

_BATCH = 32


@dataclass(frozen=True)
class View:
    """Which augmentations make one view of every photo."""

    crop: bool
    flip: bool


PLAIN = (View(crop=False, flip=False),)


def training_views(count: int) -> tuple[View, ...]:
    """The photo, its mirror image, then random crops, every second one mirrored."""
    return tuple(View(crop=index > 1, flip=index % 2 == 1) for index in range(count))


class ViewCache:
    """Trunk outputs of V views of N photos, [V,N,c,h,w] float16 on disk."""

    def __init__(self, stems: np.ndarray, views: Sequence[View]) -> None:
        self.stems = stems
        self.views = tuple(views)

    def __len__(self) -> int:
        return int(self.stems.shape[1])

    def take(self, views: np.ndarray, photos: np.ndarray) -> Tensor:
        """One view of each photo: float32 [B,c,h,w]."""
        return torch.from_numpy(self.stems[views, photos]).float()


def cache_views(
    encoder: Encoder,
    photos: Sequence[Path],
    views: Sequence[View],
    file: Path,
    seed: int,
    advance: Callable[[int], None],
) -> ViewCache:
    """Open the cache file, or make it; a killed run leaves a `.tmp` that is made anew.

    `advance` is told the number of photos done. Raises UnreadablePhoto.
    """
    if file.is_file():
        stems = np.load(file, mmap_mode="r")
        if stems.shape[:2] == (len(views), len(photos)):
            return ViewCache(stems, views)
    torch.manual_seed(seed)
    partial = file.with_suffix(".tmp")
    _write(encoder, photos, views, partial, advance)
    partial.replace(file)
    return ViewCache(np.load(file, mmap_mode="r"), views)


@torch.inference_mode()
def _write(
    encoder: Encoder,
    photos: Sequence[Path],
    views: Sequence[View],
    file: Path,
    advance: Callable[[int], None],
) -> None:
    stems: np.ndarray | None = None
    size = encoder.config.image_size
    for start in range(0, len(photos), _BATCH):
        batch = [
            to_tensor(decode_photo(path.read_bytes()), size)
            for path in photos[start : start + _BATCH]
        ]
        for number, view in enumerate(views):
            stem = _stem(encoder, torch.stack([_augment(photo, view) for photo in batch]))
            if stems is None:
                shape = (len(views), len(photos), *stem.shape[1:])
                stems = np.lib.format.open_memmap(file, "w+", np.float16, shape)
            stems[number, start : start + len(batch)] = stem
        advance(len(batch))
    if stems is not None:
        stems.flush()  # type: ignore[attr-defined]


def _stem(encoder: Encoder, pixels: Tensor) -> np.ndarray:
    device = encoder.mean.device
    with fast(device):
        stem = encoder.stem(pixels.to(device))
    return stem.float().cpu().numpy().astype(np.float16)


def _augment(photo: Tensor, view: View) -> Tensor:
    if view.crop:
        size = photo.shape[-1]
        crop = v2.RandomResizedCrop(size, scale=(0.6, 1.0), ratio=(0.8, 1.25), antialias=True)
        photo = v2.ColorJitter(0.3, 0.3, 0.3)(crop(photo))
    return photo.flip(-1) if view.flip else photo
