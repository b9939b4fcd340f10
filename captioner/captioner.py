"""The captioner as indexing and searching use it: photo states, weights, and what it is asked.

Arrays are NumPy's; captioner/torch_captioner.py and captioner/onnx_captioner.py compute them.
Shapes in this package: B photos, P grid positions, C encoder channels, M memory width, H hidden
width, E width of sentence vectors, T words, V words of the vocabulary, K captions of a photo.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.config import KEPT_CLASSES, STATE_LEVELS, CaptionerConfig
from captioner.scores import Caption, Occlusion, SentenceScore
from captioner.vocabulary import PAD, Vocabulary, tokenise
from captioner.word_forms import singular

Floats = NDArray[np.float32]

# Four bits' code of level 0; those below are of negative levels.
_ZERO = 8

# Of a hub's similarities to reference sentences the higher ones count: by e for each 0.1.
_HUB_TEMPERATURE = 0.1


@dataclass(frozen=True)
class ClassEvidence:
    """The likeliest classes of B photos, best first."""

    ids: NDArray[np.int16]  # [B,K]
    probability: NDArray[np.float16]  # [B,K], of all classes together 1

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> ClassEvidence:
        return ClassEvidence(self.ids[rows], self.probability[rows])


@dataclass(frozen=True)
class PhotoState:
    """B encoded photos, quantised: what indexing stores so that searching opens no photo."""

    memory: NDArray[np.int8]  # [B,P,M], 127 stands for 1
    seed: NDArray[np.float16]  # [B,H]
    visual: NDArray[np.float16]  # [B,E], unit vectors in sentence space
    classes: ClassEvidence | None = None  # None: the captioner has no classifier
    words: NDArray[np.float16] | None = None  # [B,R], what the word detector keeps, if there is one

    def __len__(self) -> int:
        return len(self.seed)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> PhotoState:
        classes = self.classes[rows] if self.classes else None
        words = None if self.words is None else self.words[rows]
        return PhotoState(self.memory[rows], self.seed[rows], self.visual[rows], classes, words)

    @classmethod
    def quantised(
        cls,
        memory: Floats,
        seed: Floats,
        visual: Floats,
        classes: ClassEvidence | None = None,
        words: Floats | None = None,
        *,
        bits: int,
    ) -> PhotoState:
        """Of the decoder's inputs; the memory is a tanh, so one scale fits every photo.

        The memory is rounded to what `bits` of each number tell (CaptionerConfig.state_bits), so
        that nothing changes when it is packed.
        """
        rounded = _levels(memory * 127, bits) * np.int8(STATE_LEVELS[bits])
        halves = seed.astype(np.float16), visual.astype(np.float16)
        return cls(rounded, *halves, classes, None if words is None else words.astype(np.float16))

    @property
    def features(self) -> tuple[Floats, Floats, Floats]:
        """Memory, seed and visual dequantised to float32."""
        memory = self.memory.astype(np.float32)
        memory /= 127
        return memory, self.seed.astype(np.float32), self.visual.astype(np.float32)

    def pack(self, config: CaptionerConfig) -> list[bytes]:
        """One blob a photo: memory, seed, visual, classes, words, without padding.

        In four bits the first half of a photo's numbers are the bytes' lower halves.
        """
        memory = _pack_memory(self.memory, config.state_bits)
        parts: list[NDArray[Any]] = [memory, self.seed, self.visual]
        if self.classes:
            parts += [self.classes.ids, self.classes.probability]
        if self.words is not None:
            parts.append(self.words)
        return [b"".join(part[row].tobytes() for part in parts) for row in range(len(self))]

    @classmethod
    def unpack(cls, blobs: Sequence[bytes], config: CaptionerConfig) -> PhotoState:
        """Deserialised; raises ValueError where a blob is not of this configuration's size."""
        width, hidden, visual = config.decoder.memory, config.decoder.hidden, config.head.dimension
        classes, words = min(KEPT_CLASSES, config.encoder.classes), config.detector.width
        tail = 2 * (hidden + visual + 2 * classes + words)
        place = width * config.state_bits / 8  # bytes
        sizes = {len(blob) for blob in blobs}
        if len(sizes) > 1 or not all(_is_square((size - tail) / place) for size in sizes):
            raise ValueError("a photo state was made by another captioner; index the folder again")
        raw = np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), -1)
        memory = _unpack_memory(raw[:, :-tail], config.state_bits).reshape(len(blobs), -1, width)
        halves = raw[:, -tail:].copy().view(np.float16)
        ends = np.cumsum([hidden, visual, 2 * classes])
        seed, own, of_classes, of_words = np.split(halves, ends.tolist(), axis=1)
        return cls(
            memory,
            seed,
            own,
            _unpack_classes(of_classes) if classes else None,
            of_words if words else None,
        )


