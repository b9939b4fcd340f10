"""Ends a command with the process that started it, as a server's index run with the server.

A parent that is killed tells its children nothing. They notice by getppid(2), which then names who
adopted them. A pipe that closes with the parent would stay open in the parent's other children;
Linux's PR_SET_PDEATHSIG tells of the end of the thread that started the child.
"""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK_SECONDS = 0.5
# A batch may have to be written, and vector files saved, before a command ends.
GRACE_SECONDS = 60.0


def end_with(parent: int) -> None:
    """End this process as Ctrl-C does, which saves first, once `parent` is not its parent."""
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    # Like a signal from outside, which reaches the main thread whatever that waits for.
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)  # nobody is left who could stop one that hangs
