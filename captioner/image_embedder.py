"""Image embedders: pictures and sentences to unit vectors of one space, as CLIP makes them.

Radford et al. 2021, arXiv 2103.00020. Any model of images and text that sentence-transformers loads
from a folder, its weights in safetensors. Only `fetch` touches the network.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from captioner.filehash import sha256_of

if TYPE_CHECKING:
    from PIL import Image
    from sentence_transformers import SentenceTransformer

_BATCH = 32
# Of what sentence-transformers itself publishes the name alone will do, as it does there.
_PUBLISHER = "sentence-transformers"
# Weights in other forms, which would be fetched in vain.
_OTHER_WEIGHTS = ("*.bin", "*.h5", "*.msgpack", "*.onnx", "*.ot", "*.pt", "*.pth", "*.xml")
# Of as many letters each: without its vocabulary no model can tell them apart.
_SENTENCES = ("a red car", "a wet dog")
_COLOURS = ((160, 32, 32), (32, 32, 160))


class ImageEmbedderUnavailable(RuntimeError):
    """There is no such model, it cannot be loaded, or it does not embed both pictures and text."""


class ImageEmbedder:
    """A model in a folder; its weights are loaded at the first use.

    Raises ImageEmbedderUnavailable where the folder holds no model; so does whatever loads it.
    """

    def __init__(self, folder: Path, device: str | None = None, name: str | None = None) -> None:
        self.folder = folder.absolute()
        self.name = name or _name_of(self.folder)
        self.device = device
        if not any((folder / file).is_file() for file in ("modules.json", "config.json")):
            raise ImageEmbedderUnavailable(
                f"{str(folder)!r} is no folder with a model of sentence-transformers; name such a "
                "folder, or have a published model fetched by its name with --download"
            )
        if not self._weights:
            raise ImageEmbedderUnavailable(f"{folder} holds no weights as safetensors")

    @property
    def _weights(self) -> list[Path]:
        return sorted(self.folder.rglob("*.safetensors"))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the weights: of the file's bytes, of several files that of their digests."""
        digests = [sha256_of(path) for path in self._weights]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    @cached_property
    def dimension(self) -> int:
        """D, the width of the vectors; found by embedding two pictures and two sentences.

        Raises ImageEmbedderUnavailable where that fails. A model whose files are not all there may
        load, and make the same of all sentences.
        """
        from PIL import Image

        pictures = self._probe([Image.new("RGB", (64, 48), each) for each in _COLOURS], "pictures")
        sentences = self._probe(list(_SENTENCES), "text")
        if pictures.shape != sentences.shape or pictures.ndim != 2:
            raise ImageEmbedderUnavailable(
                f"{self.name} does not embed pictures and text in one space, as CLIP does"
            )
        for vectors, what in ((pictures, "pictures"), (sentences, "sentences")):
            if not np.isfinite(vectors).all() or np.allclose(vectors[0], vectors[1], atol=1e-6):
                raise ImageEmbedderUnavailable(
                    f"{self.name} makes the same of different {what}: is a file of it missing?"
                )
        return int(pictures.shape[-1])

    def encode_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """RGB pictures -> unit rows [N,D]."""
        return self._encode(list(images))

    def encode_texts(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Sentences -> unit rows [N,D]; the model cuts those that are too long for it."""
        return self._encode(list(sentences))

    @cached_property
    def _model(self) -> SentenceTransformer:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            model = SentenceTransformer(
                str(self.folder),
                device=self.device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:  # whatever the libraries raise about a folder
            raise ImageEmbedderUnavailable(
                f"the model in {self.folder} cannot be loaded: {_first_line(error)}"
            ) from error
        for modality in ("image", "text"):
            if modality not in model.modalities:
                raise ImageEmbedderUnavailable(
                    f"{self.name} does not embed {'pictures' if modality == 'image' else 'text'}: "
                    "an image embedder is a model of images and text, as CLIP is"
                )
        return model

    def _encode(self, inputs: list[Any]) -> NDArray[np.float32]:
        vectors = self._model.encode(
            inputs, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, np.float32).reshape(len(inputs), -1)

    def _probe(self, inputs: list[Any], what: str) -> NDArray[np.float32]:
        model = self._model
        try:
            return np.asarray(
                model.encode(inputs, normalize_embeddings=True, show_progress_bar=False)
            )
        except Exception as error:  # a processor may lack what one side needs
            raise ImageEmbedderUnavailable(
                f"{self.name} cannot embed {what}: {_first_line(error)}"
            ) from error


def fetch(name: str) -> Path:
    """The folder of a published model, fetched from the Hugging Face Hub where it is not here yet.

    Raises ImageEmbedderUnavailable where that fails.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ImageEmbedderUnavailable(
            f"fetching {name!r} needs huggingface-hub; install tellshow[train]"
        ) from error

    full = name if "/" in name else f"{_PUBLISHER}/{name}"
    try:
        return Path(snapshot_download(full, ignore_patterns=list(_OTHER_WEIGHTS)))
    except Exception as error:  # of the network, the Hub, the disk, or the name
        raise ImageEmbedderUnavailable(
            f"{name!r} cannot be fetched: {_first_line(error)}"
        ) from error


def _name_of(folder: Path) -> str:
    """The folder's name; of one where `fetch` puts models, the name that it was published under."""
    if folder.parent.name != "snapshots":
        return folder.name
    return folder.parents[1].name.removeprefix("models--").replace("--", "/")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
