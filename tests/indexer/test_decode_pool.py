"""Decoding in processes of its own: what happens there costs one file."""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from captioner.image_file import UnreadablePhoto
from indexer.decode_messages import Decoded
from indexer.decode_pool import Decoders, DecodingInterrupted, Limits, NoDecoder
from indexer.decode_worker import decode
from tests.indexer.hostile_photos import CRASH, HANG, decode_or_suffer, endless_jpeg

pytestmark = pytest.mark.slow


def picture(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(file, "PNG")
    return file.getvalue()


def modules_loaded(data: bytes, **how: int) -> list[str]:
    return [name for name in ("torch", "faiss", "pytest") if name in sys.modules]


def own_number(data: bytes) -> int:
    return os.getpid()


def some_work(data: bytes) -> int:
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    return os.getpid()


def all_memory(data: bytes) -> int:
    return len(bytearray(64 * 2**30))


def other_pixels(data: bytes, side: int) -> Decoded:
    return decode(data, side + 1)


class BreaksAtStart:
    """Work that ends the process that loads it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (3,)

    def __call__(self, data: bytes) -> None:
        """Never reached."""


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(decode_or_suffer, Limits(cpu_seconds=30, wall_seconds=300))
    yield made
    made.close()


def reason(decoders: Decoders, data: bytes) -> str:
    with pytest.raises(UnreadablePhoto) as error:
        decoders.decode(data)
    return str(error.value)


def test_a_picture_and_its_metadata_come_back(decoders: Decoders) -> None:
    decoded = decoders.decode_photo(picture(), 64)
    assert decoded.pixels.shape == (3, 64, 64)
    assert decoded.pixels[:, 5, 5].tolist() == [255, 0, 0]
    assert Image.open(io.BytesIO(decoded.thumbnail)).format == "JPEG"
    assert (decoded.metadata.width, decoded.metadata.height) == (30, 20)
    assert decoded.metadata.format == "PNG"


def test_pixels_of_another_shape_than_asked_for_are_refused() -> None:
    decoders = Decoders(other_pixels)
    with pytest.raises(UnreadablePhoto, match="crash"):
        decoders.decode_photo(picture(), 64)
    decoders.close()
    telling = Decoders(modules_loaded)
    with pytest.raises(UnreadablePhoto, match="crash"):
        telling.decode_photo(picture(), 64)
    telling.close()


def test_what_is_refused_keeps_its_reason(decoders: Decoders) -> None:
    assert "not a picture" in reason(decoders, b"Dear diary")


def test_a_crash_costs_one_file(decoders: Decoders) -> None:
    assert "crash" in reason(decoders, CRASH)
    assert decoders.decode(picture()).metadata.width == 30


def test_a_hang_costs_one_file_and_little_time() -> None:
    decoders = Decoders(decode_or_suffer, Limits(wall_seconds=5))
    started = time.monotonic()
    assert reason(decoders, HANG) == "The picture cannot be decoded within 5 seconds."
    assert time.monotonic() - started < 300  # and not the hour that it hangs
    assert decoders.decode(picture()).metadata.width == 30
    decoders.close()


def test_a_real_picture_that_takes_for_ever_costs_one_file() -> None:
    decoders = Decoders(limits=Limits(cpu_seconds=1.5))
    data = endless_jpeg()
    assert len(data) < 2_000_000
    told = reason(decoders, data)
    assert told == "The picture cannot be decoded within 1.5 seconds of computing."
    assert decoders.decode(picture()).metadata.width == 30
    decoders.close()


def test_a_machine_that_gives_no_time_makes_no_picture_too_slow() -> None:
    decoders = Decoders(own_number, Limits(cpu_seconds=0.5))
    worker = decoders.decode(b"")
    os.kill(worker, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(decoders.decode, b"")
        time.sleep(1)
        assert not answer.done()
        os.kill(worker, signal.SIGCONT)
        assert answer.result() == worker
    decoders.close()


def test_the_limit_is_for_each_file_by_itself() -> None:
    decoders = Decoders(some_work, Limits(cpu_seconds=0.5))
    assert len({decoders.decode(b"") for _ in range(8)}) == 1
    decoders.close()


def test_threads_each_have_a_worker_and_get_their_own_answers(decoders: Decoders) -> None:
    colours = ["red", "lime", "blue", "white"] * 5
    with ThreadPoolExecutor(2) as pool:
        decoded = list(pool.map(decoders.decode, map(picture, colours)))
    shown = [each.pixels[:, 5, 5].tolist() for each in decoded]
    first = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
    assert shown == first * 5


def test_a_worker_that_the_system_killed_is_no_fault_of_the_file() -> None:
    decoders = Decoders(own_number)
    first = decoders.decode(b"")
    os.kill(first, signal.SIGKILL)
    assert decoders.decode(b"") != first
    decoders.close()


def test_workers_stay_for_the_next_file_and_load_no_model() -> None:
    decoders = Decoders(own_number)
    assert decoders.decode(b"") == decoders.decode(b"") != os.getpid()
    decoders.close()
    loaded = Decoders(modules_loaded)
    assert "torch" not in loaded.decode(b"")
    assert "faiss" not in loaded.decode(b"")
    loaded.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep to this limit")
def test_a_worker_that_wants_all_memory_is_stopped() -> None:
    decoders = Decoders(all_memory)
    assert "crash" in reason(decoders, b"")
    decoders.close()


def test_no_file_is_blamed_where_no_worker_can_start() -> None:
    with pytest.raises(NoDecoder, match="cannot be started"):
        Decoders(BreaksAtStart()).decode(picture())


def test_an_interrupt_lets_nobody_wait() -> None:
    decoders = Decoders(decode_or_suffer)
    decoders.decode(picture())
    threading.Timer(0.5, decoders.interrupt).start()
    with pytest.raises(DecodingInterrupted):
        decoders.decode(HANG)
    decoders.close()
