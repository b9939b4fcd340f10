"""The bytes of a picture file -> its photo state, for a picture that need not be indexed.

Decoded as in an index run: in a process of its own, within limits.
"""

from __future__ import annotations

from captioner.captioner import Captioner, PhotoState
from indexer.decode_pool import Decoders, shared_decoders


def encode_photo(captioner: Captioner, data: bytes, decoders: Decoders | None = None) -> PhotoState:
    """The state of one photo, a batch of one; `decoders` None: those of index runs.

    Raises UnreadablePhoto, DecoderKilled and NoDecoder as Decoders.decode.
    """
    side = captioner.config.encoder.image_size
    decoded = (decoders or shared_decoders()).decode_photo(data, side)
    return captioner.look(decoded.pixels[None])
