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
    MEAN_MAX,
    CaptionerConfig,
    DecoderConfig,
    EncoderConfig,
    HeadConfig,
    UnknownBackbone,
)
from captioner.dataset import CaptionedPhoto
from captioner.embedder import SentenceEmbedder
from captioner.encoder import Encoder
from captioner.image_file import decode_photo, to_tensor
from captioner.metrics import Recall
from captioner.network import Network
from captioner.torch_captioner import TorchCaptioner
from captioner.training.batches import Texts, TrainingSet
from captioner.training.head_retraining import HeadSettings, retrain_head
from captioner.training.recipe import PhotoSet, Recipe, baseline_config, train_captioner
from captioner.training.short_queries import ShortQueries
from captioner.training.trainer import EarlyStopping, EpochReport, TrainSettings, look_alikes
from captioner.training.view_cache import Views, cache_views, training_views

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
        self.photos = self.looked = 0
        self._stop_after = stop_after

    def phase(self, name: str, total: int) -> None:
        self.name = name

    def advance(self, count: int) -> None:
        self.photos += count if self.name == "training" else 0
        self.looked += count if self.name == "photos for a new head" else 0

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


def test_a_run_ends_with_a_new_head(
    recipe: Recipe, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    head = HeadConfig(hidden=32, word=16, references=8)
    former = replace(recipe, config=replace(recipe.config, head=head), folder=tmp_path, head=None)
    assert _train(former, embedder, _Watch()).config.head == head
    watch = _Watch()
    again = replace(former, head=HeadSettings(epochs=2, hidden=16))
    made = _train(again, embedder, watch)
    assert watch.reports == []  # nothing but the head is trained again
    assert (made.config.head.pooling, made.config.head.hidden) == (MEAN_MAX, 16)
    before = made.state_dict()
    assert (tmp_path / "head-looks.pt").is_file()
    resuming = _Watch()
    resumed = _train(again, embedder, resuming).state_dict()
    assert (watch.looked, resuming.looked) == (4, 0)
    assert all(torch.equal(resumed[name], each) for name, each in before.items())


def test_a_new_head_finds_its_photos_and_the_decoder_says_what_it_said(
    network: Network, embedder: SentenceEmbedder, sample_photos: Path, tmp_path: Path
) -> None:
    paths = [sample_photos / name for name in _CAPTIONS]
    stems = cache_views(
        network.encoder, paths, training_views(2), tmp_path / "views.npy", 0, lambda done: None
    )
    captions = list(_CAPTIONS.values())
    short = ShortQueries(captions, 1, 0)
    vectors = embedder.encode([text for own in captions for text in own])
    texts = Texts(captions, vectors, short, embedder.encode(short.texts))
    train = TrainingSet(Views([stems]), texts, network.vocabulary)
    settings = HeadSettings(
        epochs=60, hidden=32, warmup_steps=1, dropout=0.0, sentence_dropout=0.0,
        average_decay=0.9, ridge=0.01,
    )  # fmt: skip
    made = retrain_head(
        network, train, paths, settings, 0, tmp_path / "looks.pt", lambda done: None
    )
    assert network.config.head.hidden != 32  # and is as it was
    pixels = torch.stack([to_tensor(decode_photo(path.read_bytes())) for path in paths])
    asked = [own[0] for own in captions]
    found = made.read(asked, embedder.encode(asked)) @ made.see(pixels).visual.numpy().T
    assert found.argmax(axis=1).tolist() == [0, 1, 2, 3]
    before, after = (TorchCaptioner(each) for each in (network, made))
    said = before.score_words(["a", "cat"], before.look(pixels.numpy())).log_likelihood
    # The vectors of four photos are led back almost exactly, and states round them.
    now = after.score_words(["a", "cat"], after.look(pixels.numpy())).log_likelihood
    assert now == pytest.approx(said, abs=0.5)
    alone = (each.score_without_photo(["a", "cat"]).log_likelihood for each in (before, after))
    assert next(alone) == pytest.approx(next(alone), abs=0.02)


def test_a_run_learns_from_teachers_and_goes_on_after_a_kill(
    recipe: Recipe, embedder: SentenceEmbedder, sample_photos: Path, tmp_path: Path
) -> None:
    settings = replace(_SETTINGS, seeing_epochs=2, unlabelled_per_step=2)
    head = HeadSettings(epochs=2, hidden=16, unlabelled_per_step=2)
    first = replace(recipe, settings=settings, folder=tmp_path / "first", head=None)
    save_checkpoint(_train(first, embedder, _Watch()), tmp_path / "teacher.safetensors")
    taught = replace(
        first,
        folder=tmp_path / "taught",
        teachers=(tmp_path / "teacher.safetensors",) * 2,
        unlabelled=tuple(sorted(sample_photos.iterdir())[:3]),
        head=head,
    )
    whole = _train(replace(taught, folder=tmp_path / "whole"), embedder, _Watch())
    with pytest.raises(KeyboardInterrupt):
        _train(taught, embedder, _Watch(stop_after=1))
    assert (tmp_path / "taught" / "teachers.pt").is_file()
    resumed = _train(taught, embedder, _Watch()).state_dict()
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor, resumed[name], atol=1e-5), name
    untaught = _train(replace(first, folder=tmp_path / "alone"), embedder, _Watch())
    tails = zip(whole.encoder.tail.parameters(), untaught.encoder.tail.parameters(), strict=True)
    assert not all(torch.equal(*pair) for pair in tails)


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
        head=None,
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
    again = replace(second, head=HeadSettings(epochs=1, hidden=16, least_photos=1))
    made = _train(again, embedder, _Watch())
    assert (made.config.encoder.class_tail, made.config.head.whole) == (False, False)
    assert went_on.detector is None
    assert made.detector is not None
    assert len(made.provenance.detected_words) == made.config.detector.words > 0
    for each in (went_on, made):
        for vectors in (each.reference_visual, each.reference_classes, each.class_vectors):
            assert vectors.norm(dim=1) == pytest.approx(1, abs=1e-3)
