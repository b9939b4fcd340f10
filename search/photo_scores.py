"""What the captioner says of sentences on given photos, looked up once for any number of them.

Knows nothing of stages, scores or the order of photos.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner
from captioner.decoder import PhotoFeatures
from search.calibration import Background, backgrounds
from search.collection import Collection, UnknownPhoto
from search.parsed_query import Reading
from search.rerank import Likelihoods, score_features
from search.retrieval import Candidates, Retriever


@dataclass(frozen=True)
class Measured:
    """One sentence on N photos: nats, cosines, and the photos' hub biases; all [N].

    `background` is the sentence's own.
    """

    log_likelihood: NDArray[np.float32]
    evidence: NDArray[np.float32]
    visual: NDArray[np.float32]
    caption: NDArray[np.float32]
    bias: NDArray[np.float32]
    background: Background


@dataclass(frozen=True)
class Survey:
    """N photos, as the captioner saw them."""

    captioner: Captioner
    retriever: Retriever
    ids: NDArray[np.int64]  # [N]
    bias: NDArray[np.float32]  # [N]
    features: PhotoFeatures

    def measure(self, reading: Reading, vector: NDArray[np.float32]) -> Measured:
        """A sentence with its unit vector [E], on every photo."""
        similar = self.retriever.similarities(vector, self.ids)
        said = self._read_on(reading)
        silent = np.zeros(len(self.ids), np.float32)
        [background] = backgrounds(self.captioner, [reading], vector[None])
        return Measured(
            log_likelihood=said.log_likelihood if said else silent,
            evidence=said.evidence if said else silent,
            visual=similar.visual,
            caption=similar.caption,
            bias=self.bias,
            background=background,
        )

    def _read_on(self, reading: Reading) -> Likelihoods | None:
        if not reading.words:
            return None
        return score_features(self.captioner, reading.words, self.features)


def survey(captioner: Captioner, collection: Collection, ids: NDArray[np.int64]) -> Survey:
    """Look at photos [N], at least one; raises UnknownPhoto where the collection lacks one."""
    unknown = np.zeros(len(ids), np.float32)
    seen = collection.load(Candidates(ids, unknown, unknown))
    if seen.state is None or len(seen.found) < len(ids):
        raise UnknownPhoto(int(np.setdiff1d(ids, seen.found.ids)[0]))
    features = seen.state.features(captioner.device)
    return Survey(captioner, collection.retriever, ids, seen.bias, features)
