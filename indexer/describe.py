"""One batch of photos through the models: captions, vectors, states and tags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, PhotoState
from captioner.embedder import SentenceEmbedder
from captioner.tags import tags_of
from catalog.records import NewPhoto, NewTag
from indexer.prepare import Prepared


def describe(
    captioner: Captioner, embedder: SentenceEmbedder, batch: Sequence[Prepared]
) -> list[NewPhoto]:
    """What the catalog keeps of each photo, in order of the batch, pixels uint8 [3,S,S] each."""
    if not batch:
        return []
    state = captioner.look(np.stack([photo.pixels for photo in batch]))
    captions = captioner.generate_captions(state)
    named = named_vectors(captioner, embedder, state, [found[0].text for found in captions])
    tags = tags_of(captioner, state)
    blobs, biases = state.pack(captioner.config), captioner.hub_bias(state).tolist()
    return [
        NewPhoto(
            file=photo.task.file,
            content_hash=photo.content_hash,
            metadata=photo.metadata,
            captions=tuple((caption.text, caption.log_likelihood) for caption in captions[row]),
            vectors={"caption": named[row], "visual": state.visual[row]},
            state=blobs[row],
            bias=biases[row],
            tags=tuple(NewTag(**vars(tag)) for tag in tags[row]),
        )
        for row, photo in enumerate(batch)
    ]


def named_vectors(
    captioner: Captioner, embedder: SentenceEmbedder, state: PhotoState, captions: Sequence[str]
) -> NDArray[np.float32]:
    """What photos are named where sentences are [B,E]: their classes, else their captions."""
    if state.classes is not None:
        return captioner.class_vectors_of(state.classes)
    return captioner.read(captions, embedder.encode(captions))
