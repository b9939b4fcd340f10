"""Image embedders are loaded from folders of sentence-transformers, and from nothing else."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner.embedder import SentenceEmbedder
from captioner.image_embedder import ImageEmbedder, ImageEmbedderUnavailable, fetch
from tests.tiny_clip import WIDTH, make_tiny_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny CLIP. Shared by the module: copy it before changing it."""
    return make_tiny_clip(tmp_path_factory.mktemp("models") / "clip")


@pytest.fixture
def own_clip(clip: Path, tmp_path: Path) -> Path:
    """The same in a folder that a test may change."""
    return Path(shutil.copytree(clip, tmp_path / "own"))


def noise(seed: int, width: int = 90, height: int = 60) -> Image.Image:
    """A picture of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_pictures_and_sentences_become_unit_vectors_of_one_width(clip: Path) -> None:
    embedder = ImageEmbedder(clip, "cpu")
    pictures = embedder.encode_images([noise(1), noise(2, 30, 200)])
    sentences = embedder.encode_texts(["a dog", "eine Straße, 猫", "a cat on a sofa " * 40])
    assert (pictures.shape, sentences.shape) == ((2, WIDTH), (3, WIDTH))
    assert embedder.dimension == WIDTH
    for vectors in (pictures, sentences):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(pictures[0], pictures[1], atol=1e-3)


def test_same_weights_are_one_model_wherever_they_lie(clip: Path, own_clip: Path) -> None:
    other = make_tiny_clip(own_clip.with_name("other"), seed=1)
    first, copy = ImageEmbedder(clip), ImageEmbedder(own_clip)
    assert first.sha256 == copy.sha256 != ImageEmbedder(other).sha256
    assert copy.name == "own"


def test_fetched_model_is_called_as_it_was_published(own_clip: Path) -> None:
    snapshot = own_clip.parent / "models--openai--clip-vit-base-patch32" / "snapshots" / "3d74acf9"
    shutil.copytree(own_clip, snapshot)
    assert ImageEmbedder(snapshot).name == "openai/clip-vit-base-patch32"


def test_folder_without_a_model_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(ImageEmbedderUnavailable, match=r"no folder with a model.*--download"):
        ImageEmbedder(tmp_path / "clip-ViT-B-32")


def test_model_of_text_alone_is_refused(embedder: SentenceEmbedder) -> None:
    with pytest.raises(ImageEmbedderUnavailable, match="does not embed pictures"):
        _ = ImageEmbedder(embedder.folder).dimension


def test_weights_that_could_run_code_are_not_loaded(own_clip: Path) -> None:
    (own_clip / "model.safetensors").rename(own_clip / "pytorch_model.bin")
    with pytest.raises(ImageEmbedderUnavailable, match="no weights as safetensors"):
        ImageEmbedder(own_clip)


@pytest.mark.parametrize("damaged", ["model.safetensors", "config.json"])
def test_damaged_model_is_told_in_a_sentence(own_clip: Path, damaged: str) -> None:
    (own_clip / damaged).write_bytes(b"{")
    with pytest.raises(ImageEmbedderUnavailable, match="cannot be loaded"):
        _ = ImageEmbedder(own_clip).dimension


@pytest.mark.parametrize("side", ["tokenizer.json", "processor_config.json"])
def test_model_that_cannot_read_one_side_is_refused(own_clip: Path, side: str) -> None:
    (own_clip / side).unlink()
    with pytest.raises(ImageEmbedderUnavailable):
        _ = ImageEmbedder(own_clip).dimension


def test_fetching_without_the_network_is_told_in_a_sentence() -> None:
    with pytest.raises(ImageEmbedderUnavailable, match="'clip-ViT-B-32' cannot be fetched"):
        fetch("clip-ViT-B-32")
