"""The whole model (encoder, head, decoder), its configuration, and the photo states it makes.

Shapes in this package: B photos, P grid positions, C encoder channels, M memory width, H hidden
width, E width of sentence vectors, T words, V words of the vocabulary, K captions of a photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from captioner.classifier import KEPT, ClassEvidence
from captioner.decoder import Decoder, DecoderConfig, PhotoFeatures
from captioner.device import fast, send
from captioner.encoder import Encoder, EncoderConfig
from captioner.head import Head, HeadConfig
from captioner.vocabulary import PAD, Vocabulary, tokenise


@dataclass(frozen=True)
class CaptionerConfig:
    """Sizes and options of the whole network, without its vocabulary and weights."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    reference_photos: int = 0  # whose vectors are kept, to tell how like photos are by chance

    def to_dict(self) -> dict[str, object]:
        """Nested dicts, ready for JSON; the reverse of `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, dict[str, object]]) -> CaptionerConfig:
        """The configuration in nested dicts; raises TypeError or KeyError for unknown fields."""
        return cls(
            EncoderConfig(**values["encoder"]),  # type: ignore[arg-type]
            DecoderConfig(**values["decoder"]),  # type: ignore[arg-type]
            HeadConfig(**values["head"]),  # type: ignore[arg-type]
            int(str(values.get("reference_photos", 0))),
        )


@dataclass
class PhotoState:
    """B encoded photos, quantised: what indexing stores so that searching opens no photo."""

    memory: Tensor  # int8 [B,P,M], 127 stands for 1
    seed: Tensor  # float16 [B,H]
    visual: Tensor  # float16 [B,E], unit vectors in sentence space
    classes: ClassEvidence | None = None  # None: the captioner has no classifier

    def __len__(self) -> int:
        return self.seed.shape[0]

    def __getitem__(self, rows: slice) -> PhotoState:
        classes = self.classes[rows] if self.classes else None
        return PhotoState(self.memory[rows], self.seed[rows], self.visual[rows], classes)

    @classmethod
    def from_features(
        cls, features: PhotoFeatures, classes: ClassEvidence | None = None
    ) -> PhotoState:
        """Quantise: the memory is a tanh, so one scale fits every photo."""
        memory = (features.memory * 127).round().to(torch.int8)
        kept = classes.cpu() if classes else None
        return cls(memory.cpu(), features.seed.half().cpu(), features.visual.half().cpu(), kept)

    def features(self, device: torch.device | None = None) -> PhotoFeatures:
        """Dequantised to float32, on a device."""
        memory = self.memory.to(device).float() / 127
        return PhotoFeatures(memory, self.seed.to(device).float(), self.visual.to(device).float())

    def pack(self) -> list[bytes]:
        """One blob a photo: memory, seed, visual, classes, without padding."""
        parts = [self.memory.numpy(), self.seed.numpy(), self.visual.numpy()]
        if self.classes:
            parts += [self.classes.ids.numpy(), self.classes.probability.numpy()]
        return [b"".join(part[row].tobytes() for part in parts) for row in range(len(self))]

    @classmethod
    def unpack(cls, blobs: Sequence[bytes], config: CaptionerConfig) -> PhotoState:
        """Deserialised; raises ValueError where a blob is not of this configuration's size."""
        width, hidden, visual = config.decoder.memory, config.decoder.hidden, config.head.dimension
        classes = min(KEPT, config.encoder.classes)
        tail = 2 * (hidden + visual + 2 * classes)
        sizes = {len(blob) for blob in blobs}
        if len(sizes) > 1 or any(size <= tail or (size - tail) % width for size in sizes):
            raise ValueError("a photo state was made by another captioner; index the folder again")
        raw = np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), -1).copy()
        memory = raw[:, :-tail].view(np.int8).reshape(len(blobs), -1, width)
        halves = raw[:, -tail:].copy().view(np.float16)
        return cls(
            torch.from_numpy(memory),
            torch.from_numpy(halves[:, :hidden]),
            torch.from_numpy(halves[:, hidden : hidden + visual]),
            _unpack_classes(halves[:, hidden + visual :]) if classes else None,
        )