def _is_square(places: float) -> bool:
    """Whether there are as many places as in a square grid."""
    return places >= 1 and math.sqrt(places).is_integer()


def _levels(numbers: NDArray[Any], bits: int) -> NDArray[np.int8]:
    """Numbers, of which 127 stands for 1, as the nearest levels that so many bits tell apart."""
    return np.rint(numbers / np.float32(STATE_LEVELS[bits])).astype(np.int8)


def _pack_memory(memory: NDArray[np.int8], bits: int) -> NDArray[Any]:
    """Memories [B,P,M] as they are stored: [B,P*M*bits/8]."""
    if bits == 8:
        return memory
    codes = (_levels(memory, bits) + _ZERO).reshape(len(memory), 2, -1).view(np.uint8)
    packed: NDArray[np.uint8] = codes[:, 0] | (codes[:, 1] << np.uint8(4))
    return packed


def _unpack_memory(stored: NDArray[np.uint8], bits: int) -> NDArray[np.int8]:
    """The reverse of `_pack_memory`: [B,P*M]."""
    if bits == 8:
        return stored.copy().view(np.int8)
    memory = np.empty((len(stored), 2, stored.shape[1]), np.uint8)
    np.bitwise_and(stored, 15, out=memory[:, 0])
    np.right_shift(stored, 4, out=memory[:, 1])
    # (code - zero) * level, modulo 256: NumPy takes three times as long with signed bytes, and
    # five times with a table.
    memory *= np.uint8(STATE_LEVELS[bits])
    memory -= np.uint8(_ZERO * STATE_LEVELS[bits])
    return memory.reshape(len(stored), -1).view(np.int8)


def _unpack_classes(halves: NDArray[np.float16]) -> ClassEvidence:
    """Ids and probabilities as they were packed: float16 [B,2K]."""
    ids, probability = np.split(halves, 2, axis=1)
    return ClassEvidence(np.ascontiguousarray(ids).view(np.int16), probability)


@dataclass(frozen=True)
class FitWeights:
    """Weights of the logistic regression for p(photo fits sentence); see search/calibration.py.

    `evidence`, in nats, is divided by the square root of the sentence's number of words; results
    less probable than `weak_below` are marked weak. The lifts are of similarities over those of
    photos by chance; `rarity` and `unknown` weigh what the sentence's words are, `image` the
    standardised similarity by an image embedder, where the home has one, and `detected`, in nats
    and divided as `evidence` is, what the word detector says.
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
    detected: float = 0.0


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
    detected: float = 0.0

    @classmethod
    def of(cls, ranking: Ranking) -> SumWeights:
        """Those of a ranking, for long queries."""
        return cls(**{each.name: getattr(ranking, each.name) for each in fields(cls)})


@dataclass(frozen=True)
class Ranking:
    """Weights of the ranking's scores, fitted on dev photos that nothing was trained on.

    The combined score is the sum of log-likelihood, hub bias, visual and caption similarity, and
    what the word detector says (`detected`), each times its weight; `bias_in_likelihood` is the hub
    bias' weight beside likelihood alone, `bias_in_retrieval` that beside the first stage's
    similarity. `short`: the combined score of queries of up to three words, None: no other than the
    rest's. `caption_fit`: how probable it is that a generated caption is right. `image` and
    `image_in_retrieval` weigh the standardised similarity by an image embedder, in homes that have
    one.
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
    detected: float = 0.0

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
        return replace(self.with_sum(self.short), short=None)

    def with_sum(self, weights: SumWeights) -> Ranking:
        """The same with another combined score and probability for long queries."""
        return replace(self, **{each.name: getattr(weights, each.name) for each in fields(weights)})


@dataclass
class Provenance:
    """A checkpoint's name, hash, sentence embedder, metrics and ranking weights."""

    name: str = "untrained"
    sha256: str = ""
    embedder_name: str = "all-MiniLM-L6-v2"
    metrics: dict[str, object] = field(default_factory=dict)
    ranking: Ranking = field(default_factory=Ranking)
    class_names: tuple[str, ...] = ()  # of the backbone's classifier
    detected_words: tuple[str, ...] = ()  # those that the word detector tells, in the singular


