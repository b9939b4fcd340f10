"""What is asked and what is answered.

Knows nothing of how photos are found: requests are checked here, answers take shape here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from captioner.vocabulary import SPECIAL_WORDS, tokenise
from catalog.filters import PhotoFilter
from search.weights import InvalidWeight, read_weights

MAX_QUERY_LENGTH = 300
MAX_RESULTS = 200
MAX_CANDIDATES = 5000
MAX_EXCLUDED = 8
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
    photo). `filters`: which photos may be found at all. `excluded` and `rather_than`: texts
    that photos shall not show, see search.contrast; in every text `word^2` makes a word count
    twice. `explain`: whether results say where each word was looked for.
    """

    query: str
    k: int = 20
    offset: int = 0
    candidates: int = 200
    stage: str = "combined"
    filters: PhotoFilter = field(default_factory=PhotoFilter)
    excluded: tuple[str, ...] = ()
    rather_than: str = ""
    explain: bool = False

    def __post_init__(self) -> None:
        check_text("q", self.query)
        self._check(
            "not",
            len(self.excluded) <= MAX_EXCLUDED,
            f"at most {MAX_EXCLUDED} texts can be excluded",
        )
        for text in self.excluded:
            check_text("not", text, "the text to exclude")
        if self.rather_than:
            check_text("rather_than", self.rather_than, "the text to compare with")
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

    @property
    def text(self) -> str:
        """The query without its weights."""
        return read_weights(self.query).plain


def check_text(field: str, text: str, name: str = "the query") -> str:
    """A text without its weights; raises InvalidQuery as plain_text, or where it has no words."""
    plain = plain_text(field, text, name)
    if not tokenise(plain):
        raise InvalidQuery(field, f"type a sentence: {name} has no words")
    return plain


def plain_text(field: str, text: str, name: str = "the query") -> str:
    """A text without its weights; raises InvalidQuery for a long one or a wrong weight."""
    if len(text) > MAX_QUERY_LENGTH:
        message = f"{name} has {len(text)} characters, at most {MAX_QUERY_LENGTH} are read"
        raise InvalidQuery(field, message)
    try:
        return read_weights(text).plain
    except InvalidWeight as error:
        raise InvalidQuery(field, str(error)) from error


@dataclass(frozen=True)
class WordGain:
    """How much likelier the photo makes a word, in nats; END counts with the last word."""

    word: str
    gain: float


@dataclass(frozen=True)
class SearchResult:
    """One photo of an answer; log-likelihood and evidence in nats, similarity in -1..1.

    `matched`: the query's words that stand in the photo's path or captions. `probability`: that
    the photo fits the plain query, 0 to 1, see search.fit. `weak`: too improbable to convince.
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
    probability: float
    weak: bool


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
    """Results, best first. `nearest_words` says which known word stood in for an unknown one.

    `nothing_fits`: every photo that was ranked is weak.
    """

    query: str
    unknown_words: tuple[str, ...]
    nearest_words: dict[str, str]
    took_ms: float
    candidates: int
    nothing_fits: bool
    results: tuple[SearchResult, ...]

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Reading:
    """A query as the captioner reads it."""

    words: tuple[str, ...]
    unknown: tuple[str, ...]
    nearest: dict[str, str]

    def weights(self, weights: Sequence[float], tokens: Sequence[str]) -> tuple[float, ...]:
        """Of the weights of a query's tokens, those of the words that were kept."""
        left_out = set(self.unknown) - set(self.nearest)
        pairs = zip(weights, tokens, strict=True)
        return tuple(weight for weight, token in pairs if token not in left_out)


def read_query(query: str, captioner: Captioner, embedder: SentenceEmbedder) -> Reading:
    """Known words stay; an unknown one is replaced by its nearest known word or left out."""
    return read_queries([query], captioner, embedder)[0]


def read_queries(
    queries: Sequence[str], captioner: Captioner, embedder: SentenceEmbedder
) -> list[Reading]:
    """Each as read_query reads it; the unknown words of all meet the embedder together."""
    tokens = [tokenise(query) for query in queries]
    unknown = [_unknown(words, captioner) for words in tokens]
    every = tuple(dict.fromkeys(word for words in unknown for word in words))
    nearest = _nearest_words(every, captioner, embedder) if every else {}
    return [_reading(*pair, nearest) for pair in zip(tokens, unknown, strict=True)]


def _unknown(words: Sequence[str], captioner: Captioner) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word not in captioner.vocabulary))


def _reading(tokens: Sequence[str], unknown: tuple[str, ...], nearest: dict[str, str]) -> Reading:
    own = {word: nearest[word] for word in unknown if word in nearest}
    words = (own.get(word, word) for word in tokens)
    kept = tuple(word for word in words if word not in unknown)
    return Reading(kept, unknown, own)


def _nearest_words(
    unknown: tuple[str, ...], captioner: Captioner, embedder: SentenceEmbedder
) -> dict[str, str]:
    known = captioner.word_vectors[len(SPECIAL_WORDS) :].float().cpu().numpy()  # [V,E]
    similarity = embedder.encode(unknown) @ known.T  # [U,V]
    best = similarity.argmax(axis=1)
    close = similarity[np.arange(len(unknown)), best] >= captioner.provenance.ranking.nearest_word
    words = captioner.vocabulary.words[len(SPECIAL_WORDS) :]
    return {word: words[best[row]] for row, word in enumerate(unknown) if close[row]}
