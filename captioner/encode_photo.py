"""A picture file that need not be indexed, as the captioner sees it.

Knows nothing of the catalog: nothing is stored.
"""

from __future__ import annotations

import torch

from captioner.captioner import Captioner, PhotoState
from captioner.image_file import decode_photo, to_tensor


def look(captioner: Captioner, data: bytes) -> PhotoState:
    """The state of one picture; raises UnreadablePhoto."""
    pixels = to_tensor(decode_photo(data), captioner.config.encoder.image_size)
    return captioner.look(torch.stack([pixels]))
