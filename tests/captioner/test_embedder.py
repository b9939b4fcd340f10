"""The default embedder by sentence-transformers and by ONNX Runtime: the same vectors."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from captioner import embedder as module
from captioner.captioner import Captioner
from captioner.embedder import (
    DEFAULT_EMBEDDER,
    EmbedderUnavailable,
    OnnxEmbedder,
    SentenceEmbedder,
    choose_embedder,
)

pytestmark = pytest.mark.slow

ODD = [
    "", " ", "\t\n", "A", "!?", "...", "don't, can't", "two  spaces", "x" * 300, "word " * 500,
    "Ünïcödé ÀÉÎ Straße", "a\N{COMBINING ACUTE ACCENT}b", "\N{LATIN SMALL LIGATURE FI}ne",
    "🐕 runs 🏃‍♀️ fast", "🇫🇷 and 👨‍👩‍👧", "一只狗在草地上奔跑",
    "犬が走る", "개가 달린다", "كلب يجري", "สุนัขวิ่ง", "собака бежит",
    "zero\N{ZERO WIDTH SPACE}width", "\N{REPLACEMENT CHARACTER}", "[MASK] [SEP] [CLS] [PAD]",
    "it's 3.50 €, 1,000 times", "https://example.org/a?b=c", "\N{RIGHT SINGLE QUOTATION MARK}s",
    "\x00\x07 control", "MiXeD CaSe DOG", "e=mc² ½ ①",
]  # fmt: skip


@pytest.fixture(scope="module")
def sentences(captioner: Captioner) -> list[str]:
    """Odd ones, and dozens of the captioner's words, also longer than is read."""
    draw, words = random.Random(0), captioner.vocabulary.words[4:]
    lengths = [*range(1, 21)] * 3 + [*range(30, 300, 60)]
    return ODD + [" ".join(draw.choices(words, k=k)) for k in lengths]


def test_onnx_runtime_gives_the_vectors_of_sentence_transformers(sentences: list[str]) -> None:
    embedder = SentenceEmbedder(device="cpu")
    onnx = OnnxEmbedder()
    vectors = onnx.encode(sentences)
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(sentences), onnx.dimension))
    assert np.abs(vectors - embedder.encode(sentences)).max() < 1e-5
    assert onnx.dimension == embedder.dimension
    assert onnx.sha256 == embedder.sha256


def test_a_sentence_reads_the_same_alone_and_among_longer_ones() -> None:
    onnx, texts = OnnxEmbedder(), ["a dog", "a dog runs through the grass " * 9]
    alone = np.concatenate([onnx.encode([text]) for text in texts])
    assert np.abs(onnx.encode(texts) - alone).max() < 1e-5
    assert onnx.encode([]).shape == (0, onnx.dimension)


def test_only_the_default_model_on_a_cpu_is_read_without_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TELLSHOW_PRECISION", raising=False)
    monkeypatch.delenv("TELLSHOW_RUNTIME", raising=False)
    folder = shutil.copytree(SentenceEmbedder().folder, tmp_path / "model", symlinks=True)
    assert type(choose_embedder(DEFAULT_EMBEDDER, "cpu")) is OnnxEmbedder
    assert type(choose_embedder(DEFAULT_EMBEDDER, "cuda")) is SentenceEmbedder
    assert type(choose_embedder(str(folder), "cpu")) is SentenceEmbedder
    with pytest.raises(EmbedderUnavailable, match="no folder"):
        choose_embedder(str(tmp_path / "absent"), "cpu")


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_weights_that_are_not_the_official_ones_are_refused(
    runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(SentenceEmbedder().folder, tmp_path / "model")
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b" ")
    monkeypatch.setattr(module, "_default_folder", lambda: folder)
    monkeypatch.setenv("TELLSHOW_RUNTIME", runtime)
    monkeypatch.delenv("TELLSHOW_PRECISION", raising=False)
    with pytest.raises(EmbedderUnavailable, match="pip install --force-reinstall"):
        choose_embedder(device="cpu").encode(["a dog"])
