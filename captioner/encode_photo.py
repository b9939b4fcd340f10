"""The bytes of a picture file -> its photo state, for a picture that need not be indexed."""

from __future__ import annotations

import torch

from captioner.captioner import Captioner, PhotoState
from captioner.image_file import decode_photo, to_tensor


def encode_photo(captioner: Captioner, data: bytes) -> PhotoState:
    """The state of one photo, a batch of one; raises UnreadablePhoto."""
    pixels = to_tensor(decode_photo(data), captioner.config.encoder.image_size)
    return captioner.look(torch.stack([pixels]))