@dataclass(frozen=True)
class DetectorTables:
    """The word detector's output layer for W words, which is asked about stored photos."""

    weight: Floats  # [W,R]
    bias: Floats  # [W]
    rates: Floats  # [W], in which share of the captions that were trained with each word stands

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> DetectorTables:
        """Those among a checkpoint's arrays; raises KeyError where one is missing."""
        names = ("detector.output.weight", "detector.output.bias", "detector.rates")
        return cls(*(arrays[name].astype(np.float32) for name in names))

    def gains(self, kept: NDArray[np.float16], words: Sequence[int]) -> Floats:
        """How much likelier B photos [B,R] make some of the words than captions are [B,K], nats."""
        logits = kept.astype(np.float32) @ self.weight[words].T + self.bias[words]
        gains: Floats = -np.logaddexp(0, -logits) - np.log(self.rates[words])
        return gains


@dataclass(frozen=True)
class Tables:
    """Arrays of a checkpoint that need no network, float32; None where it has none."""

    word_vectors: Floats  # [V,E], what the sentence embedder makes of each word alone
    references: Floats  # [R,E], sentences that were trained with, to tell hubs by
    class_vectors: Floats | None = None  # what the sentence side makes of each class's name
    reference_visual: Floats | None = None  # vectors of photos that were trained with
    reference_classes: Floats | None = None
    detector: DetectorTables | None = None

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Tables:
        """Those among a checkpoint's arrays; raises KeyError where one is missing."""

        def single(name: str) -> Floats | None:
            return arrays[name].astype(np.float32) if name in arrays else None

        return cls(
            arrays["word_vectors"].astype(np.float32),
            arrays["head.references"].astype(np.float32),
            single("class_vectors"),
            single("reference_visual"),
            single("reference_classes"),
            DetectorTables.of(arrays) if "detector.rates" in arrays else None,
        )


