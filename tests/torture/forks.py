"""Work in a fork of this process, which has loaded the models: it starts at once and may die.

The process that forks runs no model and starts no thread, since a fork takes neither along.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 300.0  # seconds; whatever takes longer hangs
_FAILED = 70


@dataclass(frozen=True)
class Ended:
    """How a fork ended: its exit code (minus a signal's number), result, and all it wrote."""

    code: int
    result: Any
    output: str


class Fork:
    """Work that runs in a process of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        handle, name = tempfile.mkstemp(suffix=".txt")
        self._output = Path(name)
        self.result, write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _carry_out(work, write, handle)
        os.close(write)
        os.close(handle)

    def kill(self) -> None:
        """End it as `kill -9` does, unless it has ended."""
        os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, as the system does."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, seconds: float = PATIENCE) -> Ended:
        """Wait for its end; it is killed where it takes longer than that."""
        parts, end = [], time.monotonic() + seconds
        while select.select([self.result], [], [], max(0.0, end - time.monotonic()))[0]:
            if not (part := os.read(self.result, 1 << 20)):
                break
            parts.append(part)
        else:
            self.kill()
        os.close(self.result)
        _, status = os.waitpid(self.pid, 0)
        content = b"".join(parts)
        output = self._output.read_text(errors="replace")
        self._output.unlink()
        code = os.waitstatus_to_exitcode(status)
        return Ended(code, pickle.loads(content) if content and not code else None, output)


def in_fork(work: Callable[[], Any]) -> Ended:
    """Do work in a fork, and wait for it."""
    return Fork(work).wait()


def command(*arguments: str | Path) -> Callable[[], int]:
    """A `tellshow` command as work for a fork; its result is the exit code."""

    def work() -> int:
        from tellshow import run

        return int(run([str(each) for each in arguments]))

    return work


def _carry_out(work: Callable[[], Any], write: int, output: int) -> None:
    code = _FAILED
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as tellshow.main does
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = os.fdopen(os.dup(1), "w")
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
        result = pickle.dumps(work())
        with os.fdopen(write, "wb") as pipe:
            pipe.write(result)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
