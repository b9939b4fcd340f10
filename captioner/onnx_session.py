"""Sessions of ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from captioner.machine import threads


class Session:
    """A model that is made and loaded at its first run; safe to use from several threads."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
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
                    self._make(), _options(), providers=["CPUExecutionProvider"]
                )
            return self._loaded


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    # Threads that wait would take the cores from those that decode photos and answer requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
