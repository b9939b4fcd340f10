"""Queries parsed for a captioner: words of its vocabulary, and unit vectors near its photos.

A word outside the vocabulary is replaced by the known word whose sentence embedding is nearest by
cosine, or left out where none is as near as the ranking's `nearest_word`, or where an embedder that
learned English alone meets another language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from captioner.vocabulary import SPECIAL_WORDS, tokenise, tokenise_query
from search.languages import is_in_other_script, is_not_english

# Words that name nothing to be seen.
FUNCTION_WORDS = frozenset(
    tokenise(
        "a an the his her its their some and or of in on at by with from to into onto over under "
        "up down through behind near front next while as is are was were be being has have having "
        "there that this it he she they them him 's out off for who which each other another"
    )
)


@dataclass(frozen=True)
class ParsedQuery:
    """A query's words as the captioner reads them.

    `tokens`: all of its words, in their order. `words`: the known ones that they were read as.
    `unknown`: those it never learned, each once; `nearest` has the known word that stands for one
    of them, and what it has not is left out. `not_english`: it is in another language, which the
    captioner's sentence embedder does not know either.
    """

    tokens: tuple[str, ...]
    words: tuple[str, ...]
    unknown: tuple[str, ...]
    nearest: dict[str, str]
    not_english: bool = False

    def weights(self, weights: Sequence[float]) -> tuple[float, ...]:
        """Of the weights of the query's tokens, those of the words that were kept.

        Raises ValueError where there is not one for each token.
        """
        left_out = set(self.unknown) - set(self.nearest)
        pairs = zip(weights, self.tokens, strict=True)
        return tuple(weight for weight, token in pairs if token not in left_out)


def parse_query(query: str, captioner: Captioner, embedder: SentenceEmbedder) -> ParsedQuery:
    """One query; see `parse_queries`."""
    return parse_queries([query], captioner, embedder)[0]


def parse_queries(
    queries: Sequence[str], captioner: Captioner, embedder: SentenceEmbedder
) -> list[ParsedQuery]:
    """Queries that were not cut into words yet; see `parse_words`."""
    return parse_words([tokenise_query(query) for query in queries], captioner, embedder)


def parse_words(
    tokens: Sequence[Sequence[str]], captioner: Captioner, embedder: SentenceEmbedder
) -> list[ParsedQuery]:
    """Known words stay; an unknown one is replaced by its nearest known word or left out.

    `tokens`: the words of each query. The unknown words of all queries are embedded together.
    """
    unknown = [_unknown(words, captioner) for words in tokens]
    foreign = [
        bool(strange) and embedder.is_english and _is_foreign(words, captioner, embedder)
        for words, strange in zip(tokens, unknown, strict=True)
    ]
    told = (
        word
        for strange, is_foreign in zip(unknown, foreign, strict=True)
        for word in strange
        if not (is_foreign or (embedder.is_english and is_in_other_script(word)))
    )
    every = tuple(dict.fromkeys(told))
    nearest = _nearest_words(every, captioner, embedder) if every else {}
    return [
        _parsed(*each, {} if each[-1] else nearest)
        for each in zip(tokens, unknown, foreign, strict=True)
    ]


def read_vectors(
    sentences: Sequence[str],
    parsed_queries: Sequence[ParsedQuery],
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> NDArray[np.float32]:
    """Unit vectors [N,E] of N sentences where the photos' vectors are.

    The embedder knows words that the captioner does not; of the latter's own words those count
    that the sentences were read as.
    """
    words = [" ".join(parsed.words) for parsed in parsed_queries]
    vectors: NDArray[np.float32] = captioner.read(words, embedder.encode(sentences))
    return vectors


def _unknown(words: Sequence[str], captioner: Captioner) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word not in captioner.vocabulary))


def _is_foreign(words: Sequence[str], captioner: Captioner, embedder: SentenceEmbedder) -> bool:
    learned = [word for word in words if word in captioner.vocabulary]
    return is_not_english(words, learned, embedder.english_words)


def _parsed(
    tokens: Sequence[str], unknown: tuple[str, ...], foreign: bool, nearest: dict[str, str]
) -> ParsedQuery:
    own = {word: nearest[word] for word in unknown if word in nearest}
    words = (own.get(word, word) for word in tokens)
    kept = tuple(word for word in words if word not in unknown)
    return ParsedQuery(tuple(tokens), kept, unknown, own, foreign)


def _nearest_words(
    unknown: tuple[str, ...], captioner: Captioner, embedder: SentenceEmbedder
) -> dict[str, str]:
    known = captioner.word_vectors[len(SPECIAL_WORDS) :]  # [V,E]
    similarity = embedder.encode(unknown) @ known.T  # [U,V]
    best = similarity.argmax(axis=1)
    close = similarity[np.arange(len(unknown)), best] >= captioner.provenance.ranking.nearest_word
    words = captioner.vocabulary.words[len(SPECIAL_WORDS) :]
    return {word: words[best[row]] for row, word in enumerate(unknown) if close[row]}
