"""How much is done at once: as the machine allows, where nobody said."""

import threading
from pathlib import Path

import pytest

from captioner import machine
from indexer.concurrency import decoders_for, photos_that_suit
from indexer.decode_messages import Decoded
from indexer.decode_pool import Decoders
from tests.indexer.factories import PHOTOS, Catalog

GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "memory", "decoders"),
    [
        (1, 8 * GIB, 2),
        (16, 128 * GIB, 16),
        (16, 4 * GIB, 8),
        (128, 512 * GIB, 32),
        (8, GIB // 4, 2),
        (8, None, 8),
    ],
)
def test_there_are_as_many_decoders_as_cores_where_memory_allows(
    cores: int, memory: int | None, decoders: int
) -> None:
    assert decoders_for(cores, memory) == decoders


def test_a_gpu_sees_more_photos_at_once() -> None:
    assert photos_that_suit("cuda") > photos_that_suit("cpu") == photos_that_suit("mps")


class Together(Decoders):
    """Decodes nothing before as many files are asked for at once as there are photos."""

    def __init__(self) -> None:
        super().__init__()
        self._all_here = threading.Barrier(len(PHOTOS), timeout=300)

    def decode_photo(self, data: bytes, side: int) -> Decoded:
        """Wait for the others, then as ever."""
        self._all_here.wait()
        return super().decode_photo(data, side)


def test_a_machine_with_four_cores_decodes_four_files_at_once(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = set(range(4))
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda process: four, raising=False)
    decoders = Together()
    assert catalog.index(folder, decoders=decoders).indexed == len(PHOTOS)
    decoders.close()
