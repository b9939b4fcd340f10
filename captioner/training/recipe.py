"""A training run from end to end: vocabulary, cached views, embeddings, trainer, checkpoint parts.

The weights that combine scores are fitted afterwards, by search/evaluation/fit_weights.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from captioner.backbone import backbone_weights
from captioner.captioner import Captioner, CaptionerConfig, Provenance
from captioner.dataset import CaptionedPhoto
from captioner.embedder import SentenceEmbedder
from captioner.training.batches import TrainingSet
from captioner.training.curves import can_draw, draw_curves
from captioner.training.trainer import EpochReport, Trainer, TrainSettings
from captioner.training.view_cache import PLAIN, View, cache_views, training_views
from captioner.vocabulary import Vocabulary

_SENTENCE_BATCH = 256


class TrainingProgress(Protocol):
    """Receiver of a run's progress; `total` and `count` are photos or sentences by phase."""

    def phase(self, name: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def epoch(self, report: EpochReport) -> None: ...


@dataclass(frozen=True)
class Recipe:
    """Data, configuration and settings of a run: everything that decides its result."""

    name: str
    train: tuple[CaptionedPhoto, ...]
    dev: tuple[CaptionedPhoto, ...]
    folder: Path
    backbone_weights: Path | None = None
    min_word_count: int = 4
    config: CaptionerConfig = field(default_factory=CaptionerConfig)
    settings: TrainSettings = field(default_factory=TrainSettings)


def baseline_config(config: CaptionerConfig) -> CaptionerConfig:
    """The baseline, Show and Tell (Vinyals et al. 2015): the photo as initial cell state only.

    Image vector -> dropout 0.5 -> dense -> cell state; no attention, no multimodal layer.
    """
    decoder = replace(config.decoder, attention=False, multimodal=False, dropout=0.5)
    return replace(config, decoder=decoder)


def train_captioner(
    recipe: Recipe, embedder: SentenceEmbedder, device: torch.device, progress: TrainingProgress
) -> Captioner:
    """Train a captioner by a recipe, or carry on a killed run from its folder.

    Raises UnreadablePhoto for a damaged training photo and ValueError for backbone weights
    that do not fit.
    """
    recipe.folder.mkdir(parents=True, exist_ok=True)
    captioner = _untrained(recipe, embedder).to(device)
    views = training_views(recipe.settings.views)
    train = _training_set(recipe, "train", captioner, embedder, views, progress)
    dev = _training_set(recipe, "dev", captioner, embedder, PLAIN, progress)
    trainer = Trainer(captioner, train, dev, recipe.settings, recipe.folder)
    progress.phase("training", len(train) * recipe.settings.epochs)

    def report(epoch: EpochReport) -> None:
        progress.epoch(epoch)
        if can_draw():
            draw_curves(recipe.folder / "log.jsonl", recipe.folder / "curves.svg")

    trainer.run(report, progress.advance)
    trained = trainer.finished()
    trained.word_vectors.copy_(_word_vectors(trained.vocabulary, embedder))
    trained.head.references.copy_(_references(trained, recipe, embedder))
    return trained


def _untrained(recipe: Recipe, embedder: SentenceEmbedder) -> Captioner:
    texts = [text for photo in recipe.train for text in photo.captions]
    vocabulary = Vocabulary.from_sentences(texts, recipe.min_word_count)
    provenance = Provenance(recipe.name, embedder_name=embedder.name)
    torch.manual_seed(recipe.settings.seed)
    captioner = Captioner(recipe.config, vocabulary, provenance)
    weights = backbone_weights(recipe.config.encoder.backbone, recipe.backbone_weights)
    captioner.encoder.load_backbone(weights)
    return captioner


def _training_set(
    recipe: Recipe,
    split: str,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    views: tuple[View, ...],
    progress: TrainingProgress,
) -> TrainingSet:
    photos = recipe.train if split == "train" else recipe.dev
    progress.phase(f"views of the {split} photos", len(photos))
    cache = cache_views(
        captioner.encoder,
        [photo.path for photo in photos],
        views,
        recipe.folder / f"{split}-views.npy",
        recipe.settings.seed,
        progress.advance,
    )
    captions = [photo.captions for photo in photos]
    texts = [text for of_photo in captions for text in of_photo]
    progress.phase(f"sentences of the {split} photos", len(texts))
    file = recipe.folder / f"{split}-sentences.npy"
    embeddings = _embed(texts, embedder, file, progress)
    return TrainingSet(cache, captions, embeddings, captioner.vocabulary)


def _embed(
    texts: list[str], embedder: SentenceEmbedder, file: Path, progress: TrainingProgress
) -> np.ndarray:
    if file.is_file() and len(kept := np.load(file)) == len(texts):
        return np.asarray(kept)
    parts = []
    for start in range(0, len(texts), _SENTENCE_BATCH):
        part = texts[start : start + _SENTENCE_BATCH]
        parts.append(embedder.encode(part).astype(np.float16))
        progress.advance(len(part))
    partial = file.with_suffix(".tmp.npy")
    np.save(partial, np.concatenate(parts))
    partial.replace(file)
    return np.concatenate(parts)


def _references(captioner: Captioner, recipe: Recipe, embedder: SentenceEmbedder) -> Tensor:
    """Vectors of training sentences drawn at random [R,E]; again and again where there are few."""
    texts = [text for photo in recipe.train for text in photo.captions]
    count = captioner.config.head.references
    generator = np.random.default_rng(recipe.settings.seed)
    rows = np.resize(generator.permutation(len(texts)), count)
    chosen = [texts[row] for row in rows]
    return torch.from_numpy(captioner.read(chosen, embedder.encode(chosen)))


def _word_vectors(vocabulary: Vocabulary, embedder: SentenceEmbedder) -> Tensor:
    """The embedder's vector of each word alone [V,E]."""
    return torch.from_numpy(embedder.encode(list(vocabulary.words)))
