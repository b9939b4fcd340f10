"""Arrays of a safetensors file where they lie, on disk or in memory: none is copied.

safetensors itself copies every array that it gives to NumPy. The format is its own documentation's
(github.com/huggingface/safetensors): the length of a header in JSON, the header, the arrays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
_LENGTH = 8  # bytes of the header's length, a little-endian number


def map_weights(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by their names; nothing is read of them before it is used.

    Raises OSError, and ValueError as `split_weights`.
    """
    return split_weights(np.memmap(path, np.uint8, "r"))[1]


def split_weights(raw: NDArray[np.uint8]) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """The metadata in a file's bytes, and its arrays as views of them.

    Raises ValueError where it is no whole safetensors file.
    """
    start = _LENGTH + int.from_bytes(raw[:_LENGTH].tobytes(), "little")
    described = json.loads(raw[_LENGTH:start].tobytes())
    try:
        metadata = described.pop("__metadata__", {})
        end = max((each["data_offsets"][1] for each in described.values()), default=0)
        if start + end != len(raw):
            raise ValueError(f"its arrays end at {start + end} of {len(raw)} bytes")
        return metadata, {name: _view(raw[start:], **each) for name, each in described.items()}
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"no description of arrays: {error!r}") from error


def _view(
    raw: NDArray[np.uint8], dtype: str, shape: list[int], data_offsets: list[int]
) -> NDArray[Any]:
    first, last = data_offsets
    return raw[first:last].view(_TYPES[dtype]).reshape(shape)
