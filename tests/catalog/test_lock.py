"""One writer a home; searches together, changes alone."""

import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog.database import WriterBusy, writer_lock
from catalog.home import Home
from catalog.vectors.thread_safe import ReadersWriterLock

HOLD = """
import sys
from pathlib import Path
from catalog.home import open_home
from catalog.database import writer_lock
with writer_lock(open_home(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_second_process_is_told_that_the_home_is_busy_until_the_first_dies(
    home: Home, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start_python(HOLD, home.path)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    busy = pytest.raises(WriterBusy, match=r"^Another tellshow is writing to .+\.$")
    with busy, writer_lock(home):
        pass
    process.kill()
    process.wait()
    with writer_lock(home):
        pass


def test_lock_is_free_again_after_an_error(home: Home) -> None:
    with pytest.raises(ZeroDivisionError), writer_lock(home):
        raise ZeroDivisionError
    with writer_lock(home):
        pass


def test_shared_lock_is_shared_but_never_beside_one_who_is_alone() -> None:
    lock, together = ReadersWriterLock(), threading.Barrier(4, timeout=300)
    alone = 0
    seen = []

    def share() -> None:
        with lock.shared():
            together.wait()
            seen.append(alone)
        for _ in range(200):
            with lock.shared():
                seen.append(alone)

    def be_alone() -> None:
        nonlocal alone
        together.wait()
        for _ in range(200):
            with lock.exclusive():
                alone += 1
                alone -= 1

    with ThreadPoolExecutor(5) as pool:
        done = [pool.submit(share) for _ in range(3)] + [pool.submit(be_alone)]
        for future in done:
            future.result(timeout=300)
    assert set(seen) == {0}