def _unpack_classes(halves: np.ndarray) -> ClassEvidence:
    """Ids and probabilities as they were packed: float16 [B,2K]."""
    ids, probability = np.split(halves, 2, axis=1)
    ids = np.ascontiguousarray(ids).view(np.int16)
    return ClassEvidence(torch.from_numpy(ids), torch.from_numpy(probability.copy()))


@dataclass(frozen=True)
class FitWeights:
    """Weights of the logistic regression for p(photo fits sentence); see search/calibration.py.

    `evidence`, in nats, is divided by the square root of the sentence's number of words; results
    less probable than `weak_below` are marked weak. The lifts are of similarities over those of
    photos by chance; `rarity` and `unknown` weigh what the sentence's words are, `image` the
    standardised similarity by an image embedder, where the home has one.
    """

    evidence: float = 0.0
    visual: float = 0.0
    caption: float = 0.0
    offset: float = 0.0
    weak_below: float = 0.0
    visual_lift: float = 0.0
    caption_lift: float = 0.0
    rarity: float = 0.0
    unknown: float = 0.0
    image: float = 0.0


# The weight of an image embedder's standardised similarity in the combined score, and in the first
# stage's. Chosen, and not measured: a deviation counts as much as one of our own similarity there.
IMAGE_WEIGHT = 1.0
IMAGE_WEIGHT_IN_RETRIEVAL = 0.05

# Known words of a query that is ranked by the weights for short ones.
SHORT_WORDS = 3


@dataclass(frozen=True)
class CaptionFit:
    """Weights of the logistic regression for p(a caption is right); see search/calibration.py.

    Of the caption's log-likelihood for each of its words and END, and of their number: who says
    more errs more. The defaults are those of captioners that were trained before it was fitted.
    """

    log_likelihood: float = 2.9
    words: float = -0.25
    offset: float = 4.8


@dataclass(frozen=True)
class SumWeights:
    """Weights of the combined score, and of the probability that goes with it."""

    log_likelihood: float
    bias: float
    visual: float
    caption: float
    fit: FitWeights = field(default_factory=FitWeights)
    image: float = IMAGE_WEIGHT


@dataclass(frozen=True)
class Ranking:
    """Weights of the ranking's scores, fitted on dev photos that nothing was trained on.

    The combined score is the sum of log-likelihood, hub bias, visual and caption similarity,
    each times its weight; `bias_in_likelihood` is the hub bias' weight beside likelihood alone,
    `bias_in_retrieval` that beside the first stage's similarity. `short`: the combined score of
    queries of up to three words, None: no other than the rest's. `caption_fit`: how probable it is
    that a generated caption is right. `image` and `image_in_retrieval` weigh the standardised
    similarity by an image embedder, in homes that have one.
    """

    log_likelihood: float = 1.0
    bias: float = 0.0
    visual: float = 0.0
    caption: float = 0.0
    bias_in_likelihood: float = 0.0
    visual_in_retrieval: float = 0.5
    caption_in_retrieval: float = 0.5
    bias_in_retrieval: float = 0.0
    nearest_word: float = 0.6
    fit: FitWeights = field(default_factory=FitWeights)
    short: SumWeights | None = None
    caption_fit: CaptionFit = field(default_factory=CaptionFit)
    image: float = IMAGE_WEIGHT
    image_in_retrieval: float = IMAGE_WEIGHT_IN_RETRIEVAL

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Ranking:
        """The weights in nested dicts, as `asdict` makes them; what is not there has its default.

        Raises TypeError or KeyError for unknown fields and missing ones.
        """
        fit, short = FitWeights(**values["fit"]), values.get("short")
        if short is not None:
            short = SumWeights(**short | {"fit": FitWeights(**short["fit"])})
        caption_fit = CaptionFit(**values.get("caption_fit", {}))
        return cls(**values | {"fit": fit, "short": short, "caption_fit": caption_fit})

    def for_words(self, count: int) -> Ranking:
        """These weights as they are for a query of so many known words."""
        if self.short is None or count > SHORT_WORDS:
            return self
        return replace(
            self,
            log_likelihood=self.short.log_likelihood,
            bias=self.short.bias,
            visual=self.short.visual,
            caption=self.short.caption,
            fit=self.short.fit,
            image=self.short.image,
            short=None,
        )


