"""Benchmark: trial trainings of the head alone, half a minute each, on the frozen CNN's features.

    python -m benchmarks.head --captions train.tsv --dev-captions dev.tsv --images images \
        --trial "words=0" --trial "photos_per_step=96"

Each trial starts from seed 0, sees one view of every photo, and differs from the defaults below
by what it names. Prints recall on the dev photos after the last epoch, one table row a trial.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from benchmarks.pixel_batches import pixel_batches
from captioner.backbone import backbone_weights
from captioner.config import EncoderConfig, HeadConfig
from captioner.dataset import CaptionedPhoto, read_captions
from captioner.device import fast
from captioner.embedder import SentenceEmbedder
from captioner.encoder import Encoder
from captioner.head import Head
from captioner.metrics import Recall, recall_at_k
from captioner.training.batches import pad
from captioner.training.losses import multi_caption_infonce
from captioner.vocabulary import PAD, Vocabulary

_CPU = torch.device("cpu")
_BATCH = 50
_WARMUP_STEPS = 100


@dataclass(frozen=True)
class Trial:
    """What a trial does; `bank` adds so many other photos' last vectors as negatives."""

    image_size: int = 224
    photos_per_step: int = 192
    epochs: int = 8
    learning_rate: float = 1e-3
    temperature: float = 0.05
    dropout: float = 0.5
    residual: int = 1  # bend the embedder's space
    words: int = 1  # add learned word vectors
    bank: int = 0

    @classmethod
    def parse(cls, text: str) -> Trial:
        """From "name=value name=value"."""
        types = {field.name: type(getattr(cls, field.name)) for field in fields(cls)}
        pairs = (pair.split("=") for pair in text.split())
        return replace(cls(), **{name: types[name](value) for name, value in pairs})


@dataclass(frozen=True)
class Split:
    """Photos' grids and their sentences."""

    grids: np.ndarray  # float16 [N,P,C]
    sentences: Tensor  # [N,K,E]
    words: Tensor  # [N,K,T]

    def __len__(self) -> int:
        return len(self.grids)

    def grid(self, rows: np.ndarray | slice) -> Tensor:
        return torch.from_numpy(self.grids[rows]).float()


@torch.inference_mode()
def make_split(
    photos: list[CaptionedPhoto], vocabulary: Vocabulary, embedder: SentenceEmbedder, size: int
) -> Split:
    """Pass photos through the CNN as ImageNet left it."""
    encoder = Encoder(EncoderConfig(image_size=size)).eval()
    encoder.load_backbone(backbone_weights(encoder.config.backbone, None))
    grids = []
    for pixels in pixel_batches([photo.path for photo in photos], size):
        with fast(_CPU):
            grids.append(encoder(pixels).half().numpy())
    captions = [photo.captions for photo in photos]
    width = min(map(len, captions))
    texts = [text for own in captions for text in own[:width]]
    vectors = torch.from_numpy(embedder.encode(texts)).view(len(photos), width, -1)
    words = torch.from_numpy(pad(captions, vocabulary, width, mirrored=False))
    return Split(np.concatenate(grids), vectors, words)


