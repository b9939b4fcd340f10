"""Sessions of ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from captioner.machine import threads
from captioner.onnx_graph import Model

T = TypeVar("T")
R = TypeVar("R")


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


class _Cores:
    """Counts the threads that compute, for callers at the same time to share the cores."""

    def __init__(self) -> None:
        self._taken, self._lock = 0, Lock()

    @contextmanager
    def take(self, wanted: int) -> Iterator[int]:
        """As many threads of those wanted as have a core free, at least one."""
        with self._lock:
            count = max(1, min(wanted, threads() - self._taken))
            self._taken += count
        try:
            yield count
        finally:
            with self._lock:
                self._taken -= count


_cores = _Cores()


# Threads that compute beside who calls: kept, as a new thread's memory is new as well. As many are
# made as are busy at once, which `_Cores` bounds.
_others = ThreadPoolExecutor(1024, thread_name_prefix="compute")


def in_parallel(work: Callable[[T], R], parts: Sequence[T]) -> list[R]:
    """What `work` makes of each part, in order, as many at once as there are cores to compute.

    Who calls while others compute gets the cores that those leave: with none left its parts come
    one after another in the calling thread, which is faster than waiting for each other.
    """
    made: dict[int, R] = {}
    turns = iter(range(len(parts)))  # each is taken by one thread: `next` holds the interpreter

    def take_turns() -> None:
        for row in turns:
            made[row] = work(parts[row])

    with _cores.take(len(parts)) as count:
        beside = [_others.submit(take_turns) for _ in range(count - 1)]
        try:
            take_turns()
        finally:
            wait(beside)
        for each in beside:
            each.result()
    return [made[row] for row in range(len(parts))]


def _options(model: Model, count: int | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    if model.weights:
        values = map(onnxruntime.OrtValue.ortvalue_from_numpy, model.weights.values())
        options.add_external_initializers(list(model.weights), list(values))
    options.intra_op_num_threads = count or threads()
    # Threads that wait would take the cores from those that decode photos and answer requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
