"""SIGTERM as a KeyboardInterrupt, once: told to end by the system, a command saves first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_AGAIN = 0.05  # seconds until a signal that was lost is sent again


@contextmanager
def raised_termination() -> Iterator[None]:
    """Within: the first SIGTERM raises KeyboardInterrupt in the main thread.

    Once it did, the process is deaf to SIGTERM until it is over: its exit code tells what was done.
    """
    termination = _Termination()
    signal.signal(signal.SIGTERM, termination.handle)
    if os.name == "posix":  # elsewhere SIGTERM ends a process at once
        sys.unraisablehook = termination.send_again
    try:
        yield
    finally:
        if termination.has_raised:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)


class _Termination:
    """The handler of SIGTERM, and what remembers whether it has raised."""

    def __init__(self) -> None:
        self.has_raised = False

    def handle(self, number: int, frame: object) -> None:
        """Raise KeyboardInterrupt once: signals that follow would break off the saving.

        An index run gets two where systemd stops a server: its own, and what the server sends it.
        They are not left to SIG_IGN, which processes that are started later would inherit.
        """
        if not self.has_raised:
            self.has_raised = True
            raise KeyboardInterrupt

    def send_again(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Send the signal anew whose KeyboardInterrupt was raised where Python only prints it.

        Signals are handled between any two instructions: in a finalizer or a weak reference's
        callback too, which cannot raise. The command would go on, deaf to every further SIGTERM.
        """
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(unraisable)
            return
        # Later, since this is still within the callback.
        again = threading.Timer(_AGAIN, self._send)
        again.daemon = True
        again.start()

    def _send(self) -> None:
        self.has_raised = False
        os.kill(os.getpid(), signal.SIGTERM)
