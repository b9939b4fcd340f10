"""What a decoder process sends back: JSON and raw bytes, rebuilt by type, never unpickled.

A decoder that a hostile file has taken over may send anything at all. Whatever is not one of the
few types below, with fields of the right types, is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from multiprocessing import BufferTooShort
from multiprocessing.connection import Connection
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from captioner.image_file import UnreadablePhoto
from catalog.records import Annotations, Metadata
from indexer.capture_date import CaptureDate
from indexer.metadata import Tags

MAX_HEAD = 4 << 20  # bytes of JSON
MAX_BUFFER = 2 << 30  # bytes of pixels


@dataclass(frozen=True)
class Decoded:
    """An upright RGB picture as a captioner sees it, its thumbnail, and its tags.

    `metadata` is by the tags alone.
    """

    # [3,S,S]; no NDArray, which is an ndarray to get_origin in some releases of NumPy alone.
    pixels: np.ndarray[Any, np.dtype[np.uint8]]
    thumbnail: bytes  # a JPEG
    metadata: Metadata
    tags: Tags


class BadMessage(OSError):
    """A decoder sent what no sound decoder sends."""


_TYPES: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Decoded, Metadata, Tags, CaptureDate, Annotations)
}
_NONSENSE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, BufferTooShort)


def send(connection: Connection, value: Any) -> None:
    """Send a Decoded, Tags, UnreadablePhoto, or plain JSON value. Raises OSError."""
    buffers: list[memoryview] = []
    head = json.dumps(_to_json(value, buffers)).encode()
    connection.send_bytes(head)
    for buffer in buffers:
        connection.send_bytes(buffer)


def receive(connection: Connection) -> Any:
    """Return a value that `send` sent. Raises EOFError, OSError, and BadMessage for nonsense."""
    try:
        head = json.loads(connection.recv_bytes(MAX_HEAD))
        return _from_json(head, connection)
    except _NONSENSE as error:
        raise BadMessage("The decoder sent nonsense.") from error


def _to_json(value: Any, buffers: list[memoryview]) -> Any:
    if isinstance(value, np.ndarray):
        buffers.append(np.ascontiguousarray(value, np.uint8).data.cast("B"))
        return {"type": "array", "shape": value.shape}
    if isinstance(value, bytes):
        buffers.append(memoryview(value))
        return {"type": "bytes"}
    if isinstance(value, datetime):
        return {"type": "datetime", "value": value.isoformat()}
    if isinstance(value, UnreadablePhoto):
        return {"type": "unreadable", "value": str(value)}
    if type(value) in _TYPES.values():
        parts = {part.name: _to_json(getattr(value, part.name), buffers) for part in fields(value)}
        return {"type": type(value).__name__, "fields": parts}
    return value


def _from_json(head: Any, connection: Connection) -> Any:
    """The value of a head; its buffers are received in the order in which they stand in it."""
    if not isinstance(head, dict):
        return head
    kind = head["type"]
    if kind == "array":
        return _array(head["shape"], connection)
    if kind == "bytes":
        return connection.recv_bytes(MAX_BUFFER)
    if kind == "datetime":
        return datetime.fromisoformat(head["value"])
    if kind == "unreadable":
        return UnreadablePhoto(str(head["value"]))
    parts = {name: _from_json(part, connection) for name, part in head["fields"].items()}
    parts = {name: _texts(part) if type(part) is list else part for name, part in parts.items()}
    made = _TYPES[kind](**parts)
    for name, wanted in _FIELD_TYPES[kind].items():
        if not _is_a(getattr(made, name), wanted):
            raise TypeError(name)
    return made


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise TypeError("a field holds texts alone")
    return tuple(values)


def _array(shape: Sequence[int], connection: Connection) -> NDArray[np.uint8]:
    size = math.prod(shape)
    if not 0 <= size <= MAX_BUFFER:
        raise ValueError("no picture has so many pixels")
    room = bytearray(size)
    if connection.recv_bytes_into(room) != size:
        raise ValueError("the pixels are not as many as they should be")
    return np.frombuffer(room, np.uint8).reshape(shape)


def _alternatives(hint: Any) -> tuple[type[Any], ...]:
    if get_origin(hint) in (np.ndarray, tuple):
        return (get_origin(hint),)
    return tuple(get_args(hint)) or (hint,)


def _is_a(value: Any, wanted: tuple[type[Any], ...]) -> bool:
    if isinstance(value, bool) and bool not in wanted:
        return False
    if isinstance(value, int) and float in wanted:
        return True
    return value is None if wanted == (NoneType,) else isinstance(value, wanted)


# The types that a value of each field may have.
_FIELD_TYPES: dict[str, dict[str, tuple[type[Any], ...]]] = {
    name: {field: _alternatives(hint) for field, hint in get_type_hints(kind).items()}
    for name, kind in _TYPES.items()
}
