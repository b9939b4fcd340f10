"""Commands that start at once: a process loads the libraries, and each command is a fork of it.

A command is a process like any other, and ends like one. Run by itself this file is the process
that forks; it reads what to run and where to write its output, and answers with numbers.
"""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.command_process import REPOSITORY


class Child:
    """A command that runs; its number is nobody else's until the next one starts."""

    def __init__(self, pid: int, nursery: "Nursery", output: Path) -> None:
        self._pid = pid
        self._nursery = nursery
        self._output = output
        self._code: int | None = None

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._code is None and not self._nursery.has_answer()

    def kill(self) -> None:
        """End it as `kill -9` does, unless it has ended."""
        os.kill(self._pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> tuple[int, str]:
        """Its exit code, and all that it wrote."""
        if self._code is None:
            self._code = self._nursery.answer()
        return self._code, self._output.read_text()


class Nursery:
    """Starts one command after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.forked_commands"],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def start(self, *arguments: str | Path) -> Child:
        """Start a command; the one before has to be at its end."""
        self._count += 1
        output = self._folder / f"output-{self._count}.txt"
        request = {"arguments": [str(each) for each in arguments], "output": str(output)}
        self._requests.write(json.dumps(request).encode() + b"\n")
        return Child(self.answer(), self, output)

    def answer(self) -> int:
        """Wait for what the process that forks says next."""
        return int(self._answers.readline())

    def has_answer(self) -> bool:
        """Whether there is no need to wait for it."""
        return bool(select.select([self._answers], [], [], 0)[0])

    def close(self) -> None:
        """End the process that forks."""
        self._process.communicate()


def _serve() -> None:
    from tellshow import run

    ended = None
    for line in sys.stdin:
        if ended is not None:
            os.waitpid(ended, 0)
        request = json.loads(line)
        ended = os.fork()
        if not ended:
            output = os.open(request["output"], os.O_WRONLY | os.O_CREAT)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.exit(run(request["arguments"]))
        _say(ended)
        # Its number is not given to another process before `waitpid`.
        found = os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)
        assert found is not None
        exited = found.si_code == os.CLD_EXITED
        _say(found.si_status if exited else -found.si_status)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _load() -> None:
    """What indexing would load, but for ONNX Runtime: its threads do not live on in a fork."""
    import faiss  # noqa: F401

    import indexer.pipeline  # noqa: F401
    import search.engine  # noqa: F401


if __name__ == "__main__":
    _load()
    _serve()
