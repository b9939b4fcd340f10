"""What computes: the machine's cores and memory, and the precision and runtime that are asked for.

Free of torch, so that it costs nothing to ask.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

PRECISIONS = ("auto", "float32", "bfloat16")
RUNTIMES = ("auto", "onnx", "torch")

ONNX, TORCH = "onnx", "torch"


class UnknownPrecision(ValueError):
    """$TELLSHOW_PRECISION names a precision that there is not, or that the runtime has not."""


class DeviceUnavailable(ValueError):
    """The device asked for is not there."""


class RuntimeUnavailable(ValueError):
    """$TELLSHOW_RUNTIME names a runtime that there is not, or that is not installed."""


def cores() -> int:
    """How many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """How many threads to compute with: $OMP_NUM_THREADS, else one for each core."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else cores()


def memory() -> int | None:
    """How many bytes of memory the machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no such call
        return None


def chosen_precision() -> str:
    """One of `PRECISIONS`, from $TELLSHOW_PRECISION; raises UnknownPrecision for another word."""
    chosen = os.environ.get("TELLSHOW_PRECISION") or "auto"
    if chosen not in PRECISIONS:
        raise UnknownPrecision(
            f"TELLSHOW_PRECISION is {chosen!r}: set it to auto, float32 or bfloat16, or unset it"
        )
    return chosen


def chosen_runtime() -> str:
    """One of `RUNTIMES`, from $TELLSHOW_RUNTIME; raises RuntimeUnavailable for another word."""
    chosen = os.environ.get("TELLSHOW_RUNTIME") or "auto"
    if chosen not in RUNTIMES:
        raise RuntimeUnavailable(
            f"TELLSHOW_RUNTIME is {chosen!r}: set it to auto, onnx or torch, or unset it"
        )
    return chosen


def runtime_for(device: str | None) -> str:
    """The runtime that computes on a device: ONNX or TORCH.

    On a CPU ONNX Runtime, which is faster in float32 than torch in either precision. Raises
    UnknownPrecision, RuntimeUnavailable, and DeviceUnavailable for a GPU without torch.
    """
    chosen, precision = chosen_runtime(), chosen_precision()
    on_cpu = device == "cpu" or (device in (None, "auto") and not _may_have_gpu())
    if chosen == ONNX:
        _check_onnx(on_cpu or device in (None, "auto"), precision)
        return ONNX
    if chosen == "auto" and on_cpu and precision != "bfloat16" and _is_there("onnxruntime"):
        return ONNX
    if has_torch():
        return TORCH
    if not on_cpu:
        raise DeviceUnavailable(
            f"the device {device!r} needs torch; install tellshow[gpu], or use --device cpu"
        )
    raise RuntimeUnavailable(
        "the captioner needs torch here; install tellshow[train], or unset TELLSHOW_RUNTIME "
        "and TELLSHOW_PRECISION"
    )


def _check_onnx(on_cpu: bool, precision: str) -> None:
    if not _is_there("onnxruntime"):
        raise RuntimeUnavailable("TELLSHOW_RUNTIME is onnx: install onnxruntime, or unset it")
    if not on_cpu:
        raise DeviceUnavailable("TELLSHOW_RUNTIME is onnx, which computes on the CPU: unset it")
    if precision == "bfloat16":
        raise UnknownPrecision(
            "TELLSHOW_PRECISION is bfloat16, and TELLSHOW_RUNTIME onnx computes in float32: "
            "unset one of them"
        )


def has_torch() -> bool:
    """Whether torch is installed; it is not imported."""
    return _is_there("torch")


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # something keeps it from being imported
        return False


def _may_have_gpu() -> bool:
    """Whether torch is worth asking for a GPU: its import takes seconds."""
    if not has_torch():
        return False
    if sys.platform == "darwin":
        return os.uname().machine == "arm64"
    if sys.platform == "win32":
        return os.path.exists(os.path.join(os.environ["SYSTEMROOT"], "System32", "nvcuda.dll"))
    return os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/kfd")
