"""Likelihoods and similarities of any number of sentences on given photos, whatever their rank.

The photos' states are loaded once; used to evaluate, to fit weights and to diagnose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, PhotoState
from search.calibration import Background, backgrounds
from search.collection import Collection, UnknownPhoto
from search.parsed_query import ParsedQuery
from search.rerank import Likelihoods, score_photos
from search.retrieval import Candidates, Retriever


@dataclass(frozen=True)
class Measured:
    """One sentence on N photos: nats, cosines, and the photos' hub biases; all [N].

    `background` is the sentence's own. `image`: an image embedder's similarities, standardised;
    None where there is none. `detected`: what the word detector says, in nats; None without one.
    """

    log_likelihood: NDArray[np.float32]
    evidence: NDArray[np.float32]
    visual: NDArray[np.float32]
    caption: NDArray[np.float32]
    bias: NDArray[np.float32]
    background: Background
    image: NDArray[np.float32] | None = None
    detected: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Survey:
    """N photos with their states, to score any number of sentences on them."""

    captioner: Captioner
    retriever: Retriever
    ids: NDArray[np.int64]  # [N]
    bias: NDArray[np.float32]  # [N]
    state: PhotoState

    def measure(
        self,
        parsed: ParsedQuery,
        vector: NDArray[np.float32],
        image: NDArray[np.float32] | None = None,
    ) -> Measured:
        """A sentence with its unit vector [E], on every photo; `image` [D]: see Question."""
        similar = self.retriever.with_image(image).similarities(vector, self.ids)
        said = self._read_on(parsed)
        silent = np.zeros(len(self.ids), np.float32)
        [background] = backgrounds(self.captioner, [parsed], vector[None])
        return Measured(
            log_likelihood=said.log_likelihood if said else silent,
            evidence=said.evidence if said else silent,
            visual=similar.visual,
            caption=similar.caption,
            bias=self.bias,
            background=background,
            image=similar.image,
            detected=self.captioner.detect(parsed.words, self.state),
        )

    def _read_on(self, parsed: ParsedQuery) -> Likelihoods | None:
        if not parsed.words:
            return None
        return score_photos(self.captioner, parsed.words, self.state)


def survey(captioner: Captioner, collection: Collection, ids: NDArray[np.int64]) -> Survey:
    """Look up the states of photos [N], at least one.

    Raises DatabaseUnavailable, and UnknownPhoto where the collection lacks one.
    """
    unknown = np.zeros(len(ids), np.float32)
    loaded = collection.load(Candidates(ids, unknown, unknown))
    if loaded.state is None or len(loaded.found) < len(ids):
        raise UnknownPhoto(int(np.setdiff1d(ids, loaded.found.ids)[0]))
    return Survey(captioner, collection.retriever, ids, loaded.bias, loaded.state)
