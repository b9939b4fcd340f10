"""A pool of worker processes that decode: a file that crashes or hangs one costs only itself."""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from captioner.image_file import UnreadablePhoto
from indexer.decode_messages import Decoded, receive
from indexer.decode_worker import CPU_LIMIT_SIGNAL, READY, Work, decode, serve_requests

ATTEMPTS = 2
_CRASH = "The picture is damaged: it makes the decoder crash."
_GRACE = 10.0  # seconds to end in, for a process whose pipe is closed

# What the system or a person ends a process with; a decoder that goes astray dies otherwise.
_FROM_OUTSIDE = {-signal.SIGKILL, -signal.SIGTERM} if hasattr(signal, "SIGKILL") else set()

# Never forked: torch has threads, and maybe a GPU, that a forked process would trip over.
_PROCESSES = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Limits:
    """How many seconds one file may take: of CPU time, and of wall-clock time.

    The wall clock is for what hangs without computing; a busy machine must not be taken for that.
    """

    cpu_seconds: float = 60.0
    wall_seconds: float = 600.0


class NoDecoder(OSError):
    """A worker process ends before it is ready for its first file."""


class DecoderKilled(OSError):
    """Worker processes were killed from outside, for want of memory perhaps: no file's fault."""


class DecodingInterrupted(Exception):
    """A call of `interrupt` ended the wait for a picture."""


class _WorkerLost(Exception):
    """A worker process ended before it answered."""


class _WorkerKilled(_WorkerLost):
    """A worker process was ended by a signal that only somebody else sends."""


class _TooSlow(Exception):
    """A worker did not answer in time; str() is the limit it exceeded."""


class Decoders:
    """A pool of worker processes, one for each thread that asks at once; safe to share.

    They start when they are needed, and stay. `work` runs in them: it must be picklable,
    and return what indexer.decode_messages can send.
    """

    def __init__(self, work: Work = decode, limits: Limits | None = None) -> None:
        self._work = work
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()

    def decode_photo(self, data: bytes, side: int) -> Decoded:
        """The picture in a file as a captioner sees it, pixels [3,side,side], by the pool's work.

        Raises as `decode`; UnreadablePhoto, too, for an answer that no sound decoder gives.
        """
        decoded = self.decode(data, side=side)
        if not isinstance(decoded, Decoded) or decoded.pixels.shape != (3, side, side):
            raise UnreadablePhoto(_CRASH)
        return decoded

    def decode(self, data: bytes, work: Work | None = None, **how: Any) -> Any:
        """Return what `work`, or else the pool's own, returns for the bytes of a file, and `how`.

        Raises UnreadablePhoto for what `work` refuses, for what crashes two workers, and for what
        takes one longer than the limits; DecoderKilled for what two workers were killed over by
        somebody else; DecodingInterrupted after `interrupt`; NoDecoder where a process cannot be
        started.
        """
        killed = False
        for _ in range(ATTEMPTS):
            try:
                return self._ask(data, work, how)
            except _WorkerKilled:
                killed = True
            except _WorkerLost:  # once may be the system's doing, where memory is short
                continue
            except _TooSlow as error:
                raise UnreadablePhoto(f"The picture cannot be decoded within {error}.") from error
        if killed:
            raise DecoderKilled("The decoder was killed, for want of memory perhaps.")
        raise UnreadablePhoto(_CRASH)

    def interrupt(self) -> None:
        """End every wait for a picture, with DecodingInterrupted."""
        with self._lock:
            for worker in self._busy:
                worker.interrupt()

    def close(self) -> None:
        """End all worker processes; they start again when they are needed."""
        self.interrupt()
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def _ask(self, data: bytes, work: Work | None, how: Mapping[str, Any]) -> Any:
        worker = self._take()
        try:
            answer = worker.ask(data, work, how)
        except BaseException:
            self._give_back(worker, idle=False)
            worker.end()
            raise
        self._give_back(worker, idle=True)
        if isinstance(answer, UnreadablePhoto):
            raise answer
        return answer

    def _take(self) -> _Worker:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        worker = worker or _Worker(self._work, self._limits)
        with self._lock:
            self._busy.add(worker)
        return worker

    def _give_back(self, worker: _Worker, idle: bool) -> None:
        with self._lock:
            self._busy.discard(worker)
            if idle:
                self._idle.append(worker)


class _Worker:
    """A worker process, and the pipe to it."""

    def __init__(self, work: Work, limits: Limits) -> None:
        self._limits = limits
        self._pipe, theirs = _PROCESSES.Pipe()
        self._process = _start(theirs, work, limits.cpu_seconds)
        theirs.close()  # else nobody would notice that the process is gone
        self._ready = False
        self._interrupted = False

    def ask(self, data: bytes, work: Work | None, how: Mapping[str, Any]) -> Any:
        try:
            return self._ask(data, work, how)
        except (EOFError, OSError) as error:
            if self._interrupted:
                raise DecodingInterrupted from error
            if not self._ready:
                raise NoDecoder("The process that decodes photos cannot be started.") from error
            ended_by = self._exit_code()
            if CPU_LIMIT_SIGNAL is not None and ended_by == -CPU_LIMIT_SIGNAL:
                raise _TooSlow(f"{self._limits.cpu_seconds:g} seconds of computing") from error
            raise (_WorkerKilled if ended_by in _FROM_OUTSIDE else _WorkerLost) from error

    def _ask(self, data: bytes, work: Work | None, how: Mapping[str, Any]) -> Any:
        if not self._ready:
            self._pipe.recv_bytes(len(READY))
            self._ready = True
        self._pipe.send((work, how))
        self._pipe.send_bytes(data)
        most = self._limits.cpu_seconds if CPU_LIMIT_SIGNAL is None else self._limits.wall_seconds
        if not self._pipe.poll(most):
            raise _TooSlow(f"{most:g} seconds")
        return receive(self._pipe)

    def _exit_code(self) -> int | None:
        """How the process ended; None for one that goes on, though it said what makes no sense."""
        self._process.join(_GRACE)
        return self._process.exitcode

    def interrupt(self) -> None:
        self._interrupted = True
        self._process.kill()

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _start(pipe: Connection, work: Work, cpu_seconds: float) -> SpawnProcess:
    arguments = (pipe, work, cpu_seconds)
    process = _PROCESSES.Process(target=serve_requests, args=arguments, daemon=True)
    process.start()
    return process


@functools.cache
def shared_decoders() -> Decoders:
    """The pool that all runs of this process share, since starting a worker takes a while.

    It is closed before the process ends: Python itself would send SIGTERM to the workers and wait,
    for ever where they were started deaf to it, as children of one that is told to end are.
    """
    decoders = Decoders()
    atexit.register(decoders.close)
    return decoders
