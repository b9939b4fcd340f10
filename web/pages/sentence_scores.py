"""Sentences scored on one photo, as its page shows them: bars of word gains, or tinted words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from captioner.vocabulary import tokenise
from search.explain import Explanation, WordMap, place_of
from search.image_to_text import RankedSentence
from search.rerank import WordGain
from web.pages.cards import tinted

# The axis covers at least this range of nats, so that small gains make small bars.
_AXIS_FROM, _AXIS_TO = -0.5, 2.0
_SCALES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_BEYOND = 1e15


@dataclass(frozen=True)
class Bar:
    """A word's gain in nats, drawn from `x` on over `width` percent of the axis."""

    word: str
    gain: float
    x: float
    width: float
    place: str

    @property
    def side(self) -> str:
        """The style class: for or against the word."""
        return "for" if self.gain >= 0 else "against"

    @property
    def signed(self) -> str:
        return signed(self.gain)


@dataclass(frozen=True)
class ScoredSentence:
    """A sentence's score and bars; `zero` is where the axis has its zero, in percent."""

    text: str
    probability: float
    log_likelihood: float
    evidence: float
    unknown_words: tuple[str, ...]
    nearest_words: dict[str, str]
    bars: tuple[Bar, ...]
    zero: float

    @property
    def signed_evidence(self) -> str:
        return signed(self.evidence)

    @property
    def times(self) -> str:
        return times(self.evidence)


@dataclass(frozen=True)
class Piece:
    """A word, or the text between two; only words have a style class and a reason."""

    text: str
    tint: str = ""
    reason: str = ""


@dataclass(frozen=True)
class TintedSentence:
    """A ranked sentence with its pieces; `text` is what was typed."""

    text: str
    pieces: tuple[Piece, ...]
    log_likelihood: float
    evidence: float
    known: bool

    @property
    def signed_evidence(self) -> str:
        return signed(self.evidence)


def scored_sentence(explanation: Explanation, probability: float) -> ScoredSentence:
    """An explanation with its bars; `probability`: that the photo fits the sentence."""
    least, most = _axis([word.gain for word in explanation.words])
    return ScoredSentence(
        explanation.query,
        probability,
        explanation.log_likelihood,
        explanation.evidence,
        explanation.unknown_words,
        explanation.nearest_words,
        tuple(_bar(word, least, most) for word in explanation.words),
        _percent(0.0, least, most),
    )


def tinted_sentence(ranked: RankedSentence) -> TintedSentence:
    """A ranked sentence in pieces."""
    return TintedSentence(
        ranked.sentence,
        tuple(_pieces(ranked)),
        ranked.log_likelihood,
        ranked.evidence,
        bool(ranked.words),
    )


def signed(gain: float) -> str:
    """Two decimals with a plus or a true minus sign; what rounds to nothing has none."""
    text = f"{gain:+.2f}"
    return text.lstrip("+-") if not text.strip("+-0.") else text.replace("-", "\N{MINUS SIGN}")


def times(nats: float) -> str:
    """How much likelier so many nats are, as people say it: "37 times likelier"."""
    factor = 2.718281828459045 ** min(abs(nats), 40.0)
    if factor < 1.05:
        return "just as likely"
    return f"{_amount(factor)} times {'likelier' if nats > 0 else 'less likely'}"


def _amount(factor: float) -> str:
    if factor >= _BEYOND:
        return "over a thousand trillion"
    for unit, name in _SCALES:
        if factor >= unit:
            return f"{_two_digits(factor / unit)} {name}"
    return _two_digits(factor)


def _two_digits(number: float) -> str:
    if number < 10:
        return f"{number:.1f}".removesuffix(".0")
    return f"{float(f'{number:.2g}'):,.0f}"


def _axis(gains: Sequence[float]) -> tuple[float, float]:
    return min(_AXIS_FROM, *gains, _AXIS_FROM), max(_AXIS_TO, *gains, _AXIS_TO)


def _bar(word: WordMap, least: float, most: float) -> Bar:
    start, end = sorted((_percent(0.0, least, most), _percent(word.gain, least, most)))
    return Bar(word.word, word.gain, start, round(end - start, 2), place_of(word))


def _percent(gain: float, least: float, most: float) -> float:
    return round(100 * (gain - least) / (most - least), 2)


def _pieces(ranked: RankedSentence) -> Iterator[Piece]:
    text, gains = ranked.sentence, iter(ranked.words)
    tokens = tokenise(text)
    # Words are found in small letters; a few letters change their length with their case.
    small = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if len(small) != len(text):
        text = small
    if not _stand_in(small, tokens):
        text = small = " ".join(tokens)
    end = 0
    for token in tokens:
        start = small.index(token, end)
        if start > end:
            yield Piece(text[end:start])
        end = start + len(token)
        yield _word(text[start:end], token, ranked, gains)
    if end < len(text):
        yield Piece(text[end:])


def _stand_in(text: str, tokens: Sequence[str]) -> bool:
    """Whether words stand in a text as they were read: some letters are read as others."""
    end = 0
    for token in tokens:
        start = text.find(token, end)
        if start < 0:
            return False
        end = start + len(token)
    return True


def _word(shown: str, token: str, ranked: RankedSentence, gains: Iterator[WordGain]) -> Piece:
    if token in ranked.unknown_words and token not in ranked.nearest_words:
        return Piece(shown, "unread", f"“{token}”: the model never learned this word")
    word = tinted(next(gains))
    return Piece(shown, word.tint, word.reason)
