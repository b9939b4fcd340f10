"""A search request: a sentence, how it shall be answered, and the checks of both.

Free of torch, so that a request can be refused before a model is loaded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from captioner.vocabulary import tokenise, tokenise_query
from catalog.filters import PhotoFilter
from search.limits import (
    COMBINED,
    DEFAULT_CANDIDATES,
    DEFAULT_RESULTS,
    MAX_CANDIDATES,
    MAX_EXCLUDED,
    MAX_QUERY_LENGTH,
    MAX_RESULTS,
    MAX_WEIGHT,
    STAGES,
)

# A word or a quoted phrase, directly followed by ^ and a number, as Lucene writes boosts.
_BOOST = re.compile(r'("[^"]*"|[^\s"^]+)\^([-+]?\d+(?:\.\d+)?)(?![\w.])')


class InvalidQuery(ValueError):
    """A request that cannot be answered; `field` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


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
    words: tuple[str, ...]  # [T]
    weights: tuple[float, ...]  # [T]
    boosts: tuple[Part, ...]  # those words and phrases that do not count 1


@dataclass(frozen=True)
class SearchRequest:
    """A sentence and how it shall be answered.

    `candidates`: photos that the first stage proposes to the re-ranker, whatever page is asked for.
    `stage`: one of STAGES. `filters`: which photos may be found at all. `excluded` and
    `rather_than`: texts that photos shall not show, see search.query_modifiers; in every text
    `word^2` makes a word count twice. `explain`: whether results say where words were looked for.

    `weighted`, `weighted_excluded` and `weighted_rather_than` are the texts as they were parsed,
    once, when the request was made; they follow from the others and are no part of equality.

    Raises InvalidQuery where a field is out of range, or a text has no words.
    """

    query: str
    k: int = DEFAULT_RESULTS
    offset: int = 0
    candidates: int = DEFAULT_CANDIDATES
    stage: str = COMBINED
    filters: PhotoFilter = field(default_factory=PhotoFilter)
    excluded: tuple[str, ...] = ()
    rather_than: str = ""
    explain: bool = False
    weighted: WeightedText = field(init=False, repr=False, compare=False)
    weighted_excluded: tuple[WeightedText, ...] = field(init=False, repr=False, compare=False)
    weighted_rather_than: WeightedText | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._parse()
        check_count(self.k)
        check_range("offset", self.offset, 0, MAX_CANDIDATES)
        check_range("candidates", self.candidates, 1, MAX_CANDIDATES)
        if self.stage not in STAGES:
            raise InvalidQuery("stage", f"stage must be one of {', '.join(STAGES)}")

    @property
    def text(self) -> str:
        """The query without its weights."""
        return self.weighted.plain

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked beyond the query: no weight and no other text."""
        return not (self.weighted.boosts or self.excluded or self.rather_than)

    def _parse(self) -> None:
        weighted = parse_sentence("q", self.query)
        if len(self.excluded) > MAX_EXCLUDED:
            raise InvalidQuery("not", f"at most {MAX_EXCLUDED} texts can be excluded")
        excluded = tuple(
            parse_sentence("not", text, "the text to exclude") for text in self.excluded
        )
        other = (
            parse_sentence("rather_than", self.rather_than, "the text to compare with")
            if self.rather_than
            else None
        )
        # The class is frozen: its own fields are set as dataclasses set them.
        object.__setattr__(self, "weighted", weighted)
        object.__setattr__(self, "weighted_excluded", excluded)
        object.__setattr__(self, "weighted_rather_than", other)


def check_range(field: str, number: int, least: int, most: int) -> None:
    """Raise InvalidQuery where a number is out of range, limits included."""
    if not least <= number <= most:
        raise InvalidQuery(field, f"{field} must be from {least} to {most}")


def check_count(k: int) -> None:
    """Raise InvalidQuery where nobody may ask for `k` results at once."""
    check_range("k", k, 1, MAX_RESULTS)


def check_text(field: str, text: str, name: str = "the query") -> str:
    """A text for the captioner, without its weights; raises InvalidQuery as `parse_sentence`.

    It never learned a symbol, by which photos are found alone.
    """
    plain = parse_sentence(field, text, name).plain
    if not tokenise(plain):
        raise InvalidQuery(field, f"type a sentence: {name} has no words")
    return plain


def plain_text(field: str, text: str, name: str = "the query") -> str:
    """A text without its weights, which may have no words; raises InvalidQuery as `parse_text`."""
    return parse_text(field, text, name).plain


def parse_sentence(field: str, text: str, name: str = "the query") -> WeightedText:
    """A text with its weights; raises InvalidQuery as `parse_text`, or where it has no words."""
    weighted = parse_text(field, text, name)
    if not weighted.words:
        raise InvalidQuery(field, f"type a sentence: {name} has no words")
    return weighted


def parse_text(field: str, text: str, name: str = "the query") -> WeightedText:
    """A text with its weights; raises InvalidQuery for a long one or a wrong weight."""
    if len(text) > MAX_QUERY_LENGTH:
        message = f"{name} has {len(text)} characters, at most {MAX_QUERY_LENGTH} are read"
        raise InvalidQuery(field, message)
    try:
        return parse_weights(text)
    except InvalidWeight as error:
        raise InvalidQuery(field, str(error)) from error


def parse_weights(text: str) -> WeightedText:
    """Take `^2` off words and quoted phrases; a ^ that no number follows stays punctuation.

    Raises InvalidWeight where a weight is not from 0 to MAX_WEIGHT.
    """
    parts, last = list[Part](), 0
    for found in _BOOST.finditer(text):
        parts.append(Part(text[last : found.start()], 1.0))
        parts.append(Part(found[1], _weight(found[2])))
        last = found.end()
    parts.append(Part(text[last:], 1.0))
    plain = "".join(part.text for part in parts)
    return WeightedText(
        plain,
        tuple(tokenise_query(plain)),
        tuple(part.weight for part in parts for _ in tokenise_query(part.text)),
        tuple(part for part in parts if part.weight != 1 and tokenise_query(part.text)),
    )


def _weight(number: str) -> float:
    weight = float(number)
    if not 0 <= weight <= MAX_WEIGHT:
        raise InvalidWeight(f"a weight is a number from 0 to {MAX_WEIGHT:g}, not {number}")
    return weight
