"""How well texts fit photos, added up on the scale of the stage that ranks.

Numbers in, numbers out; see search.contrast for what they mean. Knows nothing of texts or photos.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Ranking
from search.retrieve import Candidates


@dataclass(frozen=True)
class Support:
    """How well a text fits N photos: log-ratios (None: no known word), similarities.

    The log-ratio is E where texts are compared and R where one is excluded, in nats.
    """

    ratio: NDArray[np.float32] | None
    similar: Candidates


@dataclass(frozen=True)
class Scale:
    """How much evidence and similarities count in the stage that ranks."""

    likelihood: float
    visual: float
    caption: float

    def difference(self, text: Support, other: Support) -> NDArray[np.float32]:
        """S(text) - S(other) [N]; without likelihood where it speaks of one of them only."""
        visual = text.similar.visual - other.similar.visual
        caption = text.similar.caption - other.similar.caption
        total: NDArray[np.float32] = self.visual * visual + self.caption * caption
        if text.ratio is not None and other.ratio is not None:
            total = total + self.likelihood * (text.ratio - other.ratio)
        return total

    def penalty(self, text: Support) -> NDArray[np.float32]:
        """What photos lose for showing an excluded text [N], never below 0.

        A weight below 0 takes back what the other signs overrate: alone it would be a reward.
        """
        visual: NDArray[np.float32] = text.similar.visual.clip(min=0)
        caption: NDArray[np.float32] = text.similar.caption.clip(min=0)
        total: NDArray[np.float32] = max(self.visual, 0) * visual + max(self.caption, 0) * caption
        if text.ratio is not None:
            softplus = np.logaddexp(0, text.ratio).astype(np.float32)
            total = total + self.likelihood * softplus
        return total


def scale_of(stage: str, ranking: Ranking) -> Scale:
    """The scale of a stage's scores."""
    if stage == "likelihood":
        return Scale(1.0, 0.0, 0.0)
    if stage == "combined":
        return Scale(ranking.log_likelihood, ranking.visual, ranking.caption)
    both = ranking.visual_in_retrieval + ranking.caption_in_retrieval
    return Scale(0.0, ranking.visual_in_retrieval / both, ranking.caption_in_retrieval / both)
