"""Training works on a few photos, goes on after a kill, and learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision  # type: ignore[import-untyped]
from safetensors.torch import save_file

from captioner.checkpoint import save_checkpoint
from captioner.config import (
    CaptionerConfig,
    DecoderConfig,
    EncoderConfig,
    HeadConfig,
    UnknownBackbone,
)
from captioner.dataset import CaptionedPhoto
from captioner.embedder import SentenceEmbedder
from captioner.encoder import Encoder
from captioner.metrics import Recall
from captioner.network import Network
from captioner.training.recipe import PhotoSet, Recipe, baseline_config, train_captioner
from captioner.training.trainer import EarlyStopping, EpochReport, TrainSettings, look_alikes

pytestmark = pytest.mark.slow

_CAPTIONS = {
    "cat.png": ("a cat looks at the camera", "a brown cat with green eyes"),
    "coffee.png": ("a cup of coffee on a table", "a spoon beside a cup"),
    "rocket.jpg": ("a rocket stands on its pad", "a white rocket at night"),
    "astronaut.png": ("a woman in an orange suit", "a smiling woman and a flag"),
}
_SETTINGS = TrainSettings(
    likelihood_epochs=2, contrastive_epochs=1, photos_per_step=4, group_size=2, views=2,
    warmup_steps=1,
)  # fmt: skip


class _Watch:
    """Keeps what a run reports; interrupts it after some epochs."""

    def __init__(self, stop_after: int = 99) -> None:
        self.reports: list[EpochReport] = []
        self.photos = 0
        self._stop_after = stop_after

    def phase(self, name: str, total: int) -> None:
        self.name = name

    def advance(self, count: int) -> None:
        self.photos += count if self.name == "training" else 0

    def epoch(self, report: EpochReport) -> None:
        self.reports.append(report)
        if len(self.reports) == self._stop_after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def recipe(sample_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Four captioned photos and a small CNN of random weights."""
    folder = tmp_path_factory.mktemp("train")
    torch.manual_seed(0)
    weights = torchvision.models.get_model("mobilenet_v3_small").state_dict()
    save_file(weights, folder / "backbone.safetensors")
    photos = tuple(CaptionedPhoto(sample_photos / name, texts) for name, texts in _CAPTIONS.items())
    config = CaptionerConfig(
        EncoderConfig("mobilenet_v3_small"), DecoderConfig(hidden=32, embedding=16, memory=16)
    )
    return Recipe(
        "tiny",
        (PhotoSet(photos),),
        (PhotoSet(photos),),
        folder / "run",
        folder / "backbone.safetensors",
        min_word_count=1,
        config=config,
        settings=_SETTINGS,
    )


def _train(recipe: Recipe, embedder: SentenceEmbedder, watch: _Watch) -> Network:
    return train_captioner(recipe, embedder, torch.device("cpu"), watch)


