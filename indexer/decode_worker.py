"""What a worker process does with one file: bytes in; picture, thumbnail and metadata out.

Apart from the process that indexes, so that whatever a hostile file does to a decoder happens
here. Knows nothing of torch, of files and of who asked.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.image_file import UnreadablePhoto, decode_photo
from catalog.records import Metadata
from indexer.metadata import read_metadata
from indexer.thumbnails import make_thumbnail

# Twice what the worst picture of 100 megapixels needs; a decoder gone wild must stop somewhere.
MOST_MEMORY = 4 * 2**30
READY = "ready"

# What ends a process that computed for too long; None where the system does not count.
OVERTIME: int | None = getattr(signal, "SIGPROF", None)


@dataclass(frozen=True)
class Decoded:
    """An upright RGB picture, perhaps smaller than the original, and what its file says of it.

    `thumbnail` is a JPEG.
    """

    pixels: NDArray[np.uint8]  # [H,W,3]
    thumbnail: bytes
    metadata: Metadata


Work = Callable[[bytes], Any]


def decode(data: bytes) -> Decoded:
    """Decode a whole picture file. Raises UnreadablePhoto for whatever cannot be."""
    photo = decode_photo(data)
    return Decoded(np.array(photo.image), make_thumbnail(photo.image), read_metadata(photo))


def answer_all(connection: Connection, work: Work, most_computing: float) -> None:
    """Answer file after file, until whoever asks is gone; the whole life of a worker process.

    READY goes before the first answer. A file that takes more than `most_computing` seconds of
    processors' time ends the process by OVERTIME, where the system can count them.
    """
    _settle_in()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(READY)
        while True:
            data = connection.recv_bytes()
            with _at_most(most_computing):
                answer = _answer(work, data)
            send(connection, answer)


def send(connection: Connection, value: Any) -> None:
    """Send a value, the pixels in it without a copy."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    raw = [buffer.raw() for buffer in buffers]
    connection.send((head, [part.nbytes for part in raw]))
    for part in raw:
        connection.send_bytes(part)


def receive(connection: Connection) -> Any:
    """Return a value that was sent. Raises EOFError and OSError."""
    head, sizes = connection.recv()
    buffers = [bytearray(size) for size in sizes]
    for buffer in buffers:
        connection.recv_bytes_into(buffer)
    return pickle.loads(head, buffers=buffers)


def _answer(work: Work, data: bytes) -> Any:
    try:
        return work(data)
    except UnreadablePhoto as error:
        return UnreadablePhoto(str(error))  # without its cause, which may not travel


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    # By default this signal ends a process at once, also in the middle of a library in C.
    if OVERTIME is not None:
        signal.setitimer(signal.ITIMER_PROF, seconds)
    yield
    if OVERTIME is not None:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _settle_in() -> None:
    # Ctrl-C reaches the whole group of processes; the one that indexes says when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if OVERTIME is not None:
        signal.signal(OVERTIME, signal.SIG_DFL)
    # Libraries in C write what they think of a file straight to stderr.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if os.name == "posix":
        _limit_memory()


def _limit_memory() -> None:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = MOST_MEMORY if most == resource.RLIM_INFINITY else min(MOST_MEMORY, most)
    with contextlib.suppress(OSError, ValueError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))
