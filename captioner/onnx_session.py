"""Sessions of ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from captioner.machine import threads

T = TypeVar("T")
R = TypeVar("R")


class Session:
    """A model that is made and loaded at its first run; safe to use from several threads.

    It computes with `threads` threads, None: with as many as suit the machine.
    """

    def __init__(self, make: Callable[[], bytes], threads: int | None = None) -> None:
        self._make, self._threads = make, threads
        self._loaded: onnxruntime.InferenceSession | None = None
        self._lock = Lock()

    def run(self, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The outputs for these inputs, by name."""
        session = self._loaded or self._load()
        values = session.run(None, inputs)
        return {each.name: value for each, value in zip(session.get_outputs(), values, strict=True)}

    def _load(self) -> onnxruntime.InferenceSession:
        with self._lock:
            if self._loaded is None:
                self._loaded = onnxruntime.InferenceSession(
                    self._make(), _options(self._threads), providers=["CPUExecutionProvider"]
                )
            return self._loaded


def in_parallel(work: Callable[[T], R], parts: Sequence[T]) -> list[R]:
    """What `work` makes of each part, in order, as many at once as there are threads to compute."""
    count = min(threads(), len(parts))
    if count < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(count, thread_name_prefix="compute") as pool:
        return list(pool.map(work, parts))


def _options(count: int | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = count or threads()
    # Threads that wait would take the cores from those that decode photos and answer requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
