"""What comes back from a decoder process: the few types there are, and nothing that it makes up."""

import json
import os
import pickle
import signal
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import UTC, datetime
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from captioner.image_file import UnreadablePhoto
from catalog.records import Annotations, Metadata
from indexer.capture_date import CaptureDate
from indexer.decode_messages import BadMessage, Decoded, receive, send
from indexer.decode_pool import DecoderKilled, Decoders
from indexer.metadata import Tags

TAGS = Tags(CaptureDate(datetime(2021, 7, 14, tzinfo=UTC), 120), camera="Cam\udcff", latitude=1)
METADATA = Metadata(3, 2, "JPEG", datetime(2021, 7, 14, tzinfo=UTC), None, 46.5, None)


def sent(value: object) -> object:
    here, there = Pipe()
    send(there, value)
    return receive(here)


def refused(write: Callable[[Connection], None]) -> None:
    here, there = Pipe()
    write(there)
    with pytest.raises(BadMessage):
        receive(here)


def test_what_was_decoded_comes_back_as_it_was() -> None:
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    back = sent(Decoded(pixels, b"a thumbnail", METADATA, TAGS))
    assert isinstance(back, Decoded)
    np.testing.assert_array_equal(back.pixels, pixels)
    assert back.pixels.flags.writeable
    assert (back.thumbnail, back.metadata, back.tags) == (b"a thumbnail", METADATA, TAGS)


def test_no_field_is_declared_by_an_alias_of_numpys() -> None:
    # Since NumPy 2.5 NDArray has no origin that a value could be compared with.
    for kind in (Decoded, Metadata, Tags, CaptureDate, Annotations):
        assert not [each.name for each in fields(kind) if "NDArray" in str(each.type)]


@pytest.mark.parametrize("value", [TAGS, 7, ["a", None], None])
def test_smaller_answers_come_back_as_they_were(value: object) -> None:
    assert sent(value) == value


def test_a_refusal_keeps_its_reason() -> None:
    back = sent(UnreadablePhoto("The file is empty."))
    assert isinstance(back, UnreadablePhoto)
    assert str(back) == "The file is empty."


class Payload:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_not_unpickled(tmp_path: Path) -> None:
    trap = tmp_path / "made"
    refused(lambda pipe: pipe.send_bytes(pickle.dumps(Payload(trap))))
    refused(lambda pipe: pipe.send(Payload(trap)))
    assert not trap.exists()


@pytest.mark.parametrize(
    "head",
    [
        {"type": "Popen", "fields": {}},
        {"type": "Tags", "fields": {"camera": 7}},
        {"type": "Tags", "fields": {"taken": "yesterday"}},
        {"type": "Tags", "fields": {"colour": "red"}},
        {"type": "Metadata", "fields": {**asdict(METADATA), "taken_at": None, "width": "3"}},
        {"type": "Metadata", "fields": {"width": 3}},
        {"type": "datetime", "value": "soon"},
        {"type": "array", "shape": [-1]},
        {"type": "array", "shape": [10**6, 10**6]},
        {"type": "array", "shape": ["3"]},
        {"fields": {}},
    ],
)
def test_nonsense_is_refused(head: object) -> None:
    refused(lambda pipe: pipe.send_bytes(json.dumps(head).encode()))


@pytest.mark.parametrize("size", [17, 19])
def test_pixels_of_another_number_than_told_are_refused(size: int) -> None:
    def write(pipe: Connection) -> None:
        pipe.send_bytes(json.dumps({"type": "array", "shape": [2, 3, 3]}).encode())
        pipe.send_bytes(bytes(size))

    refused(write)


def test_nesting_without_end_is_refused() -> None:
    refused(lambda pipe: pipe.send_bytes(b"[" * 100_000))


def end_by_sigkill(data: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_decoders_killed_from_outside_are_not_the_fault_of_the_file() -> None:
    decoders = Decoders(end_by_sigkill)
    with pytest.raises(DecoderKilled, match="memory"):
        decoders.decode(b"")
    decoders.close()
