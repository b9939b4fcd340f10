"""What is asked and what is answered.

Knows nothing of models, nor how photos are found: requests are checked here, answers take shape
here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from captioner.vocabulary import tokenise
from catalog.filters import PhotoFilter

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
    that photos shall not show, see search.query_modifiers; in every text `word^2` makes a word
    count twice. `explain`: whether results say where each word was looked for.
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


# Words that count more or less than others: `word^2`, as Lucene writes boosts

MAX_WEIGHT = 10.0

# A word or a quoted phrase, directly followed by ^ and a number.
_BOOST = re.compile(r'("[^"]*"|[^\s"^]+)\^([-+]?\d+(?:\.\d+)?)(?![\w.])')


class InvalidWeight(ValueError):
    """A weight that is out of range; the message is for people."""


@dataclass(frozen=True)
class Part:
    """A stretch of a text, and what each of its words counts."""

    text: str
    weight: float


@dataclass(frozen=True)
class WeightedText:
    """A text without its weights, and what each of its T words counts (1 if nothing is said)."""

    plain: str
    weights: tuple[float, ...]  # [T]
    boosts: tuple[Part, ...]  # those words and phrases that do not count 1

    @property
    def words(self) -> tuple[str, ...]:
        """The T words the weights belong to."""
        return tuple(tokenise(self.plain))


def read_weights(text: str) -> WeightedText:
    """Take `^2` off words and quoted phrases; a ^ that no number follows stays punctuation.

    Raises InvalidWeight where a weight is not from 0 to MAX_WEIGHT.
    """
    parts, last = list[Part](), 0
    for found in _BOOST.finditer(text):
        parts.append(Part(text[last : found.start()], 1.0))
        parts.append(Part(found[1], _checked(found[2])))
        last = found.end()
    parts.append(Part(text[last:], 1.0))
    return WeightedText(
        "".join(part.text for part in parts),
        tuple(part.weight for part in parts for _ in tokenise(part.text)),
        tuple(part for part in parts if part.weight != 1 and tokenise(part.text)),
    )


def _checked(number: str) -> float:
    weight = float(number)
    if not 0 <= weight <= MAX_WEIGHT:
        raise InvalidWeight(f"a weight is a number from 0 to {MAX_WEIGHT:g}, not {number}")
    return weight
