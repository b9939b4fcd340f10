"""Completion of a query: the next word as the photos make it likely, a keyword, or a tag.

p(word | prefix) = sum over photos of p(photo | prefix) p(word | prefix, photo), over the photos
that the first stage finds for the prefix, with p(photo | prefix) in proportion to
p(prefix | photo): a mixture of experts whose gates are Bayes' posteriors (Jacobs et al. 1991,
section 2). Keywords and tags of the photos that begin as what was typed are completions, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import asdict, dataclass

import numpy as np

from captioner.captioner import Captioner, Floats, PhotoState
from captioner.vocabulary import SPECIAL_WORDS, start_of_last_word, tokenise
from search.engine import SearchEngine
from search.limits import DEFAULT_COMPLETIONS, MAX_COMPLETIONS
from search.parsed_query import ParsedQuery, parse_query
from search.request import check_range, plain_text

# More photos change the first eight words little and cost time while somebody waits.
_PHOTOS = 48
# Longer than any sentence the captioner learnt from: nothing sensible follows.
_MOST_WORDS = 40


@dataclass(frozen=True)
class Completion:
    """The whole text with one more word, that word, and p(word | the words before it).

    A keyword or tag may be several words; its probability is the share of the photos that have it.
    """

    text: str
    word: str
    probability: float


@dataclass(frozen=True)
class Completions:
    """What may come next, likeliest first."""

    query: str
    unknown_words: tuple[str, ...]
    nearest_words: dict[str, str]
    completions: tuple[Completion, ...]

    def to_json(self) -> dict[str, object]:
        """The `complete --json` object."""
        return asdict(self)


@dataclass(frozen=True)
class _Typed:
    """What was typed: `head` ends before the word that is still being typed, `partial`."""

    head: str
    partial: str

    def continued(self, word: str) -> str:
        """The text with `word` in the place of the partial one."""
        if word.startswith("'"):
            return self.head.rstrip() + word
        space = "" if not self.head or self.head[-1].isspace() else " "
        return self.head + space + word


def complete(engine: SearchEngine, query: str, k: int = DEFAULT_COMPLETIONS) -> Completions:
    """The k likeliest next words; a last word that no space follows is completed instead.

    Never a special word, the last word once more, or a text that is there already. Nothing for
    an empty collection. Raises InvalidQuery, and DatabaseUnavailable.
    """
    check_range("k", k, 1, MAX_COMPLETIONS)
    plain_text("q", query)
    typed = _read_typed(query)
    head = plain_text("q", typed.head)
    parsed = parse_query(head, engine.captioner, engine.embedder)
    state = _photos(engine, head)
    found: tuple[Completion, ...] = ()
    if state is not None and len(parsed.words) <= _MOST_WORDS:
        words = list(_likeliest(engine.captioner, typed, parsed, state, k))
        both = [*words, *_labels(engine, typed, {each.word for each in words}, k)]
        found = tuple(sorted(both, key=lambda each: -each.probability)[:k])
    return Completions(query, parsed.unknown, parsed.nearest, found)


def _read_typed(query: str) -> _Typed:
    cut = start_of_last_word(query)
    return _Typed(query[:cut], "".join(tokenise(query[cut:])))


def _photos(engine: SearchEngine, head: str) -> PhotoState | None:
    """Photos that fit what was typed so far; some from all over the collection for nothing."""
    if not tokenise(head):
        return engine.states(engine.sample(_PHOTOS))
    vector = engine.captioner.read([head], engine.embedder.encode([head]))[0]
    return engine.states(engine.nearest(vector, _PHOTOS).ids.tolist())


def _likeliest(
    captioner: Captioner, typed: _Typed, parsed: ParsedQuery, state: PhotoState, k: int
) -> Iterator[Completion]:
    chances = _next_word(captioner, parsed.words, state)
    words = captioner.vocabulary.words
    fitting = np.array([word.startswith(typed.partial) for word in words])
    fitting[: len(SPECIAL_WORDS)] = False
    whole = {typed.partial, *parsed.words[-1:]}
    fitting[[row for row, word in enumerate(words) if word in whole]] = False
    best_first = np.argsort(-np.where(fitting, chances, 0.0), kind="stable")
    for row in best_first[: min(k, int(fitting.sum()))].tolist():
        yield Completion(typed.continued(words[row]), words[row], float(chances[row]))


def _labels(
    engine: SearchEngine, typed: _Typed, words: Set[str], most: int
) -> Iterator[Completion]:
    """Keywords and tags with a word that begins as what was typed; none that is among the words."""
    if not typed.partial:
        return
    seen = {typed.partial, *words}
    for name, share in engine.label_names(typed.partial, most):
        plain = name.lower()
        if plain not in seen:
            seen.add(plain)
            yield Completion(typed.continued(plain), plain, share)


def _next_word(captioner: Captioner, prefix: tuple[str, ...], state: PhotoState) -> Floats:
    """p(word | prefix) [V], each photo counting as far as the prefix fits it."""
    said, following = captioner.read_prefix(prefix, state)
    fit = said.sum(axis=1)  # [B], log p(prefix | photo)
    gates = np.exp(fit - fit.max())  # in proportion to p(photo | prefix)
    chances: Floats = (gates @ np.exp(following)) / gates.sum()
    return chances
