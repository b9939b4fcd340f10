"""Starts and stops a real `tellshow serve` in its own process, and reads its memory and threads."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import IO

from benchmarks.model_counter import count

ROOT = Path(__file__).parent.parent
_LOADING_SECONDS = 300
_STOPPING_SECONDS = 60


@dataclass(frozen=True)
class Served:
    """A running server: where it listens, and its process."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """What a browser opens."""
        return f"http://{self.address}"

    def models(self) -> int:
        """How many models it has made so far: one captioner and one sentence embedder are two."""
        return count(self.log)

    def cost(self) -> Cost:
        """What the process uses now."""
        return read_cost(self.process.pid)


@dataclass(frozen=True)
class Cost:
    """Memory in MB, as it is and at its most, and the number of threads."""

    resident: float
    most_resident: float
    threads: int


def read_cost(pid: int) -> Cost:
    """What Linux says of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = dict(re.findall(r"^(\w+):\s+(\d+)", text, re.M))
    resident, most = (int(found[name]) / 1024 for name in ("VmRSS", "VmHWM"))
    return Cost(resident, most, int(found["Threads"]))


@contextmanager
def serving(home: Path) -> Iterator[Served]:
    """A server on a free port for as long as this is open, without a limit on who asks how often.

    Raises RuntimeError with what it said where it does not start.
    """
    port = _free_port()
    with tempfile.NamedTemporaryFile("r", prefix="tellshow-", suffix=".log") as log:
        command = ["serve", "--home", str(home), "--port", str(port), *_without_limit()]
        with Path(log.name).open("wb") as sink:
            process = start(command, sink, "benchmarks.model_counter")
        try:
            served = Served(f"127.0.0.1:{port}", process, Path(log.name))
            _wait_until_ready(served)
            yield served
        finally:
            stop(process)


def start(
    arguments: Sequence[str], sink: IO[bytes] | None = None, program: str = "tellshow"
) -> subprocess.Popen[bytes]:
    """Run a command of this checkout's tellshow; what it says goes to the file `sink`, if any."""
    command, said = [sys.executable, "-m", program, *arguments], sink or subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a command as a system would, and wait until it has ended."""
    process.terminate()
    try:
        process.wait(_STOPPING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def own_home(home: Path | None, folders: Sequence[Path]) -> Iterator[Path]:
    """A temporary copy of a home, which nobody may be writing to, with the folders indexed.

    Raises RuntimeError where they cannot be.
    """
    with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
        copy = Path(folder) / "home"
        if home is not None:
            shutil.copytree(home, copy)
        if folders and start(["index", "--home", str(copy), *map(str, folders)]).wait():
            raise RuntimeError(f"{folders[0]} cannot be indexed")
        yield copy


def _without_limit() -> list[str]:
    """The option that lifts the limit on requests, where the server has one."""
    command = [sys.executable, "-m", "tellshow", "serve", "--help"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return ["--rate-limit", "0"] if "--rate-limit" in said.stdout else []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _wait_until_ready(served: Served) -> None:
    for _ in range(10 * _LOADING_SECONDS):
        if served.process.poll() is not None:
            break
        if _is_ready(served.address):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {served.log.read_text()}")


def _is_ready(address: str) -> bool:
    connection = HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/api/v1/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
