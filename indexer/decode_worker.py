"""A worker process that decodes: a file's bytes in; pixels, thumbnail and metadata out.

Apart from the process that indexes, so that whatever a hostile file does to a decoder happens
here. Free of torch and SQL, so that it starts quickly.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

from captioner.image_file import UnreadablePhoto, decode_photo, read_header, to_pixels
from indexer.decode_messages import Decoded, send
from indexer.metadata import Tags, make_metadata, read_tags
from indexer.thumbnails import make_thumbnail

# Twice what the worst picture of 100 megapixels needs; a decoder gone wild must stop somewhere.
MAX_MEMORY = 4 * 2**30
READY = b"ready"

# Ends a process that exceeds its CPU time; None where the system cannot count that.
CPU_LIMIT_SIGNAL: int | None = getattr(signal, "SIGPROF", None)


# Of a file's bytes, and of what is asked for by name besides.
Work = Callable[..., Any]


def decode(data: bytes, side: int = 224) -> Decoded:
    """Decode the bytes of a picture file, for a captioner that sees squares of such a side.

    Raises UnreadablePhoto, and nothing else.
    """
    photo = decode_photo(data)
    pixels, thumbnail = to_pixels(photo, side), make_thumbnail(photo.image)
    tags = read_tags(photo.exif, photo.xmp, photo.iptc)
    return Decoded(pixels, thumbnail, make_metadata(photo, tags), tags)


def decode_tags(data: bytes) -> Tags:
    """The tags of a picture file, without its pixels. Raises UnreadablePhoto, and nothing else."""
    return read_tags(*read_header(data))


def serve_requests(connection: Connection, work: Work, cpu_seconds: float) -> None:
    """The main loop of a worker process: answer file after file until the pipe is closed.

    Each comes as what to do, None for `work`, and how, and its bytes. Sends READY before the first
    answer. A file that takes more than `cpu_seconds` of CPU time ends the process by
    CPU_LIMIT_SIGNAL, where the system can count them.
    """
    _isolate_process()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send_bytes(READY)
        while True:
            (other, how), data = connection.recv(), connection.recv_bytes()
            with _cpu_limit(cpu_seconds):
                answer = _answer(other or work, data, how)
            send(connection, answer)


def _answer(work: Work, data: bytes, how: Mapping[str, Any]) -> Any:
    try:
        return work(data, **how)
    except UnreadablePhoto as error:
        return error


@contextlib.contextmanager
def _cpu_limit(seconds: float) -> Iterator[None]:
    # By default this signal ends a process at once, also in the middle of a library in C.
    if CPU_LIMIT_SIGNAL is not None:
        signal.setitimer(signal.ITIMER_PROF, seconds)
    yield
    if CPU_LIMIT_SIGNAL is not None:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _isolate_process() -> None:
    # Ctrl-C reaches the whole group of processes; the one that indexes says when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # what ignores it hands that on to its children
    if CPU_LIMIT_SIGNAL is not None:
        signal.signal(CPU_LIMIT_SIGNAL, signal.SIG_DFL)
    # Libraries in C write what they think of a file straight to stderr.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if os.name == "posix":
        _limit_memory()


def _limit_memory() -> None:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = MAX_MEMORY if most == resource.RLIM_INFINITY else min(MAX_MEMORY, most)
    with contextlib.suppress(OSError, ValueError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))
