"""The device that computes: which one, its precision, and tensors on their way to it.

bfloat16 is taken on CUDA and on CPUs that compute in it, unless $TELLSHOW_PRECISION says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

PRECISIONS = ("auto", "float32", "bfloat16")

_exact = ContextVar("exact", default=False)


class UnknownPrecision(ValueError):
    """$TELLSHOW_PRECISION names a precision that there is not."""


def chosen_precision() -> str:
    """One of `PRECISIONS`, from $TELLSHOW_PRECISION; raises UnknownPrecision for another word."""
    chosen = os.environ.get("TELLSHOW_PRECISION") or "auto"
    if chosen not in PRECISIONS:
        raise UnknownPrecision(
            f"TELLSHOW_PRECISION is {chosen!r}: set it to auto, float32 or bfloat16, or unset it"
        )
    return chosen


def fast(device: torch.device) -> torch.autocast:
    """A context in which matrix products and convolutions run in bfloat16 if that is faster.

    $TELLSHOW_PRECISION float32 forbids it and bfloat16 demands it; raises UnknownPrecision.
    """
    half = {"float32": False, "bfloat16": True}.get(chosen_precision(), _is_half_faster(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=half and not _exact.get())


def _is_half_faster(device: torch.device) -> bool:
    if device.type == "cpu":
        supported: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        return supported
    return device.type == "cuda"


@contextmanager
def exact() -> Iterator[None]:
    """Keep `fast` from rounding, to measure what anything else loses; slower by half or more."""
    token = _exact.set(True)
    try:
        yield
    finally:
        _exact.reset(token)


class DeviceUnavailable(ValueError):
    """The device asked for is not there."""


def choose_device(name: str | None = None) -> torch.device:
    """The named device; for None and "auto" CUDA, else MPS, else the CPU.

    Raises DeviceUnavailable where there is none of that name, and UnknownPrecision before
    anything is loaded in vain.
    """
    chosen_precision()
    if name is None or name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceUnavailable(
            f"there is no device {name!r} on this machine; use --device cpu"
        ) from error
    return device


def stack(parts: Sequence[Tensor], device: torch.device) -> Tensor:
    """Tensors of one shape -> [N,...] on the CPU, in pinned memory where the device is a GPU."""
    room = torch.empty(
        (len(parts), *parts[0].shape), dtype=parts[0].dtype, pin_memory=device.type == "cuda"
    )
    return torch.stack(list(parts), out=room)


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device; a copy to a GPU goes by pinned memory and is not waited for."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def cores() -> int:
    """How many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int | None:
    """How many bytes of memory the machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no such call
        return None


@contextmanager
def without_weights() -> Iterator[None]:
    """A context in which modules are made on "meta": without memory, and nothing is drawn.

    `load_state_dict(..., assign=True)` then gives them their weights.
    """
    with torch.device("meta"), _WithoutInit():
        yield


class _WithoutInit(TorchFunctionMode):
    """Skips torch.nn.init, which on "meta" would load much of torch's compiler for nothing."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if getattr(func, "__module__", "") == torch.nn.init.__name__:
            return given.get("tensor", next(iter(args), None))
        return func(*args, **given)
