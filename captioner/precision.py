"""Where half precision pays: bfloat16 on CUDA and on CPUs that compute in it."""

from __future__ import annotations

import torch


def fast(device: torch.device) -> torch.autocast:
    """A context in which matrix products and convolutions run in bfloat16 if that is faster."""
    supported = device.type == "cuda" or (
        device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
    return torch.autocast(device.type, torch.bfloat16, enabled=supported)
