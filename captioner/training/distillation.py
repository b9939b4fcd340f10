"""Learning from other captioners: photos and texts become as alike as these find them on average.

Captioners that learned from other seeds, or from a part of the photos each, know more together than
one of them. What they make of a photo and of sentences that nobody wrote for it says more than that
these are not its own; one captioner learns that from them (Hinton et al. 2015, section 2, with
similarities in the place of logits). Photos without captions serve for it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from captioner.captioner import Floats
from captioner.device import send
from captioner.network import Network, load_network
from captioner.training.batches import Drawn, Texts
from captioner.training.view_cache import Views, decode, mirror

# Divides similarities, the teachers' and the learner's; theirs tell dev captions best by it.
_TEMPERATURE = 0.05
_SHORT_WEIGHT = 0.5  # of short queries beside captions
_BATCH = 32


@dataclass(frozen=True)
class Teachers:
    """What K captioners make of all photos and texts of a run: unit vectors, on its device.

    `photos` [K,N,E], those with captions first; `captions` [K,C,E]; `short` [K,S,E].
    """

    photos: Tensor
    captions: Tensor
    short: Tensor

    def loss(self, visual: Tensor, texts: Tensor, drawn: Drawn) -> Tensor:
        """How far the learner's similarities are from the teachers' mean, in nats a row.

        `visual` [B,E] of the photos drawn, `texts` [C+M,E] of the captions and short queries. The
        divergences of captions over photos, photos over captions and queries over photos, added.
        """
        photos, captions, short = drawn.on(visual.device)
        theirs = torch.cat([self.captions[:, captions], self.short[:, short]], dim=1).float()
        taught = torch.einsum("kre,kbe->rb", theirs, self.photos[:, photos].float())
        taught, own = taught / (len(self.photos) * _TEMPERATURE), texts @ visual.T / _TEMPERATURE
        count = len(captions)
        return (
            _divergence(taught[:count], own[:count])
            + _divergence(taught[:count].T, own[:count].T)
            + _SHORT_WEIGHT * _divergence(taught[count:], own[count:])
        )


def _divergence(taught: Tensor, own: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of rows of logits [R,B], 0 for none."""
    total = F.kl_div(own.log_softmax(1), taught.log_softmax(1), reduction="sum", log_target=True)
    return total / max(len(own), 1)


@dataclass(frozen=True)
class Lessons:
    """Teachers, and U photos without captions that they have seen: views and `whole` [U,C].

    Their numbers among the teachers' photos follow those of photos with captions.
    """

    teachers: Teachers
    views: Views | None = None
    whole: np.ndarray | None = None

    @property
    def captioned(self) -> int:
        """The number of photos with captions."""
        return self.teachers.photos.shape[1] - (len(self.views) if self.views else 0)

    def draw(
        self, count: int, generator: np.random.Generator, device: torch.device
    ) -> tuple[np.ndarray, Tensor, Tensor | None] | None:
        """Rows of photos without captions [U], a view of each and `whole`; None without any."""
        if self.views is None:
            return None
        rows = generator.integers(len(self.views), size=count)
        stem = self.views.take(generator.integers(self.views.count, size=count), rows)
        stem = send(mirror(stem, generator.random(count) < 0.5), device)
        if self.whole is None:
            return rows, stem, None
        return rows, stem, send(torch.from_numpy(self.whole[rows]).float(), device)


def ask_teachers(
    files: Sequence[Path],
    photos: Sequence[Path],
    texts: Texts,
    file: Path,
    device: torch.device,
    advance: Callable[[int], None],
) -> Teachers:
    """What the captioners in files make of photos and texts; kept in `file` for a resumed run.

    `advance` is told the number of photos looked at. Raises CheckpointError, UnreadablePhoto, and
    ValueError where one of them reads sentences by another embedder's vectors.
    """
    kept = torch.load(file, weights_only=True) if file.is_file() else None
    if kept is None or kept["photos"].shape[:2] != (len(files), len(photos)):
        asked = [_ask(load_network(each, str(device)), photos, texts, advance) for each in files]
        kept = {name: torch.stack([each[name] for each in asked]) for name in asked[0]}
        unfinished = file.with_suffix(".tmp")
        torch.save(kept, unfinished)
        unfinished.replace(file)
    return Teachers(**{name: tensor.to(device) for name, tensor in kept.items()})


@torch.inference_mode()
def _ask(
    network: Network, photos: Sequence[Path], texts: Texts, advance: Callable[[int], None]
) -> dict[str, Tensor]:
    if network.config.head.dimension != texts.embeddings.shape[1]:
        raise ValueError("a teacher reads sentences by another embedder; train it with the same")
    size, visual = network.encoder.config.image_size, []
    for start in range(0, len(photos), _BATCH):
        pixels = [decode(photo, size) for photo in photos[start : start + _BATCH]]
        visual.append(network.see(torch.stack(pixels)).visual.half().cpu())
        advance(len(pixels))
    captions = [text for own in texts.captions for text in own]
    return {
        "photos": torch.cat(visual),
        "captions": _read(network, captions, texts.embeddings),
        "short": _read(network, texts.short.texts, texts.short_embeddings),
    }


def _read(network: Network, sentences: Sequence[str], embeddings: Floats) -> Tensor:
    """Vectors of sentences [N,E], float16."""
    vectors = torch.empty(len(sentences), network.config.head.dimension, dtype=torch.float16)
    for start in range(0, len(sentences), 1024):
        some = slice(start, start + 1024)
        vectors[some] = torch.from_numpy(network.read(sentences[some], embeddings[some])).half()
    return vectors
