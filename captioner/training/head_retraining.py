"""A new head for a captioner whose CNN has learned: decoupled training (Kang et al. 2020).

The head that learns along with the CNN learns its photos by heart (docs/lab.md): what its vectors
are of photos that were trained with is not what they are of others. One that begins anew on
features that hold still, with many photos a step, does better. The decoder reads photos by the
former head's vectors, so a linear map from the new ones to these goes into its weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from captioner.config import MEAN_MAX
from captioner.device import fast, send
from captioner.head import Head
from captioner.machine import cores
from captioner.network import Network
from captioner.training.average import moving_average
from captioner.training.batches import Drawn, TrainingSet, in_steps
from captioner.training.class_layer import LEAST_DEVIATION, read_classes_off_grid
from captioner.training.distillation import Lessons
from captioner.training.losses import multi_caption_infonce, short_query_infonce
from captioner.training.schedule import half_cosine, warm_up
from captioner.training.view_cache import decode
from captioner.training.word_detection import LEAST_PHOTOS, with_word_detector, word_labels

_BATCH = 32
_TEMPERATURE = 0.05  # of the losses, at first


@dataclass(frozen=True)
class HeadSettings:
    """Hyperparameters of a new head; see also `taught`."""

    epochs: int = 12
    hidden: int = 768
    photos_per_step: int = 512
    captions_per_photo: int = 2
    short_queries: int = 320
    short_weight: float = 0.5
    taught_weight: float = 1.0
    unlabelled_per_step: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 40
    dropout: float = 0.4
    sentence_dropout: float = 0.3
    average_decay: float = 0.99
    clip: float = 5.0
    ridge: float = 1.0  # of the map to the former head's vectors, towards the identity
    least_photos: int = LEAST_PHOTOS  # that a word must be said of for the detector to tell it

    @classmethod
    def taught(cls) -> HeadSettings:
        """The defaults of a head with teachers, from whom there is more to learn."""
        return cls(epochs=30)


@dataclass(frozen=True)
class Seen:
    """Two views of N photos through the CNN: as a search looks at them, and a mirrored crop.

    `pooled` [2,N,F], see Head.pool; `visual` [2,N,E], the former head's vectors. `more` [U,F]: of
    photos without captions, the first view alone.
    """

    pooled: Tensor
    visual: Tensor
    more: Tensor


def retrain_head(
    network: Network,
    train: TrainingSet,
    photos: Sequence[Path],
    settings: HeadSettings,
    seed: int,
    file: Path,
    advance: Callable[[int], None],
    lessons: Lessons | None = None,
    unlabelled: Sequence[Path] = (),
) -> Network:
    """The network, in eval mode, with another head and the same eyes; the old one stays as it is.

    A classifier then reads its classes off the grid that the head sees, and loses its tail; a word
    detector reads words off it.

    With `lessons` it learns from teachers, too, who have seen the `unlabelled` photos.

    What was seen is kept in `file`, for a run that was killed to go on from. `advance` is told the
    number of photos looked at. Raises UnreadablePhoto.
    """
    seen = Seen(**torch.load(file, weights_only=True)) if file.is_file() else None
    if seen is None or (seen.pooled.shape[1], len(seen.more)) != (len(photos), len(unlabelled)):
        seen = look_twice(network, train, photos, unlabelled, advance)
        unfinished = file.with_suffix(".tmp")
        torch.save(vars(seen), unfinished)
        unfinished.replace(file)
    made = with_new_head(network, seen, train, settings, seed, lessons)
    if made.config.head.whole:
        looks = [seen.pooled.flatten(0, 1), *([seen.more] if len(seen.more) else [])]
        made = read_classes_off_grid(made, torch.cat(looks))
    pooled = seen.pooled[..., : 2 * made.encoder.channels]
    labels = word_labels(train.texts.captions, made.vocabulary.words, settings.least_photos)
    return with_word_detector(made, pooled, labels, train.weights, seed)


@torch.inference_mode()
def look_twice(
    network: Network,
    train: TrainingSet,
    photos: Sequence[Path],
    unlabelled: Sequence[Path],
    advance: Callable[[int], None],
) -> Seen:
    """What a new head learns from; at photos without captions it looks once."""
    network = network.eval()
    pooled: tuple[list[Tensor], list[Tensor]] = ([], [])
    visual: tuple[list[Tensor], list[Tensor]] = ([], [])
    more = []
    for rows, plain in _plain_stems(network, photos):
        crop = train.views.take(np.full_like(rows, min(1, train.views.count - 1)), rows)
        for view, stem in enumerate((plain, send(crop.flip(-1), network.device))):
            for kept, seen in zip((pooled, visual), _pooled(network, stem), strict=True):
                kept[view].append(seen)
        advance(len(rows))
    for rows, plain in _plain_stems(network, unlabelled):
        more.append(_pooled(network, plain)[0])
        advance(len(rows))
    features, vectors = (
        torch.stack([torch.cat(each) for each in views]) for views in (pooled, visual)
    )
    return Seen(features, vectors, torch.cat(more) if more else torch.zeros(0))


def _plain_stems(network: Network, photos: Sequence[Path]) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Rows of photos, and the trunk's output for them as a search looks at them, batch by batch."""
    encoder, device = network.encoder, network.device
    read = partial(decode, size=encoder.config.image_size)
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(photos), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(photos)))
            pixels = torch.stack(list(pool.map(read, photos[start : start + _BATCH])))
            with fast(device):
                stem = encoder.stem(encoder.enlarge(send(pixels, device)))
            yield rows, stem


