"""Writing beside the work: in order, told when it is done, and never after a failure."""

import threading
import time

import pytest

from indexer.background_writer import Writer


def test_work_is_done_in_order_and_told_in_the_thread_that_handed_it_over() -> None:
    told: list[tuple[int, bool]] = []
    owner = threading.get_ident()
    writer = Writer[int](lambda number: told.append((number, threading.get_ident() == owner)))
    for number in range(5):
        writer.submit(lambda number=number: number)
    writer.wait()
    writer.close()
    assert told == [(number, True) for number in range(5)]


def test_the_owner_goes_on_while_something_is_written() -> None:
    told: list[int] = []
    writer, gate = Writer[int](told.append), threading.Event()
    writer.submit(lambda: int(gate.wait(300)))
    writer.poll()
    assert told == []
    gate.set()
    writer.wait()
    writer.close()
    assert told == [1]


def test_nothing_is_written_after_what_failed() -> None:
    written: list[int] = []
    writer = Writer[None](lambda nothing: None)

    def fail() -> None:
        raise OSError("No space left on device")

    writer.submit(fail)
    with pytest.raises(OSError, match="No space"):
        writer.submit(lambda: written.append(1))
    writer.wait()  # told once
    writer.close()
    assert written == []


def test_a_failure_is_told_as_soon_as_anybody_looks() -> None:
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise OSError("No space left on device")

    writer = Writer[None](lambda nothing: None)
    writer.submit(fail)
    assert failed.wait(300)
    with pytest.raises(OSError, match="No space"):
        look_until_it_fails(writer)
    writer.close()


def look_until_it_fails(writer: Writer[None]) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        writer.poll()
        time.sleep(0.001)
