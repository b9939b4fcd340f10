"""Tensors to the device that computes: to a GPU from pinned memory, beside its other work.

Knows nothing of what is in them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def stack(parts: Sequence[Tensor], device: torch.device) -> Tensor:
    """Equal tensors as one, on the CPU, where the device takes it from fastest."""
    room = torch.empty(
        (len(parts), *parts[0].shape), dtype=parts[0].dtype, pin_memory=device.type == "cuda"
    )
    return torch.stack(list(parts), out=room)


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device; only a copy from pinned memory to a GPU is not waited for."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
