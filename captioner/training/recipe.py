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
from captioner.captioner import Provenance, mean_class_vectors
from captioner.class_names import class_names, class_sentences
from captioner.classifier import class_evidence
from captioner.config import CaptionerConfig
from captioner.dataset import CaptionedPhoto
from captioner.embedder import SentenceEmbedder
from captioner.network import Network, load_network
from captioner.training.batches import Texts, TrainingSet
from captioner.training.curves import can_draw, draw_curves
from captioner.training.distillation import Lessons, ask_teachers
from captioner.training.head_retraining import HeadSettings, retrain_head
from captioner.training.short_queries import ShortQueries
from captioner.training.trainer import EpochReport, Trainer, TrainSettings
from captioner.training.view_cache import (
    PLAIN,
    View,
    Views,
    cache_views,
    cache_whole,
    training_views,
)
from captioner.training.warm_start import carry_over
from captioner.vocabulary import Vocabulary

_SENTENCE_BATCH = 256


class TrainingProgress(Protocol):
    """Receiver of a run's progress; `total` and `count` are photos or sentences by phase."""

    def phase(self, name: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def epoch(self, report: EpochReport) -> None: ...


@dataclass(frozen=True)
class PhotoSet:
    """Captioned photos of one origin; an epoch draws each of them `weight` times on average."""

    photos: tuple[CaptionedPhoto, ...]
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.photos)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a run yields.

    `start`: the captioner whose weights go on; `teachers`: those whose similarities are learned,
    of `unlabelled` photos, too.
    """

    name: str
    train: tuple[PhotoSet, ...]
    dev: tuple[PhotoSet, ...]
    folder: Path
    backbone_weights: Path | None = None
    start: Path | None = None
    min_word_count: int = 4
    config: CaptionerConfig = field(default_factory=CaptionerConfig)
    settings: TrainSettings = field(default_factory=TrainSettings)
    teachers: tuple[Path, ...] = ()
    unlabelled: tuple[Path, ...] = ()
    head: HeadSettings | None = field(default_factory=HeadSettings)  # None: it stays as it learned

    @property
    def captions(self) -> list[str]:
        """All that it trains with."""
        return [text for part in self.train for photo in part.photos for text in photo.captions]

    @property
    def photos(self) -> list[Path]:
        """Those that it trains with captions of."""
        return [photo.path for part in self.train for photo in part.photos]


def baseline_config(config: CaptionerConfig) -> CaptionerConfig:
    """The baseline, Show and Tell (Vinyals et al. 2015): the photo as initial cell state only.

    Image vector -> dropout 0.5 -> dense -> cell state; no attention, no multimodal layer.
    """
    decoder = replace(config.decoder, attention=False, multimodal=False, dropout=0.5)
    return replace(config, decoder=decoder)


def train_captioner(
    recipe: Recipe, embedder: SentenceEmbedder, device: torch.device, progress: TrainingProgress
) -> Network:
    """Train a captioner by a recipe, or carry on a killed run from its folder.

    Raises UnreadablePhoto for a damaged training photo and ValueError for backbone weights
    that do not fit.
    """
    recipe.folder.mkdir(parents=True, exist_ok=True)
    captioner = _untrained(recipe, embedder).to(device)
    views = training_views(recipe.settings.views)
    train = _training_set(recipe, "train", captioner, embedder, views, progress)
    dev = _training_set(recipe, "dev", captioner, embedder, PLAIN, progress)
    lessons = _lessons(recipe, captioner, train, views, progress) if recipe.teachers else None
    trainer = Trainer(captioner, train, dev, recipe.settings, recipe.folder, lessons)
    progress.phase("training", train.drawn * recipe.settings.epochs)

    def report(epoch: EpochReport) -> None:
        progress.epoch(epoch)
        if can_draw():
            draw_curves(recipe.folder / "log.jsonl", recipe.folder / "curves.svg")

    trainer.run(report, progress.advance)
    trained = trainer.finished()
    if recipe.head is not None:
        paths = recipe.photos
        progress.phase("photos for a new head", len(paths) + len(recipe.unlabelled))
        seed, file = recipe.settings.seed, recipe.folder / "head-looks.pt"
        trained = retrain_head(
            trained, train, paths, recipe.head, seed, file, progress.advance,
            lessons, recipe.unlabelled,
        )  # fmt: skip
    _fill_buffers(trained, recipe, embedder)
    if trained.config.reference_photos:
        _fill_reference_photos(trained, train, recipe.settings.seed)
    return trained


def _untrained(recipe: Recipe, embedder: SentenceEmbedder) -> Network:
    vocabulary = Vocabulary.from_sentences(recipe.captions, recipe.min_word_count)
    names = class_names() if recipe.config.encoder.classes else ()
    provenance = Provenance(recipe.name, embedder_name=embedder.name, class_names=names)
    torch.manual_seed(recipe.settings.seed)
    captioner = Network(recipe.config, vocabulary, provenance)
    weights = backbone_weights(recipe.config.encoder.backbone, recipe.backbone_weights)
    captioner.encoder.load_backbone(weights)
    if recipe.start is not None:
        carry_over(load_network(recipe.start, "cpu"), captioner)
    return captioner


def _training_set(
    recipe: Recipe,
    split: str,
    captioner: Network,
    embedder: SentenceEmbedder,
    views: tuple[View, ...],
    progress: TrainingProgress,
) -> TrainingSet:
    sets = recipe.train if split == "train" else recipe.dev
    progress.phase(f"views of the {split} photos", sum(map(len, sets)))
    stems, whole = [], []
    for number, part in enumerate(sets):
        stem = recipe.folder / f"{split}-{number}"
        paths = [photo.path for photo in part.photos]
        file, seed = stem.with_name(f"{stem.name}-views.npy"), recipe.settings.seed
        cache = cache_views(captioner.encoder, paths, views, file, seed, progress.advance)
        stems.append(cache)
        file = stem.with_name(f"{stem.name}-whole.npy")
        whole.append(cache_whole(captioner.encoder, cache, file))
    texts = _texts(
        recipe, split, [photo for part in sets for photo in part.photos], embedder, progress
    )
    return TrainingSet(
        Views(stems),
        texts,
        captioner.vocabulary,
        np.concatenate([part for part in whole if part is not None])
        if captioner.encoder.classifier
        else None,
        np.repeat([part.weight for part in sets], [len(part) for part in sets]),
    )


def _lessons(
    recipe: Recipe,
    captioner: Network,
    train: TrainingSet,
    views: tuple[View, ...],
    progress: TrainingProgress,
) -> Lessons:
    """What teachers made of all photos, and views of those without captions."""
    paths = [*recipe.photos, *recipe.unlabelled]
    progress.phase("photos that teachers look at", len(paths) * len(recipe.teachers))
    file = recipe.folder / "teachers.pt"
    teachers = ask_teachers(
        recipe.teachers, paths, train.texts, file, captioner.device, progress.advance
    )
    if not recipe.unlabelled:
        return Lessons(teachers)
    progress.phase("views of photos without captions", len(recipe.unlabelled))
    file, seed = recipe.folder / "unlabelled-views.npy", recipe.settings.seed
    encoder = captioner.encoder
    stems = cache_views(encoder, recipe.unlabelled, views, file, seed, progress.advance)
    whole = cache_whole(encoder, stems, recipe.folder / "unlabelled-whole.npy")
    return Lessons(teachers, Views([stems]), whole)


def _texts(
    recipe: Recipe,
    split: str,
    photos: list[CaptionedPhoto],
    embedder: SentenceEmbedder,
    progress: TrainingProgress,
) -> Texts:
    captions = [photo.captions for photo in photos]
    short = ShortQueries(captions, recipe.min_word_count, recipe.settings.seed)
    sentences = [text for own in captions for text in own]
    progress.phase(f"sentences of the {split} photos", len(sentences) + len(short.texts))
    of_captions = _embed(sentences, embedder, recipe.folder / f"{split}-sentences.npy", progress)
    of_short = _embed(short.texts, embedder, recipe.folder / f"{split}-short.npy", progress)
    return Texts(captions, of_captions, short, of_short)


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


def _fill_buffers(captioner: Network, recipe: Recipe, embedder: SentenceEmbedder) -> None:
    """Vectors of words, of training sentences drawn at random, and of the classes' names."""
    vectors = torch.from_numpy(embedder.encode(list(captioner.vocabulary.words)))
    captioner.word_vectors.copy_(vectors)
    texts = recipe.captions
    generator = np.random.default_rng(recipe.settings.seed)
    rows = np.resize(generator.permutation(len(texts)), captioner.config.head.references)
    chosen = [texts[row] for row in rows]
    captioner.head.references.copy_(_read(captioner, chosen, embedder))
    if names := captioner.provenance.class_names:
        captioner.class_vectors.copy_(_read(captioner, class_sentences(names), embedder))


@torch.inference_mode()
def _fill_reference_photos(captioner: Network, train: TrainingSet, seed: int) -> None:
    """Both vectors of training photos drawn at random; again and again where there are few."""
    order = np.random.default_rng(seed).permutation(len(train))
    rows = np.resize(order, captioner.config.reference_photos)
    stem = train.views.take(np.zeros_like(rows), rows).to(captioner.device)
    encoder, classifier = captioner.encoder, captioner.encoder.classifier
    grid = encoder.grid(stem)
    whole = encoder.whole(stem, grid)
    if whole is not None and classifier is not None:
        classes = class_evidence(*classifier.classify(whole))
        named = mean_class_vectors(captioner.class_vectors.float().cpu().numpy(), classes)
        captioner.reference_classes.copy_(torch.from_numpy(named))
    captioner.reference_visual.copy_(captioner.head(grid, whole))


def _read(captioner: Network, texts: list[str], embedder: SentenceEmbedder) -> Tensor:
    """Vectors of texts [N,E]; where there were few to draw from, each is read once."""
    rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    read = captioner.read(list(rows), embedder.encode(list(rows)))
    return torch.from_numpy(read[[rows[text] for text in texts]])
