"""Words that count more or less than others: `word^2`, as Lucene writes boosts.

Knows nothing of photos or models: a text goes in, the same text without weights and a weight
for each of its words come out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from captioner.vocabulary import tokenise

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
