"""The device that torch computes on: which one, its precision, and tensors on their way to it.

bfloat16 is taken on CUDA and on CPUs that compute in it, unless $TELLSHOW_PRECISION says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]
from torch import Tensor
from torch.overrides import TorchFunctionMode

from captioner.machine import DeviceUnavailable, chosen_precision

_exact = ContextVar("exact", default=False)


def fast(device: torch.device) -> torch.autocast:
    """A context in which matrix products and convolutions run in bfloat16 if that is faster.

    $TELLSHOW_PRECISION float32 forbids it and bfloat16 demands it; raises UnknownPrecision.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=is_fast(device))


def is_fast(device: torch.device) -> bool:
    """Whether `fast` computes in bfloat16 now; raises UnknownPrecision."""
    half = {"float32": False, "bfloat16": True}.get(chosen_precision(), _is_half_faster(device))
    return half and not _exact.get()


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


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device; a copy to a GPU goes by pinned memory and is not waited for."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


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


def use_threads(count: int) -> None:
    """Let torch compute with so many threads in the calling thread, and in no other.

    torch.set_num_threads would also set what every thread to come begins with, and taking that
    back races with threads that begin just then: OpenMP's own number is a thread's alone.
    """
    torch.get_num_threads()  # a thread's first question, or work, sets OpenMP's number to the usual
    ThreadpoolController().select(user_api="openmp").limit(limits=count)