@dataclass
class Provenance:
    """A checkpoint's name, hash, sentence embedder, metrics and ranking weights."""

    name: str = "untrained"
    sha256: str = ""
    embedder_name: str = "all-MiniLM-L6-v2"
    metrics: dict[str, object] = field(default_factory=dict)
    ranking: Ranking = field(default_factory=Ranking)
    class_names: tuple[str, ...] = ()  # of the backbone's classifier


class Captioner(nn.Module):
    """Encoder, head and decoder as one module, with its vocabulary and provenance."""

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
        if config.encoder.classes:  # what the sentence side makes of each class's name
            vectors = torch.zeros(config.encoder.classes, config.head.dimension)
            self.register_buffer("class_vectors", vectors)
        if config.reference_photos:  # both vectors of photos that were trained with
            for name in ("reference_visual", "reference_classes"):
                vectors = torch.zeros(config.reference_photos, config.head.dimension)
                self.register_buffer(name, vectors)

    @property
    def name(self) -> str:
        """What the checkpoint is called."""
        return self.provenance.name

    @property
    def sha256(self) -> str:
        """SHA-256 of the checkpoint file; empty where it came from none."""
        return self.provenance.sha256

    @property
    def metrics(self) -> dict[str, object]:
        """What `tellshow train` measured on the dev photos."""
        return self.provenance.metrics

    @property
    def embedder_name(self) -> str:
        """The sentence embedder it was trained with."""
        return self.provenance.embedder_name

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
        """uint8 [B,3,S,S] -> quantised states on the CPU. Call in eval mode."""
        features, whole = self._see(pixels)
        if self.encoder.classifier is None or whole is None:
            return PhotoState.from_features(features)
        return PhotoState.from_features(features, self.encoder.classifier.classify(whole))

    def _see(self, pixels: Tensor) -> tuple[PhotoFeatures, Tensor | None]:
        """What the decoder sees, and the classifier's pooled features [B,C], if there is one."""
        pixels = self.encoder.enlarge(send(pixels, self.device))
        classifier = self.encoder.classifier
        with fast(self.device):
            stem = self.encoder.stem(pixels)
            grid = self.encoder.grid(stem).float()  # [B,Q,C]
            whole = None if classifier is None else classifier.pool(stem)
        seen = self.decoder.perceive(self.encoder.shrink(grid), self.head(grid, whole))
        return seen, whole

    @torch.inference_mode()
    def class_vectors_of(self, classes: ClassEvidence) -> np.ndarray:
        """Photos' classes as one unit vector each where sentences are [B,E] (ConSE, eq. 3)."""
        named = self.class_vectors.cpu().float()[classes.ids.long()]  # [B,K,E]
        mean = (named * classes.probability.float()[..., None]).sum(dim=1)
        return F.normalize(mean, dim=-1).numpy()

    @torch.inference_mode()
    def by_chance(self, vectors: np.ndarray) -> np.ndarray:
        """How like queries [Q,E] the reference photos are: float32 [Q,4].

        Mean and standard deviation of the visual similarity, then of the classes'; 0 and 1
        where the captioner keeps no reference photos.
        """
        if not self.config.reference_photos:
            return np.tile(np.array([0, 1, 0, 1], np.float32), (len(vectors), 1))
        queries = torch.from_numpy(vectors).to(self.device).float()
        columns = []
        for photos in (self.reference_visual, self.reference_classes):
            similarity = queries @ photos.T.float()
            columns += [similarity.mean(dim=1), similarity.std(dim=1).clamp(min=1e-3)]
        stacked: np.ndarray = torch.stack(columns, dim=1).cpu().numpy()
        return stacked

    @torch.inference_mode()
    def hub_bias(self, state: PhotoState) -> Tensor:
        """Each photo's hubness [B], to be taken off its scores; see Head.hub_bias."""
        return self.head.hub_bias(state.visual.to(self.device).float()).cpu()

    @torch.inference_mode()
    def read(self, sentences: Sequence[str], embeddings: np.ndarray) -> np.ndarray:
        """N sentences and their embeddings [N,E] -> unit vectors [N,E] in the photos' space."""
        rows = [torch.tensor(self.vocabulary.encode(tokenise(text))) for text in sentences]
        words = pad_sequence(rows, batch_first=True, padding_value=PAD).long()  # [N,T]
        vectors = torch.from_numpy(embeddings).to(self.device).float()
        return self.head.read(vectors, words.to(self.device)).cpu().numpy()
