"""A sentence as it was typed, in pieces, each coloured by what its word gains.

Knows nothing about Flask, nor how gains come about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from captioner.vocabulary import tokenise
from search.query import WordGain
from search.sentences import RankedSentence
from web.bars import signed
from web.cards import tinted


@dataclass(frozen=True)
class Piece:
    """A word, or what stands between two; only words have a style class and a reason."""

    text: str
    tint: str = ""
    reason: str = ""


@dataclass(frozen=True)
class SaidSentence:
    """A ranked sentence with its pieces; `text` is what was typed."""

    text: str
    pieces: tuple[Piece, ...]
    log_likelihood: float
    evidence: float
    known: bool

    @property
    def signed_evidence(self) -> str:
        return signed(self.evidence)


def said_sentence(ranked: RankedSentence) -> SaidSentence:
    """A ranked sentence in pieces."""
    return SaidSentence(
        ranked.sentence,
        tuple(_pieces(ranked)),
        ranked.log_likelihood,
        ranked.evidence,
        bool(ranked.words),
    )


def _pieces(ranked: RankedSentence) -> Iterator[Piece]:
    text, gains = ranked.sentence, iter(ranked.words)
    # Words are found in small letters; a few letters change their length with their case.
    small = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if len(small) != len(text):
        text = small
    end = 0
    for token in tokenise(text):
        start = small.index(token, end)
        if start > end:
            yield Piece(text[end:start])
        end = start + len(token)
        yield _word(text[start:end], token, ranked, gains)
    if end < len(text):
        yield Piece(text[end:])


def _word(shown: str, token: str, ranked: RankedSentence, gains: Iterator[WordGain]) -> Piece:
    if token in ranked.unknown_words and token not in ranked.nearest_words:
        return Piece(shown, "unread", f"“{token}”: the model never learned this word")
    word = tinted(next(gains))
    return Piece(shown, word.tint, word.reason)
