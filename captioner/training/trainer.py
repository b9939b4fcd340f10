"""The training loop: maximum likelihood first, then contrastive likelihood; the head with both.

A run lives in a folder: views of the photos, `run.pt` after each epoch (a killed run carries on
from it), `log.jsonl`, and at the end the weights' moving average as a checkpoint.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from captioner.decoder import PhotoFeatures
from captioner.device import fast
from captioner.metrics import Recall, recall_at_k
from captioner.network import Network
from captioner.training.average import moving_average
from captioner.training.batches import Batch, Drawn, Shares, TrainingSet, in_steps
from captioner.training.distillation import Lessons
from captioner.training.losses import (
    contrastive_likelihood,
    multi_caption_infonce,
    short_query_infonce,
    word_log_likelihood,
)
from captioner.training.schedule import half_cosine, warm_up
from captioner.vocabulary import PAD, UNKNOWN

# Captions are padded to the longest of their part of a batch: more parts pad less.
_LENGTHS = 4


@dataclass(frozen=True)
class TrainSettings:
    """Hyperparameters of a run; see also `taught`."""

    seeing_epochs: int = 8  # of the first stage, in which CNN and head learn, too
    likelihood_epochs: int = 14
    contrastive_epochs: int = 2
    photos_per_step: int = 256
    group_size: int = 8
    views: int = 8
    train_cnn: bool = True
    learning_rate: float = 2.8e-3
    head_learning_rate: float = 1.4e-3
    tail_learning_rate: float = 5e-3  # times each tensor's root mean square
    contrastive_rate_share: float = 0.4
    weight_decay: float = 0.01
    warmup_steps: int = 100
    word_dropout: float = 0.1
    phrase_share: float = 0.1
    short_share: float = 0.3  # of captions that the decoder reads, short queries instead
    short_queries: int = 320  # that the head ranks a step's photos for
    short_weight: float = 0.5
    captions_per_photo: int = 3
    photo_dropout: float = 0.05
    head_weight: float = 1.0
    taught_weight: float = 1.5  # of the teachers' similarities in the head's loss
    own_weight: float = 0.7  # of captions and short queries in it, where there are teachers
    unlabelled_per_step: int = 96
    contrastive_weight: float = 1.0
    average_decay: float = 0.995
    patience: int = 4
    contrastive_share: float = 0.4
    clip: float = 5.0
    seed: int = 0

    @classmethod
    def taught(cls, **changes: Any) -> TrainSettings:
        """The defaults of a run with teachers, whose photos are not learned by heart so soon."""
        return cls(**{"seeing_epochs": 12, "likelihood_epochs": 20, "views": 24} | changes)

    @property
    def epochs(self) -> int:
        return self.likelihood_epochs + self.contrastive_epochs


@dataclass(frozen=True)
class EpochReport:
    """Losses (nats) and the head's dev recall (percent) of one epoch."""

    epoch: int
    stage: str
    loss: float
    likelihood: float
    head: float
    contrastive: float
    dev_likelihood: float
    dev_head: Recall
    seconds: float


@dataclass(frozen=True)
class EarlyStopping:
    """State of early stopping: epochs since the dev likelihood or the head's recall improved."""

    epochs: int = 0
    likelihood: float = math.inf  # the best so far, nats a word
    recall: float = 0.0  # the best R@10 so far, percent

    def after(self, report: EpochReport) -> EarlyStopping:
        """The state after one more epoch."""
        likelihood, recall = report.dev_likelihood, report.dev_head.r10
        better = likelihood < self.likelihood or recall > self.recall
        return EarlyStopping(
            0 if better else self.epochs + 1,
            min(likelihood, self.likelihood),
            max(recall, self.recall),
        )


