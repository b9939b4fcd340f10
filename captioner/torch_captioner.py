"""The captioner in torch: on a GPU, in bfloat16, and as what the other runtime is measured by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from captioner.beam_search import generate_captions
from captioner.captioner import Captioner, Floats, PhotoState, Tables
from captioner.device import is_fast, use_threads
from captioner.likelihood import read_prefix, score_sentences, score_without_photo, score_words
from captioner.network import Network, features_of, load_network
from captioner.occlusion import occlude
from captioner.scores import Caption, Occlusion, SentenceScore


class TorchCaptioner(Captioner):
    """A network in eval mode, asked with NumPy arrays."""

    def __init__(self, network: Network) -> None:
        self.network = network.eval()
        self.device = str(network.device)
        kept = dict(network.named_buffers())
        if network.detector is not None:
            kept |= {f"detector.{name}": each for name, each in network.detector.named_parameters()}
        tables = Tables.of({name: each.detach().cpu().numpy() for name, each in kept.items()})
        # Asked once: while a thread is given its share, it is another.
        self._usual_threads = torch.get_num_threads()
        super().__init__(network.config, network.vocabulary, network.provenance, tables)

    @property
    def runtime(self) -> str:
        """What computes, and in which precision."""
        return f"torch {'bfloat16' if is_fast(self.network.device) else 'float32'}"

    def limit_threads(self, count: int) -> None:
        """Compute with at most so many threads in the calling one."""
        use_threads(min(count, self._usual_threads))

    def look(self, pixels: NDArray[np.uint8]) -> PhotoState:
        """Pixels [B,3,S,S] -> quantised states."""
        return self.network.look(torch.from_numpy(pixels))

    def score_words(self, words: Sequence[str], state: PhotoState) -> SentenceScore:
        """See Captioner; bfloat16 moves a sentence's score by less than 0.1 nats."""
        return score_words(self.network, words, features_of(state, self.network.device))

    def score_without_photo(self, words: Sequence[str]) -> SentenceScore:
        """See Captioner."""
        return score_without_photo(self.network, words)

    def score_sentences(
        self, sentences: Sequence[Sequence[str]], state: PhotoState | None
    ) -> Floats:
        """See Captioner."""
        decoder, device = self.network.decoder, self.network.device
        features = decoder.absent() if state is None else features_of(state, device)
        return score_sentences(self.network, sentences, features)

    def read_prefix(self, words: Sequence[str], state: PhotoState) -> tuple[Floats, Floats]:
        """See Captioner."""
        features = features_of(state, self.network.device)
        said, following = read_prefix(self.network, words, features)
        return said, following[:, -1]

    def generate_captions(
        self, state: PhotoState, beam_size: int = 3, length_penalty: float = 0.7
    ) -> list[list[Caption]]:
        """See Captioner."""
        features = features_of(state, self.network.device)
        return generate_captions(self.network, features, beam_size, length_penalty)

    def occlude(self, words: Sequence[str], state: PhotoState) -> Occlusion:
        """See Captioner."""
        return occlude(self.network, words, features_of(state, self.network.device))

    @torch.inference_mode()
    def _read(self, embeddings: Floats, words: NDArray[np.int64]) -> Floats:
        device = self.network.device
        vectors = torch.from_numpy(embeddings).to(device).float()
        read = self.network.head.read(vectors, torch.from_numpy(words).to(device))
        unit: Floats = read.cpu().numpy()
        return unit


def load_torch_captioner(path: Path | None = None, device: str | None = None) -> TorchCaptioner:
    """The captioner in a file, on a device; raises as load_network."""
    return TorchCaptioner(load_network(path, device))
