"""Where half precision pays: bfloat16 on CUDA and on CPUs that compute in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_exact = ContextVar("exact", default=False)


def fast(device: torch.device) -> torch.autocast:
    """A context in which matrix products and convolutions run in bfloat16 if that is faster."""
    supported = device.type == "cuda" or (
        device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
    return torch.autocast(device.type, torch.bfloat16, enabled=supported and not _exact.get())


@contextmanager
def exact() -> Iterator[None]:
    """Keep `fast` from rounding, to measure what anything else loses; slower by half or more."""
    token = _exact.set(True)
    try:
        yield
    finally:
        _exact.reset(token)
