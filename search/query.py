"""What is asked and what is answered.

Knows nothing of models, nor how photos are found: requests are checked here, answers take shape
here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from captioner.vocabulary import tokenise
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


def check_range(field: str, number: int, least: int, most: int) -> None:
    """Raise InvalidQuery where a number is out of range, limits included."""
    if not least <= number <= most:
        raise InvalidQuery(field, f"{field} must be from {least} to {most}")


def check_count(k: int) -> None:
    """Raise InvalidQuery where nobody may ask for `k` results at once."""
    check_range("k", k, 1, MAX_RESULTS)


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
        self._check_contrast()
        check_count(self.k)
        check_range("offset", self.offset, 0, MAX_CANDIDATES)
        check_range("candidates", self.candidates, 1, MAX_CANDIDATES)
        if self.stage not in STAGES:
            raise InvalidQuery("stage", f"stage must be one of {', '.join(STAGES)}")

    def _check_contrast(self) -> None:
        if len(self.excluded) > MAX_EXCLUDED:
            raise InvalidQuery("not", f"at most {MAX_EXCLUDED} texts can be excluded")
        for text in self.excluded:
            check_text("not", text, "the text to exclude")
        if self.rather_than:
            check_text("rather_than", self.rather_than, "the text to compare with")

    @property
    def text(self) -> str:
        """The query without its weights."""
        return read_weights(self.query).plain

    @property
    def considered(self) -> int:
        """How many photos the first stage proposes, so that the page asked for can be filled."""
        return max(self.candidates, self.offset + self.k)


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
        """As the JSON API answers."""
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
        """The `search --json` object."""
        return asdict(self)