def _pooled(network: Network, stem: Tensor) -> tuple[Tensor, Tensor]:
    """Pooled features [B,F] and the head's vectors [B,E] of photos, on the CPU."""
    encoder, head = network.encoder, network.head
    with fast(network.device):
        grid = encoder.grid(stem).float()
        whole = encoder.whole(stem, grid)
        pooled, visual = head.pool(grid, whole), head(grid, whole)
    return pooled.cpu(), visual.cpu()


def with_new_head(
    network: Network,
    seen: Seen,
    train: TrainingSet,
    settings: HeadSettings,
    seed: int,
    lessons: Lessons | None = None,
) -> Network:
    """The network, in eval mode, with a head that has learned from what was seen."""
    torch.manual_seed(seed)
    made = _with_untrained_head(network, settings)
    mean = seen.pooled.mean(dim=(0, 1))
    deviation = seen.pooled.std(dim=(0, 1)).clamp(min=LEAST_DEVIATION)
    device = made.device
    standard = ((seen.pooled - mean) / deviation).to(device)
    more = ((seen.more - mean) / deviation).to(device) if len(seen.more) else seen.more
    learned = _learn(made.head, standard, more, train, settings, seed, lessons)
    made.head.load_state_dict(learned.state_dict())
    _fold(made.head.first, mean.to(device), deviation.to(device))
    made.eval()
    if made.config.decoder.multimodal:
        _lead_back(made, seen, settings.ridge)
    return made


def _with_untrained_head(network: Network, settings: HeadSettings) -> Network:
    head = replace(
        network.config.head,
        pooling=MEAN_MAX,
        hidden=settings.hidden,
        dropout=settings.dropout,
        sentence_dropout=settings.sentence_dropout,
    )
    config = replace(network.config, head=head)
    made = Network(config, network.vocabulary, network.provenance).to(network.device)
    weights = network.state_dict().items()
    kept = {name: each for name, each in weights if not name.startswith("head.")}
    made.load_state_dict(kept, strict=False)
    return made


def _learn(
    head: Head,
    pooled: Tensor,
    more: Tensor,
    train: TrainingSet,
    settings: HeadSettings,
    seed: int,
    lessons: Lessons | None,
) -> Head:
    """The moving average of the weights after all epochs.

    `pooled` [2,N,F] and `more` [U,F] are standardised.
    """
    generator = np.random.default_rng(seed)
    start = torch.tensor(math.log(_TEMPERATURE), device=pooled.device)
    temperatures = [nn.Parameter(start.clone()) for _ in range(2)]
    groups: list[dict[str, object]] = [
        {"params": [*head.parameters()], "weight_decay": settings.weight_decay},
        {"params": temperatures, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
    average = AveragedModel(head, multi_avg_fn=partial(moving_average, settings.average_decay))
    head.train()
    steps = settings.epochs * max(1, train.drawn // settings.photos_per_step)
    for step, rows in enumerate(_steps(train, settings, generator)):
        share = warm_up(step, settings.warmup_steps) * half_cosine(step, steps)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * share
        views = generator.integers(2, size=len(rows))
        visual = head.project_pooled(pooled[views, rows])
        words, sentences, captions = train.draw_texts(
            rows, views == 1, generator, settings.captions_per_photo
        )
        read = head.read(sentences.to(pooled.device), words.to(pooled.device))
        short, asked = train.draw_short(rows, settings.short_queries, generator)
        short = short.to(pooled.device)
        queries = head.read(short.sentences, short.words)
        of_captions, of_short = (each.exp() for each in temperatures)
        loss = multi_caption_infonce(visual, read, of_captions)
        found = short_query_infonce(visual, queries, short.fits, of_short)
        loss = loss + settings.short_weight * found
        if lessons is not None:
            if len(more):
                extra = generator.integers(len(more), size=settings.unlabelled_per_step)
                visual = torch.cat([visual, head.project_pooled(more[extra])])
                rows = np.concatenate([rows, lessons.captioned + extra])
            texts = torch.cat([read.flatten(0, 1), queries])
            drawn = Drawn(rows, captions.reshape(-1), asked)
            loss = loss + settings.taught_weight * lessons.teachers.loss(visual, texts, drawn)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(head.parameters(), settings.clip)
        optimizer.step()
        average.update_parameters(head)
    averaged: Head = average.module  # type: ignore[assignment]
    return averaged


def _steps(
    train: TrainingSet, settings: HeadSettings, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Rows of the photos of each step."""
    for _ in range(settings.epochs):
        yield from in_steps(train.epoch(generator), settings.photos_per_step)


@torch.no_grad()
def _fold(layer: nn.Linear, mean: Tensor, deviation: Tensor) -> None:
    """Let a layer that learned from standardised numbers take them as they are."""
    layer.weight.div_(deviation)
    layer.bias.sub_(layer.weight @ mean)


@torch.no_grad()
def _lead_back(network: Network, seen: Seen, ridge: float) -> None:
    """Put the map from the new head's vectors to the former one's into the decoder's weights."""
    device = network.device
    parts = torch.split(seen.pooled.flatten(0, 1), 1024)
    new = torch.cat([network.head.project_pooled(each.to(device)) for each in parts]).double()
    old = seen.visual.flatten(0, 1).to(device).double()
    # Old is about new @ back, which is near the identity where no photo tells: [E,E].
    prior = ridge * torch.eye(new.shape[1], dtype=torch.float64, device=device)
    back = torch.linalg.solve(new.T @ new + prior, new.T @ old + prior)
    decoder = network.decoder
    of_visual = decoder.from_photo.weight[:, network.config.decoder.hidden :]
    of_visual.copy_(of_visual.double() @ back.T)
    decoder.absent_visual.copy_(torch.linalg.solve(back.T, decoder.absent_visual.double().T).T)
