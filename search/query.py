"""What is asked and what is answered.

Knows nothing of how photos are found: requests are checked here, answers take shape here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from captioner.vocabulary import SPECIAL_WORDS, tokenise
from catalog.filters import PhotoFilter

MAX_QUERY_LENGTH = 300
MAX_RESULTS = 200
MAX_CANDIDATES = 5000
STAGES = ("combined", "likelihood", "retrieve")


class InvalidQuery(ValueError):
    """A request that cannot be answered; `field` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_count(k: int) -> None:
    """Raise InvalidQuery where nobody may ask for `k` results at once."""
    if not 1 <= k <= MAX_RESULTS:
        raise InvalidQuery("k", f"k must be from 1 to {MAX_RESULTS}")


@dataclass(frozen=True)
class SearchRequest:
    """A sentence and how it shall be answered; raises InvalidQuery where it cannot be.

    `candidates`: photos that the first stage proposes to the re-ranker. `stage`: "combined"
    (both stages), "retrieve" (the first alone), "likelihood" (the captioner alone, on every
    photo). `filters`: which photos may be found at all.
    """

    query: str
    k: int = 20
    offset: int = 0
    candidates: int = 200
    stage: str = "combined"
    filters: PhotoFilter = field(default_factory=PhotoFilter)

    def __post_init__(self) -> None:
        self._check("q", bool(tokenise(self.query)), "type a sentence: the query has no words")
        self._check(
            "q",
            len(self.query) <= MAX_QUERY_LENGTH,
            f"the query has {len(self.query)} characters, at most {MAX_QUERY_LENGTH} are read",
        )
        check_count(self.k)
        self._check(
            "offset",
            0 <= self.offset <= MAX_CANDIDATES,
            f"offset must be from 0 to {MAX_CANDIDATES}",
        )
        self._check(
            "candidates",
            1 <= self.candidates <= MAX_CANDIDATES,
            f"candidates must be from 1 to {MAX_CANDIDATES}",
        )
        self._check("stage", self.stage in STAGES, f"stage must be one of {', '.join(STAGES)}")

    @staticmethod
    def _check(field: str, valid: bool, message: str) -> None:
        if not valid:
            raise InvalidQuery(field, message)


@dataclass(frozen=True)
class WordGain:
    """How much likelier the photo makes a word, in nats; END counts with the last word."""

    word: str
    gain: float


@dataclass(frozen=True)
class SearchResult:
    """One photo of an answer; log-likelihood and evidence in nats, similarity in -1..1.

    `matched`: the query's words that stand in the photo's path or captions.
    """

    photo_id: int
    path: str
    caption: str
    score: float
    log_likelihood: float
    evidence: float
    similarity: float
    words: tuple[WordGain, ...]
    matched: tuple[str, ...]


@dataclass(frozen=True)
class SimilarPhoto:
    """A photo near another one; similarity is a cosine."""

    photo_id: int
    path: str
    caption: str
    similarity: float

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class SearchAnswer:
    """Results, best first. `nearest_words` says which known word stood in for an unknown one."""

    query: str
    unknown_words: tuple[str, ...]
    nearest_words: dict[str, str]
    took_ms: float
    candidates: int
    results: tuple[SearchResult, ...]

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Reading:
    """A query as the captioner reads it."""

    words: tuple[str, ...]
    unknown: tuple[str, ...]
    nearest: dict[str, str]


def read_query(query: str, captioner: Captioner, embedder: SentenceEmbedder) -> Reading:
    """Known words stay; an unknown one is replaced by its nearest known word or left out."""
    tokens = tokenise(query)
    unknown = tuple(dict.fromkeys(word for word in tokens if word not in captioner.vocabulary))
    nearest = _nearest_words(unknown, captioner, embedder) if unknown else {}
    words = (nearest.get(word, word) for word in tokens)
    return Reading(tuple(word for word in words if word in captioner.vocabulary), unknown, nearest)


def _nearest_words(
    unknown: tuple[str, ...], captioner: Captioner, embedder: SentenceEmbedder
) -> dict[str, str]:
    known = captioner.word_vectors[len(SPECIAL_WORDS) :].float().cpu().numpy()  # [V,E]
    similarity = embedder.encode(unknown) @ known.T  # [U,V]
    best = similarity.argmax(axis=1)
    close = similarity[np.arange(len(unknown)), best] >= captioner.provenance.ranking.nearest_word
    words = captioner.vocabulary.words[len(SPECIAL_WORDS) :]
    return {word: words[best[row]] for row, word in enumerate(unknown) if close[row]}
