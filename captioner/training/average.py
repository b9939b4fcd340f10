"""The moving average of weights that is kept while they learn."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def moving_average(
    decay: float, average: list[Tensor], current: list[Tensor], steps: Tensor
) -> None:
    """Exponential moving average whose decay warms up, so that short runs have one, too."""
    kept = min(decay, (1 + int(steps)) / (10 + int(steps)))
    torch._foreach_lerp_(average, current, 1 - kept)
