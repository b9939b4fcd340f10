"""Weights are read where they lie, and a file that is not whole is refused."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from captioner.mapped_weights import map_weights, split_weights

ARRAYS = {
    "half": np.arange(6, dtype=np.float16).reshape(2, 3),
    "ids": np.arange(3, dtype=np.int64),
    "one": np.array(0.5, np.float32),
}


def test_arrays_are_those_that_were_saved(tmp_path: Path) -> None:
    file = tmp_path / "some.safetensors"
    file.write_bytes(save(ARRAYS, {"name": "some"}))
    found = map_weights(file)
    assert {name: array.dtype for name, array in found.items()} == {
        name: array.dtype for name, array in ARRAYS.items()
    }
    assert all(np.array_equal(found[name], ARRAYS[name]) for name in ARRAYS)
    assert not found["half"].flags.writeable


def test_metadata_comes_with_the_arrays() -> None:
    content = np.frombuffer(save(ARRAYS, {"name": "some"}), np.uint8)
    assert split_weights(content)[0] == {"name": "some"}


def test_a_file_without_arrays_is_whole() -> None:
    assert split_weights(np.frombuffer(save({}, {"name": "none"}), np.uint8)) == (
        {"name": "none"},
        {},
    )


@pytest.mark.parametrize(
    "content",
    [
        b"", b"notes", save(ARRAYS)[:-1], save(ARRAYS) + b" ", save(ARRAYS)[:40],
        b"\x02" + bytes(7) + b"[]", b"\x02" + bytes(7) + b"{} ", b"\x07" + bytes(7) + b'{"a":1}',
        bytes(4096),
    ],
)  # fmt: skip
def test_a_file_that_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        split_weights(np.frombuffer(content, np.uint8))
