"""A request as the captioner reads it: all that ranking photos needs to know of it.

Knows nothing of photos.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.contrast import Contrast
from search.query import SearchRequest
from search.reading import Reading


@dataclass(frozen=True)
class Question:
    """What is asked, the words and the unit vector it was read as, and what it asks beyond them.

    `contrast`: weights, `not` and `rather than`; None where there are none.
    """

    request: SearchRequest
    reading: Reading
    vector: NDArray[np.float32]  # [E]
    contrast: Contrast | None = None
