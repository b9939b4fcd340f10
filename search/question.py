"""A request as the captioner reads it: all that ranking photos needs to know of it.

Knows nothing of photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from search.contrast import Contrast
from search.query import SearchRequest
from search.reading import Reading, read_queries, read_vectors


@dataclass(frozen=True)
class Question:
    """What is asked, the words and the unit vector it was read as, and what it asks beyond them.

    `contrast`: weights, `not` and `rather than`; None where there are none.
    """

    request: SearchRequest
    reading: Reading
    vector: NDArray[np.float32]  # [E]
    contrast: Contrast | None = None

    def in_stage(self, stage: str) -> Question:
        """The same, ranked by another stage."""
        return replace(self, request=replace(self.request, stage=stage))


def plain_questions(
    requests: Sequence[SearchRequest], captioner: Captioner, embedder: SentenceEmbedder
) -> list[Question]:
    """Many requests, read together; what they ask beyond their plain queries is left out."""
    texts = [request.text for request in requests]
    readings = read_queries(texts, captioner, embedder)
    vectors = read_vectors(texts, readings, captioner, embedder)
    return [Question(*each) for each in zip(requests, readings, vectors, strict=True)]
