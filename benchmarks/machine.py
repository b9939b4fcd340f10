"""The machine that figures were taken on: processor and what it computes in, versions, settings."""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# What decides how fast networks run on a CPU: of x86-64, then of ARM.
_FEATURES = (
    "avx2", "fma", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8",
    "asimd", "asimddp", "i8mm", "bf16", "sve", "sve2",
)  # fmt: skip
_PACKAGES = ("torch", "onnxruntime", "faiss-cpu", "numpy", "pillow", "simplejpeg", "sqlalchemy")
_RUNTIMES = ("torch ", "onnxruntime ", "faiss")
_SETTINGS = ("ONEDNN_MAX_CPU_ISA", "OMP_NUM_THREADS", "TELLSHOW_PRECISION", "TELLSHOW_RUNTIME")


def described() -> str:
    """A Markdown table of all that figures hang on."""
    cpu = _cpuinfo()
    rows = {
        "processor": f"{model_of(cpu)}, {_cores()} cores for this run, {_memory()}",
        "it computes in": _features(cpu),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(_versions()),
        "settings": ", ".join(f"{name}={os.environ[name]}" for name in _SETTINGS if name in
                              os.environ) or "none",
        "load before the run": _load(),
    }  # fmt: skip
    return "\n".join(
        ["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())]
    )


def in_short() -> str:
    """One line for beside a table: processor, features, cores and runtimes."""
    cpu = _cpuinfo()
    runtimes = [each for each in _versions() if each.startswith(_RUNTIMES)]
    return f"{model_of(cpu)} ({_features(cpu)}), {_cores()} cores; {', '.join(runtimes)}"


def model_of(cpuinfo: str) -> str:
    """The processor's name in the text of /proc/cpuinfo, else what Python knows."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.M)
    return found[1].strip() if found else platform.processor() or platform.machine()


def features_of(cpuinfo: str) -> list[str]:
    """Which of the features that count here the text of /proc/cpuinfo names."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.M)
    named = set(found[1].split()) if found else set()
    return [name for name in _FEATURES if name in named]


def not_masked(features: list[str], seen: Mapping[str, bool]) -> list[str]:
    """The features that a process sees; `seen` is what NumPy found by asking the processor.

    Where CPUID is masked, as for another processor's figures, the system still names them all.
    """
    if seen.get("AVX512F", True) or "avx512f" not in features:
        return features
    return [name for name in features if name in ("avx2", "fma")]


def _features(cpuinfo: str) -> str:
    seen: Mapping[str, bool] = {}
    with contextlib.suppress(ImportError, AttributeError):  # NumPy may move it
        seen = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    named = features_of(cpuinfo)
    shown = not_masked(named, seen)
    text = ", ".join(shown) or "unknown"
    return text if shown == named else f"{text}; CPUID masked, the processor has more"


def _cpuinfo() -> str:
    file = Path("/proc/cpuinfo")
    return file.read_text() if file.is_file() else ""


def _cores() -> int:
    has_affinity = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"
    except (AttributeError, OSError, ValueError):  # Windows has no such call
        return "unknown memory"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _versions() -> list[str]:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