class Run:
    """One trial's head while it learns."""

    def __init__(self, trial: Trial, train: Split, vocabulary: Vocabulary) -> None:
        torch.manual_seed(0)
        self.trial, self.train = trial, train
        config = HeadConfig(dimension=train.sentences.shape[-1], dropout=trial.dropout)
        self.head = Head(config, train.grids.shape[-1], len(vocabulary))
        self.temperature = torch.nn.Parameter(torch.tensor(trial.temperature).log())
        self.optimizer = torch.optim.AdamW([*self.head.parameters(), self.temperature])
        self.seen = torch.zeros(len(train), config.dimension)

    def learn(self) -> None:
        """All epochs."""
        size = self.trial.photos_per_step
        steps = len(self.train) // size
        for step in tqdm(range(self.trial.epochs * steps), desc="steps", leave=False):
            epoch, place = divmod(step, steps)
            order = np.random.default_rng(epoch).permutation(len(self.train))
            rows = order[place * size : (place + 1) * size]
            cosine = (1 + math.cos(math.pi * step / (self.trial.epochs * steps))) / 2
            warm = min(1.0, (step + 1) / _WARMUP_STEPS)
            for group in self.optimizer.param_groups:
                group["lr"] = self.trial.learning_rate * warm * cosine
            self._step(rows, np.random.default_rng(step), first=epoch == 0)

    def _step(self, rows: np.ndarray, generator: np.random.Generator, *, first: bool) -> None:
        with fast(_CPU):
            visual = self.head(self.train.grid(rows))
            read = self.read(self.train, rows)
        loss = multi_caption_infonce(visual, read, self.temperature.exp())
        if self.trial.bank and not first:
            loss = self._with_bank(visual, read, rows, generator)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.seen[rows] = visual.detach()

    def _with_bank(
        self, visual: Tensor, read: Tensor, rows: np.ndarray, generator: np.random.Generator
    ) -> Tensor:
        """InfoNCE that also has vectors of earlier steps as negatives (Wu et al. 2018)."""
        others = np.setdiff1d(np.arange(len(self.train)), rows)
        others = generator.choice(others, self.trial.bank, replace=False)
        flat, temperature = read.flatten(0, 1), self.temperature.exp()
        owner = torch.arange(len(rows)).repeat_interleave(read.shape[1])
        to_photo = F.cross_entropy(
            flat @ torch.cat([visual, self.seen[others]]).T / temperature, owner
        )
        outside = self.read(self.train, others)[:, 0]
        shares = (visual @ torch.cat([flat, outside]).T / temperature).log_softmax(dim=1)
        mine = owner[None] == torch.arange(len(rows))[:, None]
        return (to_photo - shares[:, : len(flat)][mine].mean()) / 2

    def read(self, split: Split, rows: np.ndarray | slice) -> Tensor:
        """Sentences' vectors [B,K,E], without the terms that the trial leaves out."""
        sentences, words = split.sentences[rows], split.words[rows]
        if not self.trial.words:
            words = torch.full_like(words, PAD)
        if not self.trial.residual:
            total = sentences + (self.head.add_words(words) if self.trial.words else 0)
            return F.normalize(total.float(), dim=-1)
        return self.head.read(sentences, words)

    @torch.inference_mode()
    def recall(self, dev: Split) -> Recall:
        """Every dev sentence over every dev photo."""
        self.head.eval()
        parts = [slice(row, row + _BATCH) for row in range(0, len(dev), _BATCH)]
        visual = torch.cat([self.head(dev.grid(rows)) for rows in parts])
        read = torch.cat([self.read(dev, rows) for rows in parts])
        owners = np.repeat(np.arange(len(dev)), read.shape[1])
        return recall_at_k((read.flatten(0, 1) @ visual.T).numpy(), owners)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--dev-captions", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--trial", action="append", default=[], help='such as "words=0 epochs=4"')
    return parser.parse_args()


def main() -> None:
    """Run the trials and print a row for each."""
    options = _arguments()
    trials = [Trial.parse(text) for text in options.trial] or [Trial()]
    photos = [
        read_captions(file, options.images) for file in (options.captions, options.dev_captions)
    ]
    texts = [text for photo in photos[0] for text in photo.captions]
    vocabulary, embedder = Vocabulary.from_sentences(texts), SentenceEmbedder(device="cpu")
    print("| trial | R@1 | R@5 | R@10 | median rank |\n| --- | --- | --- | --- | --- |", flush=True)
    for size in dict.fromkeys(trial.image_size for trial in trials):
        train, dev = (make_split(part, vocabulary, embedder, size) for part in photos)
        for trial, name in zip(trials, options.trial or ["defaults"], strict=True):
            if trial.image_size == size:
                run = Run(trial, train, vocabulary)
                run.learn()
                found = run.recall(dev)
                figures = f"{found.r1:.1f} | {found.r5:.1f} | {found.r10:.1f}"
                print(f"| {name} | {figures} | {found.median_rank:g} |", flush=True)


if __name__ == "__main__":
    main()