def test_a_killed_run_goes_on_and_ends_where_an_unbroken_one_ends(
    recipe: Recipe, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    unbroken = _train(replace(recipe, folder=tmp_path / "whole"), embedder, _Watch())
    killed = replace(recipe, folder=tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        _train(killed, embedder, _Watch(stop_after=1))
    watch = _Watch()
    resumed = _train(killed, embedder, watch)
    assert [report.stage for report in watch.reports] == ["likelihood", "contrastive"]
    for name, tensor in unbroken.state_dict().items():
        assert torch.allclose(tensor, resumed.state_dict()[name], atol=1e-5), name


def test_a_trained_captioner_carries_sentences_to_tell_hubs_by(
    recipe: Recipe, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    trained = _train(replace(recipe, folder=tmp_path), embedder, _Watch())
    lengths = trained.head.references.norm(dim=1)
    assert torch.allclose(lengths, torch.ones(len(lengths)), atol=1e-4)


def test_a_few_photos_are_learned(
    recipe: Recipe, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    settings = replace(
        _SETTINGS,
        likelihood_epochs=18,
        contrastive_epochs=0,
        learning_rate=1e-2,
        phrase_share=0,
        short_share=0,
    )
    config = replace(recipe.config, decoder=replace(recipe.config.decoder, dropout=0.1))
    watch = _Watch()
    _train(replace(recipe, folder=tmp_path, settings=settings, config=config), embedder, watch)
    assert watch.photos == 4 * 18
    assert watch.reports[-1].likelihood < watch.reports[0].likelihood - 0.5
    # The dev photos are the same here, and are seen by the average of the weights.
    assert watch.reports[-1].dev_likelihood < watch.reports[0].dev_likelihood - 0.2


def test_the_baseline_config_sees_the_photo_by_the_initial_state_alone(
    recipe: Recipe, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    config = baseline_config(recipe.config)
    settings = replace(_SETTINGS, likelihood_epochs=1, contrastive_epochs=0)
    trained = _train(
        replace(recipe, folder=tmp_path, config=config, settings=settings), embedder, _Watch()
    )
    grid = torch.randn(1, 49, trained.encoder.channels)
    features = trained.perceive(grid)
    tokens = torch.ones(1, 3, dtype=torch.long)
    told = trained.decoder(features, tokens)
    features.memory, features.visual = features.memory * 0, features.visual * 0
    assert torch.equal(told, trained.decoder(features, tokens))
    features.seed = features.seed + 1
    assert not torch.equal(told, trained.decoder(features, tokens))


def test_look_alikes_are_grouped_and_no_photo_twice() -> None:
    centres = torch.eye(4).repeat_interleave(5, dim=0)  # 4 kinds of 5 photos
    groups = look_alikes(centres, 2, np.random.default_rng(0))
    assert sorted(groups.flatten().tolist()) == list(range(20))
    kinds = groups // 5
    assert (kinds[:, 0] == kinds[:, 1]).mean() > 0.5


def test_a_run_leaves_a_picture_of_its_losses(
    recipe: Recipe, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    _train(replace(recipe, folder=tmp_path), embedder, _Watch())
    assert "contrastive likelihood, training" in (tmp_path / "curves.svg").read_text()


def test_a_stage_ends_when_the_dev_photos_gain_nothing_any_more() -> None:
    def report(likelihood: float, r10: float) -> EpochReport:
        return EpochReport(1, "likelihood", 0, 0, 0, 0, likelihood, Recall(0, 0, r10, 1), 0)

    waiting = EarlyStopping().after(report(3.0, 50)).after(report(3.1, 49))
    assert waiting.epochs == 1
    assert waiting.after(report(3.1, 49)).epochs == 2
    assert waiting.after(report(2.9, 49)).epochs == 0
    assert waiting.after(report(3.1, 51)).epochs == 0


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_a_backbone_works_by_name_or_is_refused(backbone: str) -> None:
    if backbone.startswith("shuffle"):
        with pytest.raises(UnknownBackbone, match="use a MobileNet"):
            Encoder(EncoderConfig(backbone, frozen_stages=2))
    else:
        assert Encoder(EncoderConfig(backbone, frozen_stages=2)).positions == 49


def test_a_backbone_that_torchvision_lacks_is_refused() -> None:
    with pytest.raises(UnknownBackbone, match="no model named 'abacus'"):
        Encoder(EncoderConfig("abacus"))


def test_training_goes_on_from_a_checkpoint_with_two_sets_and_a_classifier(
    recipe: Recipe, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    weights = torchvision.models.get_model("mobilenet_v2").state_dict()
    save_file(weights, tmp_path / "backbone.safetensors")
    config = replace(
        recipe.config,
        encoder=EncoderConfig("mobilenet_v2", classes=1000),
        head=HeadConfig(hidden=32, word=16, references=8, whole=True),
        reference_photos=3,
    )
    first = replace(
        recipe,
        config=config,
        folder=tmp_path / "first",
        backbone_weights=tmp_path / "backbone.safetensors",
        settings=replace(_SETTINGS, likelihood_epochs=1, contrastive_epochs=0, train_cnn=False),
    )
    learned = _train(first, embedder, _Watch())
    save_checkpoint(learned, tmp_path / "first.safetensors")
    photos = recipe.train[0].photos
    both = (PhotoSet(photos[:1], 5.0), PhotoSet(photos[1:], 1.0))
    second = replace(
        first, train=both, folder=tmp_path / "second", start=tmp_path / "first.safetensors"
    )
    watch = _Watch()
    went_on = _train(second, embedder, watch)
    assert watch.photos == len(photos) + 4  # one of them five times
    tails = zip(went_on.encoder.tail.parameters(), learned.encoder.tail.parameters(), strict=True)
    assert all(torch.allclose(*pair, atol=1e-2) for pair in tails)  # left as they were
    for vectors in (went_on.reference_visual, went_on.reference_classes, went_on.class_vectors):
        assert vectors.norm(dim=1) == pytest.approx(1, abs=1e-3)
