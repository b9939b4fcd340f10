"""How large a share of its learning rate a step of training takes."""

from __future__ import annotations

import math


def warm_up(step: int, steps: int) -> float:
    """Linear from 1 / steps to 1, which it is from the step before the last of so many on."""
    return min(1.0, (step + 1) / steps)


def half_cosine(step: int, steps: int) -> float:
    """From 1 at the first of so many steps to 0 after the last, along half a cosine.

    Loshchilov and Hutter 2017 ("SGDR"), equation 5, without restarts.
    """
    return (1 + math.cos(math.pi * min(1.0, step / max(steps, 1)))) / 2
