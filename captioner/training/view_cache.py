"""A cache on disk of the frozen trunk's outputs for augmented views of the training photos.

On a CPU the first layers cost most of a training step although nothing in them changes:
so their output is computed once for a few augmented views of each photo and kept in a
memory-mapped file of half-precision numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2  # type: ignore[import-untyped]

from captioner.device import fast
from captioner.encoder import Encoder
from captioner.image_file import decode_photo, to_tensor
from captioner.machine import cores

_BATCH = 32


@dataclass(frozen=True)
class View:
    """Which augmentations make one view of every photo."""

    crop: bool


PLAIN = (View(crop=False),)


def training_views(count: int) -> tuple[View, ...]:
    """The photo, then random crops; batches mirror every second one."""
    return tuple(View(crop=index > 0) for index in range(count))


class Views:
    """Trunk outputs of V views of the photos of several sets, float16 on disk.

    `parts[s]` [V,N,c,h,w] are those of one set; photos are counted through all of them.
    """

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self.parts = tuple(parts)
        self.starts = np.cumsum([0, *(part.shape[1] for part in parts)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def count(self) -> int:
        """How many views there are of each photo."""
        return min(int(part.shape[0]) for part in self.parts)

    def take(self, views: np.ndarray, photos: np.ndarray) -> Tensor:
        """One view of each photo: float32 [B,c,h,w]."""
        stems = np.empty((len(photos), *self.parts[0].shape[2:]), np.float32)
        of_set = np.searchsorted(self.starts, photos, side="right") - 1
        for number, part in enumerate(self.parts):
            rows = np.flatnonzero(of_set == number)
            stems[rows] = part[views[rows], photos[rows] - self.starts[number]]
        return torch.from_numpy(stems)


def cache_views(
    encoder: Encoder,
    photos: Sequence[Path],
    views: Sequence[View],
    file: Path,
    seed: int,
    advance: Callable[[int], None],
) -> np.ndarray:
    """Trunk outputs [V,N,c,h,w] of one set: open the cache file, or make it.

    A killed run leaves a `.tmp` that is made anew. `advance` is told the number of photos done.
    Raises UnreadablePhoto.
    """
    if file.is_file():
        stems: np.ndarray = np.load(file, mmap_mode="r")
        if stems.shape[:2] == (len(views), len(photos)):
            return stems
    torch.manual_seed(seed)
    unfinished = file.with_suffix(".tmp")
    _write(encoder, photos, views, unfinished, advance)
    unfinished.replace(file)
    made: np.ndarray = np.load(file, mmap_mode="r")
    return made


@torch.inference_mode()
def cache_whole(encoder: Encoder, stems: np.ndarray, file: Path) -> np.ndarray | None:
    """What the classifier's tail makes of the first view of each photo: pooled features [N,C].

    None where the encoder has no classifier.
    """
    if encoder.classifier is None:
        return None
    if file.is_file() and len(kept := np.load(file)) == stems.shape[1]:
        return np.asarray(kept)
    device, parts = encoder.mean.device, []
    for start in range(0, stems.shape[1], _BATCH):
        stem = torch.from_numpy(np.array(stems[0, start : start + _BATCH])).float().to(device)
        with fast(device):
            parts.append(encoder.classifier.pool(stem).cpu().numpy().astype(np.float16))
    whole = np.concatenate(parts)
    unfinished = file.with_suffix(".tmp.npy")
    np.save(unfinished, whole)
    unfinished.replace(file)
    return whole


@torch.inference_mode()
def _write(
    encoder: Encoder,
    photos: Sequence[Path],
    views: Sequence[View],
    file: Path,
    advance: Callable[[int], None],
) -> None:
    stems: np.ndarray | None = None
    device, size = encoder.mean.device, encoder.config.image_size
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(photos), _BATCH):
            decoded = pool.map(partial(decode, size=size), photos[start : start + _BATCH])
            batch = torch.stack(list(decoded)).to(device)
            for number, view in enumerate(views):
                stem = _stem(encoder, torch.stack([_augment(photo, view) for photo in batch]))
                if stems is None:
                    shape = (len(views), len(photos), *stem.shape[1:])
                    stems = np.lib.format.open_memmap(file, "w+", np.float16, shape)
                stems[number, start : start + len(batch)] = stem
            advance(len(batch))
    if stems is not None:
        stems.flush()  # type: ignore[attr-defined]


def mirror(stems: Tensor, mirrored: np.ndarray) -> Tensor:
    """Trunk outputs [B,c,h,w], left and right exchanged in those of `mirrored` [B] photos."""
    return torch.where(torch.from_numpy(mirrored)[:, None, None, None], stems.flip(-1), stems)


def decode(photo: Path, size: int) -> Tensor:
    """A photo's pixels, uint8 [3,size,size]; raises UnreadablePhoto."""
    return to_tensor(decode_photo(photo.read_bytes()), size)


def _stem(encoder: Encoder, pixels: Tensor) -> np.ndarray:
    with fast(pixels.device):
        stem = encoder.stem(pixels)
    return stem.float().cpu().numpy().astype(np.float16)


def _augment(photo: Tensor, view: View) -> Tensor:
    if not view.crop:
        return photo
    size = photo.shape[-1]
    crop = v2.RandomResizedCrop(size, scale=(0.6, 1.0), ratio=(0.8, 1.25), antialias=True)
    cropped: Tensor = v2.ColorJitter(0.3, 0.3, 0.3)(crop(photo))
    return cropped