class Trainer:
    """One training run over cached views, which can be killed and resumed.

    `lessons`: what CNN and head learn from other captioners with.
    """

    def __init__(
        self,
        captioner: Network,
        train: TrainingSet,
        dev: TrainingSet,
        settings: TrainSettings,
        folder: Path,
        lessons: Lessons | None = None,
    ) -> None:
        self.captioner, self.train_set, self.dev_set = captioner, train, dev
        self.settings, self.folder, self.lessons = settings, folder, lessons
        self.head_temperature = torch.nn.Parameter(torch.tensor(0.05).log())
        self.short_temperature = torch.nn.Parameter(torch.tensor(0.05).log())
        self.pair_temperature = torch.nn.Parameter(torch.tensor(4.0).log())
        self.optimizer = torch.optim.AdamW(self._parameter_groups())
        self.average = AveragedModel(
            captioner,
            multi_avg_fn=partial(moving_average, settings.average_decay),
        )
        # The head's vectors as they last were; they tell which photos look alike.
        self.seen = torch.zeros(len(train), captioner.config.head.dimension)
        self.described: dict[str, Tensor] = {}  # the average at the end of the first stage
        self.epoch = 0
        self.waiting = EarlyStopping()

    def run(self, report: Callable[[EpochReport], None], advance: Callable[[int], None]) -> None:
        """Train to the last epoch; `advance` gets photos done, `report` each epoch's report."""
        self._resume()
        while self.epoch < self.settings.epochs:
            epoch_report = self._run_epoch(advance)
            self.epoch = self._next_epoch(epoch_report)
            if self.epoch == self.settings.likelihood_epochs:
                self.described = _copy(self.average.module.state_dict())
                self.waiting = EarlyStopping()
            self._save(epoch_report)
            report(epoch_report)

    def averaged(self) -> Network:
        """The captioner with the weights' moving average, in eval mode."""
        captioner: Network = self.average.module  # type: ignore[assignment]
        return captioner.eval()

    def finished(self) -> Network:
        """The captioner to ship: between the ends of both stages, in eval mode.

        Contrastive training ranks its own photos better and better but forgets others;
        part of the way back generalises best (WiSE-FT, Wortsman et al. 2022, eq. 1).
        """
        captioner = self.averaged()
        if self.described and self.settings.contrastive_epochs:
            share = self.settings.contrastive_share
            weights = _copy(captioner.state_dict())
            for name, described in self.described.items():
                if described.is_floating_point():
                    weights[name].lerp_(described, 1 - share)
            captioner.load_state_dict(weights)
        return captioner

    def _next_epoch(self, report: EpochReport) -> int:
        """The next one, or the first after this stage where dev photos gain nothing any more."""
        self.waiting = self.waiting.after(report)
        if self.waiting.epochs < self.settings.patience:
            return self.epoch + 1
        return self.settings.epochs if self._ranks else self.settings.likelihood_epochs

    # -- one epoch ------------------------------------------------------------------

    def _run_epoch(self, advance: Callable[[int], None]) -> EpochReport:
        started = time.perf_counter()
        generator = np.random.default_rng((self.settings.seed, self.epoch))
        torch.manual_seed(self.settings.seed * 1000 + self.epoch)
        self.captioner.train()
        sums, steps = torch.zeros(4), 0
        for photos in self._batches(generator):
            sums += self._step(photos, generator, steps)
            steps += 1
            advance(photos.size)
        loss, likelihood, head, contrastive = (sums / steps).tolist()
        dev_likelihood, dev_head = self._validate()
        seconds = time.perf_counter() - started
        return EpochReport(
            self.epoch + 1, "contrastive" if self._ranks else "likelihood", loss, likelihood,
            head, contrastive, dev_likelihood, dev_head, seconds,
        )  # fmt: skip

    @property
    def _ranks(self) -> bool:
        return self.epoch >= self.settings.likelihood_epochs

    @property
    def _sees(self) -> bool:
        """Whether CNN and head learn. Six thousand photos teach them all they can in a few epochs,
        and the decoder does better on features that hold still.
        """
        return self.epoch < min(self.settings.seeing_epochs, self.settings.likelihood_epochs)

    @property
    def _group_size(self) -> int:
        return min(self.settings.group_size, len(self.train_set))

    def _batches(self, generator: np.random.Generator) -> Iterator[np.ndarray]:
        """Rows of photos [G*n]: shuffled, or groups of look-alikes when ranking is trained."""
        size = min(self.settings.photos_per_step, len(self.train_set))
        if self._ranks:
            groups = look_alikes(self.seen, self._group_size, generator)
            rows = generator.permutation(groups).reshape(-1)[: self.train_set.drawn]
            size = max(1, size // self._group_size) * self._group_size
        else:
            rows = self.train_set.epoch(generator)
        yield from in_steps(rows, size)

    def _step(self, photos: np.ndarray, generator: np.random.Generator, step: int) -> Tensor:
        self._set_learning_rates(step)
        device = self.captioner.device
        shares = Shares(self.settings.phrase_share, self.settings.short_share)
        batch = self.train_set.draw(photos, generator, shares, self.settings.short_queries)
        batch = batch.to(device)
        with torch.set_grad_enabled(self._sees):
            with fast(device):
                grid = self._grid(batch.stem)
            visual = self.captioner.head(grid, batch.whole)
            head = self._head_loss(visual, batch, generator)
        features = self.captioner.decoder.perceive(grid, visual)
        if self._ranks:
            contrastive, likelihood = self._pair_losses(features, batch.tokens)
        else:
            likelihood = self._likelihood_loss(features, batch.tokens)
            contrastive = likelihood.new_zeros(())
        loss = (
            likelihood
            + self.settings.head_weight * head
            + self.settings.contrastive_weight * contrastive
        )
        self._descend(loss)
        self.seen[photos] = visual.detach().cpu()
        return torch.stack([loss, likelihood, head, contrastive]).detach().cpu()

    def _grid(self, stem: Tensor) -> Tensor:
        """The trunk's output -> grid [B,P,C], which nothing is learned from where the CNN stays."""
        learns = torch.is_grad_enabled() and self.settings.train_cnn
        with torch.set_grad_enabled(learns):
            return self.captioner.encoder.grid(stem).float()

    def _head_loss(self, visual: Tensor, batch: Batch, generator: np.random.Generator) -> Tensor:
        """How badly the head's vectors [B,E] and captions and short queries find each other.

        And, where there are teachers, how far their similarities are from these.
        """
        read = self.captioner.head.read
        sentences = read(batch.sentences, batch.words)
        loss = multi_caption_infonce(visual, sentences, self.head_temperature.exp())
        texts = sentences.flatten(0, 1)
        if batch.short is not None:
            queries = read(batch.short.sentences, batch.short.words)
            temperature = self.short_temperature.exp()
            short = short_query_infonce(visual, queries, batch.short.fits, temperature)
            loss = loss + self.settings.short_weight * short
            texts = torch.cat([texts, queries])
        if self.lessons is None or batch.drawn is None or not self._sees:
            return loss
        taught = self._taught_loss(self.lessons, visual, texts, batch.drawn, generator)
        return self.settings.own_weight * loss + self.settings.taught_weight * taught

    def _taught_loss(
        self,
        lessons: Lessons,
        visual: Tensor,
        texts: Tensor,
        drawn: Drawn,
        generator: np.random.Generator,
    ) -> Tensor:
        """The teachers' loss over a step's photos and some without captions."""
        more = lessons.draw(self.settings.unlabelled_per_step, generator, visual.device)
        if more is not None:
            rows, stem, whole = more
            with fast(visual.device):
                grid = self._grid(stem)
            visual = torch.cat([visual, self.captioner.head(grid, whole)])
            photos = np.concatenate([drawn.photos, lessons.captioned + rows])
            drawn = replace(drawn, photos=photos)
        return lessons.teachers.loss(visual, texts, drawn)

    def _likelihood_loss(self, features: PhotoFeatures, tokens: Tensor) -> Tensor:
        """Maximum likelihood of some captions [B,K,T+1] of each photo."""
        tokens = tokens[:, : self.settings.captions_per_photo]
        rows = torch.arange(len(tokens)).repeat_interleave(tokens.shape[1])
        return self._captions_loss(features[rows], tokens.flatten(0, 1))

    def _captions_loss(self, features: PhotoFeatures, tokens: Tensor) -> Tensor:
        """Maximum likelihood of captions [N,T+1], those of like length together to pad less."""
        keep = torch.rand(len(tokens), device=tokens.device) >= self.settings.photo_dropout
        features = features.where(keep, self.captioner.decoder.absent())
        lengths = (tokens != PAD).sum(dim=1)
        parts = []
        with fast(tokens.device):
            for rows in lengths.argsort().chunk(_LENGTHS):
                part = tokens[rows, : int(lengths[rows].max())]
                logits = self.captioner.decoder(features[rows], self._drop_words(part[:, :-1]))
                parts.append(word_log_likelihood(logits, part[:, 1:]).flatten())
        return -torch.cat(parts).sum() / (lengths - 1).sum()

    def _pair_losses(self, features: PhotoFeatures, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Contrastive loss of the first caption drawn, maximum likelihood of the second too."""
        groups = torch.arange(len(features)).view(-1, self._group_size)
        with fast(tokens.device):
            contrastive, likelihood = contrastive_likelihood(
                self.captioner.decoder, features, self._drop_words(tokens[:, 0]), tokens[:, 0],
                groups, self.pair_temperature.exp(),
            )  # fmt: skip
        second = self._captions_loss(features, tokens[:, 1 % tokens.shape[1]])
        return contrastive, (likelihood + second) / 2

    def _drop_words(self, tokens: Tensor) -> Tensor:
        """Hide some input words, so that the photo must supply them (Bowman et al. 2016)."""
        drop = torch.rand(tokens.shape, device=tokens.device) < self.settings.word_dropout
        return torch.where(drop & (tokens > UNKNOWN), UNKNOWN, tokens)

    def _descend(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.captioner.parameters(), self.settings.clip)
        self.optimizer.step()
        self.average.update_parameters(self.captioner)

    @property
    def _temperatures(self) -> list[torch.nn.Parameter]:
        return [self.head_temperature, self.short_temperature, self.pair_temperature]

    # -- learning rates -------------------------------------------------------------

    def _parameter_groups(self) -> list[dict[str, object]]:
        rates, decay = self.settings, self.settings.weight_decay
        head, decoder = self.captioner.head.parameters(), self.captioner.decoder.parameters()
        temperatures = self._temperatures
        seeing = {"weight_decay": decay, "seeing": True}
        groups: list[dict[str, object]] = [
            {"params": [*decoder], "peak": rates.learning_rate, "weight_decay": decay},
            {"params": [*head], "peak": rates.head_learning_rate, **seeing},
            {"params": temperatures, "peak": rates.learning_rate, "weight_decay": 0.0},
        ]
        # Folded batch norms leave tensors of very different sizes; steps follow each one's
        # root mean square (Shazeer and Stern 2018, section 8).
        for tensor in self.captioner.encoder.tail.parameters():
            size = tensor.detach().square().mean().sqrt().item()
            peak = rates.tail_learning_rate * max(size, 1e-3)
            groups.append({"params": [tensor], "peak": peak, **seeing})
        return groups

    def _set_learning_rates(self, step: int) -> None:
        """Linear warm-up, then half a cosine over each stage, or over the epochs of seeing."""
        steps = max(1, self.train_set.drawn // self.settings.photos_per_step)
        first, epochs, share = 0, self.settings.likelihood_epochs, 1.0
        if self._ranks:
            first, epochs = epochs, self.settings.contrastive_epochs
            share = self.settings.contrastive_rate_share
        done = (self.epoch - first) * steps + step
        warm = warm_up(done, self.settings.warmup_steps)
        for group in self.optimizer.param_groups:
            last = min(epochs, self.settings.seeing_epochs) if group.get("seeing") else epochs
            cosine = max(half_cosine(done, last * steps), 0.02)
            group["lr"] = group["peak"] * share * warm * cosine

    # -- validation and state ---------------------------------------------------------

    @torch.inference_mode()
    def _validate(self) -> tuple[float, Recall]:
        captioner = self.averaged()
        likelihood, words, visual, read = 0.0, 0, [], []
        for batch in self.dev_set.in_order(self.settings.photos_per_step):
            batch = batch.to(captioner.device)
            with fast(captioner.device):
                grid = captioner.encoder.grid(batch.stem)
            features = captioner.perceive(grid.float(), batch.whole)
            visual.append(features.visual)
            read.append(captioner.head.read(batch.sentences, batch.words).flatten(0, 1))
            rows = torch.arange(len(features)).repeat_interleave(batch.tokens.shape[1])
            tokens = batch.tokens.flatten(0, 1)
            logits = captioner.decoder(features[rows], tokens[:, :-1])
            scores = word_log_likelihood(logits, tokens[:, 1:])
            likelihood -= scores.sum().item()
            words += int((tokens[:, 1:] != 0).sum())
        similarities = torch.cat(read) @ torch.cat(visual).T  # [Q,N]
        return likelihood / words, recall_at_k(similarities.cpu().numpy(), self.dev_set.owners())

    def _save(self, report: EpochReport) -> None:
        state = {
            "epoch": self.epoch,
            "settings": asdict(self.settings),
            "captioner": self.captioner.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "temperatures": [each.detach() for each in self._temperatures],
            "seen": self.seen,
            "described": self.described,
            "waiting": asdict(self.waiting),
        }
        partial = self.folder / "run.tmp"
        torch.save(state, partial)
        partial.replace(self.folder / "run.pt")
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(asdict(report)) + "\n")

    def _resume(self) -> None:
        file = self.folder / "run.pt"
        if not file.is_file():
            return
        state = torch.load(file, weights_only=True, map_location=self.captioner.device)
        self.epoch = state["epoch"]
        self.captioner.load_state_dict(state["captioner"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        for own, saved in zip(self._temperatures, state["temperatures"], strict=True):
            own.data.copy_(saved)
        self.seen = state["seen"].cpu()
        self.described = state["described"]
        self.waiting = EarlyStopping(**state["waiting"])


def _copy(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in weights.items()}


def look_alikes(vectors: Tensor, size: int, generator: np.random.Generator) -> np.ndarray:
    """Partition photos into groups of near neighbours: rows [N//size, size].

    Greedy: a random photo takes its nearest free ones among a random half of the rest, so
    that groups differ from epoch to epoch.
    """
    similarity = (vectors @ vectors.T).numpy()
    free = np.ones(len(vectors), bool)
    groups = []
    for anchor in generator.permutation(len(vectors)):
        if not free[anchor]:
            continue
        if free.sum() < size:
            break
        free[anchor] = False
        candidates = np.flatnonzero(free)
        half = max(size - 1, len(candidates) // 2)
        candidates = generator.choice(candidates, half, replace=False)
        nearest = candidates[np.argsort(-similarity[anchor, candidates])[: size - 1]]
        free[nearest] = False
        groups.append([anchor, *nearest])
    return np.array(groups)