class Captioner(ABC):
    """A trained captioner that describes photos, and tells how likely sentences are on them.

    Words that it is asked about must be in its vocabulary (others count as <unk>: map or drop
    them first). Safe to use from several threads.
    """

    device = "cpu"  # "cuda"...: where its weights are
    can_estimate = False  # whether `estimate` is there; else scoring is as fast

    def __init__(
        self,
        config: CaptionerConfig,
        vocabulary: Vocabulary,
        provenance: Provenance,
        tables: Tables,
    ) -> None:
        self.config, self.vocabulary, self.provenance = config, vocabulary, provenance
        self._tables = tables
        detected = enumerate(provenance.detected_words)
        self._detected = {word: number for number, word in detected}

    @property
    def describing_threads(self) -> int:
        """How many threads should describe photos at once; one where a call takes all there is."""
        return 1

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
    def word_vectors(self) -> Floats:
        """What the sentence embedder makes of each word alone [V,E]."""
        return self._tables.word_vectors

    @property
    @abstractmethod
    def runtime(self) -> str:
        """What computes, and in which precision: "onnx float32", "torch bfloat16"..."""

    def limit_threads(self, count: int) -> None:  # noqa: B027
        """Compute with at most so many threads in the calling one, where the runtime can."""

    def load(self) -> None:  # noqa: B027
        """Load what a search computes with, where the runtime would at its first use."""

    @abstractmethod
    def look(self, pixels: NDArray[np.uint8]) -> PhotoState:
        """Pixels [B,3,S,S] -> quantised states."""

    @abstractmethod
    def score_words(self, words: Sequence[str], state: PhotoState) -> SentenceScore:
        """One tokenised sentence on every photo: its words' log-likelihoods [B,T+1], END last."""

    @abstractmethod
    def score_without_photo(self, words: Sequence[str]) -> SentenceScore:
        """The same on the learned "no photo", a batch of one: the language model alone."""

    def score_both(
        self, words: Sequence[str], state: PhotoState
    ) -> tuple[SentenceScore, SentenceScore]:
        """The same on every photo, and without a photo."""
        return self.score_words(words, state), self.score_without_photo(words)

    def estimate(self, words: Sequence[str], state: PhotoState) -> Floats:
        """About log p(sentence | photo) of B photos [B], END included, in nats.

        Good to tell which photos are worth scoring. Raises NotImplementedError; see `can_estimate`.
        """
        raise NotImplementedError

    def detect(self, words: Sequence[str], state: PhotoState) -> Floats | None:
        """What the word detector says of words on B photos [B], in nats; None without one.

        The sum, over those of the words that it tells, of log p(a caption has the word | photo)
        less the log of the share of captions that have it. Others of the words say nothing.
        """
        if state.words is None or self._tables.detector is None:
            return None
        forms = {singular(word, self._detected) for word in words}
        wanted = [self._detected[word] for word in sorted(forms) if word in self._detected]
        gains: Floats = self._tables.detector.gains(state.words, wanted).sum(axis=1)
        return gains

    @abstractmethod
    def score_sentences(
        self, sentences: Sequence[Sequence[str]], state: PhotoState | None
    ) -> Floats:
        """S tokenised sentences on one photo (None: on no photo): log-likelihoods [S,T+1], nats.

        Each row has its sentence's words, then END, then zeros.
        """

    @abstractmethod
    def read_prefix(self, words: Sequence[str], state: PhotoState) -> tuple[Floats, Floats]:
        """What may follow T words on B photos.

        Returns log p(word | those before it, photo) [B,T] and log p(next word) [B,V] after all
        of them; nats.
        """

    @abstractmethod
    def generate_captions(
        self, state: PhotoState, beam_size: int = 3, length_penalty: float = 0.7
    ) -> list[list[Caption]]:
        """Up to `beam_size` captions of each of B photos, best first; B lists.

        The order is by log-likelihood / length ** length_penalty. Raises ValueError for a
        `beam_size` below 1.
        """

    @abstractmethod
    def occlude(self, words: Sequence[str], state: PhotoState) -> Occlusion:
        """Hide every place of B photos in turn, for T known words; see captioner/occlusion.py."""

    @abstractmethod
    def _read(self, embeddings: Floats, words: NDArray[np.int64]) -> Floats:
        """The sentences' side of the head: vectors [N,E], padded ids [N,T] -> unit vectors."""

    def read(self, sentences: Sequence[str], embeddings: Floats) -> Floats:
        """N sentences and their embeddings [N,E] -> unit vectors [N,E] in the photos' space."""
        return self._read(embeddings, padded_ids(self.vocabulary, sentences))

    def class_vectors_of(self, classes: ClassEvidence) -> Floats:
        """Photos' classes as one unit vector each where sentences are [B,E].

        Raises ValueError where the captioner has no classifier.
        """
        if self._tables.class_vectors is None:
            raise ValueError(f"{self.name} has no classifier")
        return mean_class_vectors(self._tables.class_vectors, classes)

    def by_chance(self, vectors: Floats) -> Floats:
        """How like queries [Q,E] the reference photos are: float32 [Q,4].

        Mean and standard deviation of the visual similarity, then of the classes'; 0 and 1
        where the captioner keeps no reference photos.
        """
        tables = self._tables
        if tables.reference_visual is None or tables.reference_classes is None:
            return np.tile(np.array([0, 1, 0, 1], np.float32), (len(vectors), 1))
        columns = []
        for photos in (tables.reference_visual, tables.reference_classes):
            similarity = vectors.astype(np.float32) @ photos.T
            deviation = similarity.std(axis=1, ddof=1)
            columns += [similarity.mean(axis=1), np.maximum(deviation, np.float32(1e-3))]
        return np.stack(columns, axis=1)

    def hub_bias(self, state: PhotoState) -> Floats:
        """Each photo's hubness [B], how near it is to sentences of all kinds, a cosine.

        A photo that is near every sentence (a hub, Radovanovic et al. 2010) comes up for all;
        the ranking takes that off. The log-mean-exp of similarities to a bank of sentences is what
        softmax over them divides by (Smith et al. 2017, eq. 5; Bogolin et al. 2022, QB-Norm).
        """
        references = self._tables.references
        similar = state.visual.astype(np.float32) @ references.T / np.float32(_HUB_TEMPERATURE)
        highest = similar.max(axis=1, keepdims=True)
        mean = np.log(np.exp(similar - highest).sum(axis=1)) - math.log(len(references))
        bias: Floats = (_HUB_TEMPERATURE * (highest[:, 0] + mean)).astype(np.float32)
        return bias


def padded_ids(vocabulary: Vocabulary, sentences: Sequence[str]) -> NDArray[np.int64]:
    """Word ids of N sentences [N,T], PAD behind those that are shorter."""
    rows = [vocabulary.encode(tokenise(text)) for text in sentences]
    return pad_rows(rows)


def pad_rows(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """N rows of ids -> [N,T], PAD behind those that are shorter."""
    padded = np.full((len(rows), max(map(len, rows), default=0)), PAD, np.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    return padded


def mean_class_vectors(class_vectors: Floats, classes: ClassEvidence) -> Floats:
    """Vectors of classes' names [N,E], weighted by a photo's evidence: unit [B,E] (ConSE, eq. 3)"""
    named = class_vectors[classes.ids.astype(np.int64)]  # [B,K,E]
    mean = np.einsum("bke,bk->be", named, classes.probability.astype(np.float32))
    length = np.linalg.norm(mean, axis=-1, keepdims=True)
    unit: Floats = mean / np.maximum(length, 1e-12)
    return unit
