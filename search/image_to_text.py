"""Image to text: sentences ranked for one photo, by how much likelier it makes them.

Sentences are ranked by their pointwise mutual information with the photo (Church and Hanks
1990), log p(s | photo) - log p(s | no photo), so that common ones do not win by being common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from captioner.captioner import Captioner, PhotoState
from captioner.embedder import SentenceEmbedder
from captioner.vocabulary import tokenise
from search.engine import SearchEngine
from search.limits import MAX_SENTENCES
from search.parsed_query import ParsedQuery, parse_queries
from search.request import InvalidQuery, check_text
from search.rerank import WordGain, word_gains

# Their captions are ranked where no sentences are given: at most 600 texts, about a second.
NEAREST_PHOTOS = 200


@dataclass(frozen=True)
class RankedSentence:
    """A sentence about a photo, in nats; zeros and no words where none of its words is known."""

    sentence: str
    log_likelihood: float
    evidence: float
    words: tuple[WordGain, ...]
    unknown_words: tuple[str, ...]
    nearest_words: dict[str, str]

    def to_json(self) -> dict[str, object]:
        """One of the sentences that `score --json` prints."""
        return asdict(self)


def check_sentences(sentences: Sequence[str]) -> None:
    """Raise InvalidQuery for too many sentences, or one that cannot be a query."""
    if len(sentences) > MAX_SENTENCES:
        raise InvalidQuery("sentences", f"at most {MAX_SENTENCES} sentences are ranked at once")
    for number, sentence in enumerate(sentences, start=1):
        check_text("sentences", sentence, f"sentence {number}")


def rank_sentences(
    captioner: Captioner, embedder: SentenceEmbedder, sentences: Sequence[str], state: PhotoState
) -> list[RankedSentence]:
    """All sentences, best first by evidence on one photo (a batch of one).

    Those of which the captioner knows no word come last.
    """
    parsed_queries = parse_queries(sentences, captioner, embedder)
    known = [row for row, parsed in enumerate(parsed_queries) if parsed.words]
    ranked = [_unread(*pair) for pair in zip(sentences, parsed_queries, strict=True)]
    for row, (likelihood, gains) in zip(
        known, _score(captioner, [parsed_queries[row].words for row in known], state), strict=True
    ):
        parsed = parsed_queries[row]
        words = tuple(WordGain(*pair) for pair in zip(parsed.words, gains, strict=True))
        ranked[row] = RankedSentence(
            sentences[row], likelihood, sum(gains), words, parsed.unknown, parsed.nearest
        )
    return sorted(ranked, key=lambda each: (not each.words, -each.evidence))


def captions_near(engine: SearchEngine, state: PhotoState) -> list[str]:
    """The distinct captions of the collection's photos nearest to one photo, nearest first.

    Raises DatabaseUnavailable.
    """
    found = engine.nearest(state.visual[0].astype(np.float32), NEAREST_PHOTOS)
    views = engine.photos(found.ids.tolist())
    near = (views[key] for key in found.ids.tolist() if key in views)
    texts = (text for view in near for text, _ in view.captions)
    return list(dict.fromkeys(text for text in texts if tokenise(text)))


def _score(
    captioner: Captioner, sentences: Sequence[tuple[str, ...]], state: PhotoState
) -> list[tuple[float, list[float]]]:
    """Log-likelihood and gains of each sentence; its own row, for sentences differ in length."""
    with_photo = captioner.score_sentences(sentences, state)  # [S,T+1]
    without = captioner.score_sentences(sentences, None)
    scored = []
    for row, words in enumerate(sentences):
        said = slice(row, row + 1), slice(len(words) + 1)
        gains = word_gains(with_photo[said], without[said])[0]
        scored.append((float(with_photo[row].sum()), gains.tolist()))
    return scored


def _unread(sentence: str, parsed: ParsedQuery) -> RankedSentence:
    return RankedSentence(sentence, 0.0, 0.0, (), parsed.unknown, parsed.nearest)
