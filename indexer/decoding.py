"""What a worker process does with one file: bytes in, upright picture and metadata out.

Apart from the process that indexes, so that whatever a hostile file does to a decoder happens
here. Knows nothing of torch, of files and of who asked.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from PIL import Image

from captioner.photo import UnreadablePhoto, decode_photo
from catalog.photos import Metadata
from indexer.metadata import read_metadata

# Twice what the worst picture of 100 megapixels needs; a decoder gone wild must stop somewhere.
MOST_MEMORY = 4 * 2**30
READY = "ready"


@dataclass(frozen=True)
class Decoded:
    """An upright RGB picture, perhaps smaller than the original, and what its file says of it."""

    image: Image.Image
    metadata: Metadata


Work = Callable[[bytes], Any]


def decode(data: bytes) -> Decoded:
    """Decode a whole picture file. Raises UnreadablePhoto for whatever cannot be."""
    photo = decode_photo(data)
    return Decoded(photo.image, read_metadata(photo))


def answer_all(connection: Connection, work: Work) -> None:
    """Answer file after file, until whoever asks is gone; the whole life of a worker process.

    READY goes before the first answer.
    """
    _settle_in()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(READY)
        while True:
            connection.send(_answer(work, connection.recv_bytes()))


def _answer(work: Work, data: bytes) -> Any:
    try:
        return work(data)
    except UnreadablePhoto as error:
        return UnreadablePhoto(str(error))  # without its cause, which may not travel


def _settle_in() -> None:
    # Ctrl-C reaches the whole group of processes; the one that indexes says when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
