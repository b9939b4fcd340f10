"""One text that photos shall show or not show, as both stages read it.

Knows nothing of how several texts are weighed against each other, see search.contrast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, PhotoState
from captioner.embedder import SentenceEmbedder
from captioner.likelihood import score_words
from captioner.vocabulary import tokenise
from search.reading import Reading
from search.rerank import score_photos
from search.retrieve import Candidates, Retriever
from search.scale import Support
from search.weights import WeightedText


@dataclass(frozen=True)
class Term:
    """A text's K known words with their weights, and its vector [E]."""

    reading: Reading
    weights: NDArray[np.float32]  # [K]
    vector: NDArray[np.float32]  # [E], of unit length only where no word is weighted

    def support(
        self, retriever: Retriever, found: Candidates, ratio: NDArray[np.float32] | None = None
    ) -> Support:
        """Of N candidates, with log-ratios [N] where there are any.

        A photo that was removed meanwhile has no similarities: 0.
        """
        similar = retriever.similarities(self.vector, found.ids)
        visual, caption = (
            np.nan_to_num(each, posinf=0.0, neginf=0.0)
            for each in (similar.visual, similar.caption)
        )
        return Support(ratio, Candidates(found.ids, visual, caption))

    def evidence(self, captioner: Captioner, state: PhotoState) -> NDArray[np.float32] | None:
        """E on N photos [N] in nats; None where no word is known."""
        if not self.reading.words:
            return None
        gains = score_photos(captioner, self.reading.words, state).word_gains  # [N,K]
        evidence: NDArray[np.float32] = gains @ self.weights
        return evidence

    def against_chance(self, captioner: Captioner, state: PhotoState) -> NDArray[np.float32] | None:
        """R on N photos [N] in nats; None where no word is known."""
        if not self.reading.words:
            return None
        scored = score_words(captioner, self.reading.words, state.features(captioner.device))
        words = scored.word_log_likelihood[:, :-1].numpy() @ self.weights  # [N], without END
        chance = np.logaddexp.reduce(words) - np.log(len(words))
        ratio: NDArray[np.float32] = (words - chance).astype(np.float32)
        return ratio


def read_term(
    text: WeightedText, reading: Reading, captioner: Captioner, embedder: SentenceEmbedder
) -> Term:
    """A text of T words, which was read already; its boosts' vectors count as far as they do."""
    texts = [text.plain, *(boost.text for boost in text.boosts)]
    shares = np.ones(len(texts), np.float32)
    for row, boost in enumerate(text.boosts, start=1):
        shares[row] = (boost.weight - 1) * len(tokenise(boost.text)) / len(text.words)
    vectors = captioner.read(texts, embedder.encode(texts))  # [1+W,E]
    weights = np.array(reading.weights(text.weights, text.words), np.float32)
    return Term(reading, weights, (shares @ vectors).astype(np.float32))
