"""Sessions of ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from captioner.machine import threads
from captioner.onnx_graph import Model


class Session:
    """A model that is made and loaded at its first run, or when told to.

    Safe to use from several threads. It computes with `threads` threads, None: with as many as
    suit the machine.
    """

    def __init__(self, make: Callable[[], Model], threads: int | None = None) -> None:
        self._make, self._threads = make, threads
        self._model: Model | None = None
        self._loaded: onnxruntime.InferenceSession | None = None
        self._lock = Lock()

    def run(self, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The outputs for these inputs, by name."""
        session = self.load()
        values = session.run(None, inputs)
        return {each.name: value for each, value in zip(session.get_outputs(), values, strict=True)}

    def load(self) -> onnxruntime.InferenceSession:
        """The loaded model; who asks while another thread loads it waits for that."""
        if self._loaded is not None:
            return self._loaded
        with self._lock:
            if self._loaded is None:
                self._model = self._make()  # kept: the session computes with its very arrays
                self._loaded = onnxruntime.InferenceSession(
                    self._model.apart(),
                    _options(self._model, self._threads),
                    providers=["CPUExecutionProvider"],
                )
            return self._loaded


def _options(model: Model, count: int | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    if model.weights:
        values = map(onnxruntime.OrtValue.ortvalue_from_numpy, model.weights.values())
        options.add_external_initializers(list(model.weights), list(values))
    options.intra_op_num_threads = count or threads()
    # Threads that wait would take the cores from those that decode photos and answer requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
