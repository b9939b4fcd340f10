"""Batches are described in parts side by side, and come in order, each whole."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from catalog.home import Home
from catalog.records import FileStamp, Metadata, NewPhoto
from indexer.decode_pool import Decoders
from indexer.engine import Block, Describe, LocalEngine
from indexer.plan import Task
from indexer.prepare import Outcome, Prepared, Preparer


class Reader(Preparer):
    """Finds a photo in every file, without reading it; notes what is interrupted."""

    interrupted = False

    def prepare(self, task: Task) -> Outcome:
        """A photo named like the file."""
        metadata = Metadata(1, 1, "PNG", None, None, None, None)
        return Prepared(task, task.file.path.decode(), metadata, np.zeros((3, 1, 1), np.uint8))

    def interrupt(self) -> None:
        """Note it."""
        self.interrupted = True


@pytest.fixture
def reader(home: Home) -> Reader:
    return Reader(home, Decoders())


def _described(photo: Prepared) -> NewPhoto:
    return NewPhoto(
        file=photo.task.file,
        content_hash=photo.content_hash,
        metadata=photo.metadata,
        captions=(),
        vectors={},
        state=b"",
        bias=0.0,
    )


def _blocks(
    reader: Reader, describe: Describe, count: int, *, batch: int, describing: int
) -> Iterator[Block]:
    tasks = [
        Task(1, b"/photos", FileStamp(b"%d" % row, 1, 1), None, failed_before=False)
        for row in range(count)
    ]
    engine = LocalEngine(reader, describe, batch, decoding=2, describing=describing)
    return engine.blocks(tasks, (), lambda files: None)


def _parts(into: list[int]) -> Describe:
    def describe(photos: Sequence[Prepared]) -> list[NewPhoto]:
        into.append(len(photos))
        return [_described(photo) for photo in photos]

    return describe


@pytest.mark.parametrize(
    ("describing", "batch", "sizes"),
    [
        (1, 32, [32, 32, 6]),  # a GPU wants as many as there are
        (2, 32, [6, 16, 16, 16, 16]),
        (8, 32, [6, *[8] * 8]),  # fewer are dearer each
        (4, 2, [2] * 35),
    ],
)
def test_a_batch_is_cut_for_the_threads_that_describe(
    reader: Reader, describing: int, batch: int, sizes: list[int]
) -> None:
    parts: list[int] = []
    blocks = list(_blocks(reader, _parts(parts), 70, batch=batch, describing=describing))
    assert sorted(parts) == sorted(sizes)
    assert [len(block.new) for block in blocks] == [len(block.outcomes) for block in blocks]
    names = [photo.content_hash for block in blocks for photo in block.new]
    assert names == [str(row) for row in range(70)]


def test_no_batch_waits_for_the_one_before(reader: Reader) -> None:
    both = threading.Barrier(2, timeout=60)

    def describe(photos: Sequence[Prepared]) -> list[NewPhoto]:
        if photos[0].content_hash in ("0", "1"):
            both.wait()
        return [_described(photo) for photo in photos]

    assert len(list(_blocks(reader, describe, 4, batch=1, describing=2))) == 4


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_fails_in_a_part_ends_the_pass_after_what_came_before(
    reader: Reader, error: type[BaseException]
) -> None:
    def describe(photos: Sequence[Prepared]) -> list[NewPhoto]:
        if photos[0].content_hash == "2":
            raise error
        return [_described(photo) for photo in photos]

    seen: list[str] = []
    blocks = _blocks(reader, describe, 9, batch=1, describing=2)
    with pytest.raises(error):
        seen.extend(block.new[0].content_hash for block in blocks)
    assert seen == ["0", "1"]
    assert reader.interrupted
