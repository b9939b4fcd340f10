"""The whole network (encoder, head, decoder, detector) in torch, which is trained.

captioner/captioner.py says what the letters of shapes stand for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from captioner.captioner import ClassEvidence, Floats, PhotoState, Provenance, padded_ids
from captioner.checkpoint import CheckpointError, read_checkpoint
from captioner.classifier import class_evidence, mean_and_max
from captioner.config import CaptionerConfig
from captioner.decoder import Decoder, PhotoFeatures
from captioner.device import choose_device, fast, send, without_weights
from captioner.encoder import Encoder
from captioner.head import Head
from captioner.vocabulary import Vocabulary
from captioner.word_detector import WordDetector


class Network(nn.Module):
    """Encoder, head, decoder and detector as one module, with vocabulary and provenance."""

    word_vectors: Tensor
    class_vectors: Tensor
    reference_visual: Tensor
    reference_classes: Tensor

    def __init__(
        self,
        config: CaptionerConfig,
        vocabulary: Vocabulary,
        provenance: Provenance | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = vocabulary
        self.provenance = provenance or Provenance()
        self.encoder = Encoder(config.encoder)
        channels, positions = self.encoder.channels, self.encoder.positions
        self.head = Head(config.head, channels, len(vocabulary))
        self.decoder = Decoder(config.decoder, len(vocabulary), channels, positions)
        # What the sentence embedder makes of each word alone; finds the nearest known word.
        self.register_buffer("word_vectors", torch.zeros(len(vocabulary), config.head.dimension))
        self.detector = None
        if config.detector.words:
            self.detector = WordDetector(config.detector, 2 * channels)
        if config.encoder.classes:  # what the sentence side makes of each class's name
            vectors = torch.zeros(config.encoder.classes, config.head.dimension)
            self.register_buffer("class_vectors", vectors)
        if config.reference_photos:  # both vectors of photos that were trained with
            for name in ("reference_visual", "reference_classes"):
                vectors = torch.zeros(config.reference_photos, config.head.dimension)
                self.register_buffer(name, vectors)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.decoder.word_bias.device

    def perceive(self, grid: Tensor, whole: Tensor | None = None) -> PhotoFeatures:
        """Grid [B,P,C], and the classifier's features [B,C] -> what the decoder sees."""
        return self.decoder.perceive(grid, self.head(grid, whole))

    @torch.inference_mode()
    def see(self, pixels: Tensor) -> PhotoFeatures:
        """Pixels, uint8 [B,3,S,S] -> the decoder's features of the photos. Call in eval mode.

        Head and decoder take the same, enlarged photo; the decoder at a coarser grid of it.
        """
        return self._see(pixels)[0]

    @torch.inference_mode()
    def look(self, pixels: Tensor) -> PhotoState:
        """uint8 [B,3,S,S] -> quantised states. Call in eval mode."""
        features, grid, whole = self._see(pixels)
        classes = words = None
        if self.encoder.classifier is not None and whole is not None:
            classes = class_evidence(*self.encoder.classifier.classify(whole))
        if self.detector is not None:
            words = self.detector.reduce(mean_and_max(grid)).cpu().numpy()
        return state_of(features, self.config, classes, words)

    def _see(self, pixels: Tensor) -> tuple[PhotoFeatures, Tensor, Tensor | None]:
        """What the decoder sees, the grid [B,Q,C], and what classes are read off [B,F], if any."""
        pixels = self.encoder.enlarge(send(pixels, self.device))
        with fast(self.device):
            stem = self.encoder.stem(pixels)
            grid = self.encoder.grid(stem).float()  # [B,Q,C]
            whole = self.encoder.whole(stem, grid)
        seen = self.decoder.perceive(self.encoder.shrink(grid), self.head(grid, whole))
        return seen, grid, whole

    @torch.inference_mode()
    def read(self, sentences: Sequence[str], embeddings: Floats) -> Floats:
        """N sentences and their embeddings [N,E] -> unit vectors [N,E] in the photos' space."""
        words = torch.from_numpy(padded_ids(self.vocabulary, sentences)).to(self.device)  # [N,T]
        vectors = torch.from_numpy(embeddings).to(self.device).float()
        read: Floats = self.head.read(vectors, words).cpu().numpy()
        return read


def state_of(
    features: PhotoFeatures,
    config: CaptionerConfig,
    classes: ClassEvidence | None = None,
    words: Floats | None = None,
) -> PhotoState:
    """The decoder's inputs of photos, their classes and what tells words -> quantised states."""
    memory, seed, visual = (
        part.cpu().numpy() for part in (features.memory, features.seed, features.visual)
    )
    return PhotoState.quantised(memory, seed, visual, classes, words, bits=config.state_bits)


def features_of(state: PhotoState, device: torch.device | None = None) -> PhotoFeatures:
    """States dequantised to float32, on a device."""
    memory = torch.from_numpy(state.memory).to(device).float() / 127
    seed, visual = (
        torch.from_numpy(np.ascontiguousarray(part)).to(device).float()
        for part in (state.seed, state.visual)
    )
    return PhotoFeatures(memory, seed, visual)


def load_network(path: Path | None = None, device: str | None = None) -> Network:
    """The network in a file (None: the shipped one), in eval mode, float32, on a device.

    Raises CheckpointError as read_checkpoint, DeviceUnavailable and UnknownPrecision as
    choose_device.
    """
    target = choose_device(device)
    found = read_checkpoint(path)
    with without_weights():
        network = Network(found.config, found.vocabulary, found.provenance)
    weights = {name: torch.from_numpy(array) for name, array in found.arrays.items()}
    try:
        network.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights in {found.path} do not fit its configuration"
        ) from error
    network.encoder.to(memory_format=torch.channels_last)
    return network.float().eval().requires_grad_(False).to(target)
