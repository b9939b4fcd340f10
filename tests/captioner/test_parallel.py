"""Work is shared among the cores that are free: in slices, in order, and failures are told."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident

import pytest

from captioner.parallel import beside, in_parallel, in_slices, occupying_a_core


def test_work_beside_other_work_takes_no_thread_that_is_computing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    both = Barrier(2, timeout=30)  # passed by two threads alone

    def inner(part: int) -> tuple[int, list[int]]:
        both.wait()
        return get_ident(), in_parallel(lambda _: get_ident(), [0, 1, 2])

    def outer(part: int) -> int:
        both.wait()
        return get_ident()

    for own, used in in_parallel(inner, [0, 1]):
        assert used == [own] * 3
    assert len(set(in_parallel(outer, [0, 1]))) == 2  # they are free again


def test_what_fails_in_any_thread_is_raised_once_the_others_are_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    done: list[int] = []

    def work(part: int) -> None:
        if part in (0, 3):
            raise ValueError(part)
        done.append(part)

    with pytest.raises(ValueError, match="0"):
        in_parallel(work, range(3))
    assert set(done) <= {1, 2}
    with pytest.raises(ValueError, match="3"):
        in_parallel(work, [1, 2, 3])
    assert in_parallel(lambda part: part * 2, [1, 2, 3]) == [2, 4, 6]


@pytest.mark.parametrize(
    ("rows", "most", "sizes"),
    [(0, 5, []), (1, 5, [1]), (5, 5, [3, 2]), (9, 3, [3, 3, 3]), (10, 4, [4, 4, 2])],
)
def test_rows_are_cut_into_slices_for_the_cores_that_are_free(
    rows: int, most: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    numbers = list(range(rows))
    found = in_slices(lambda part: numbers[part], rows, most)
    assert [len(part) for part in found] == sizes
    assert [number for part in found for number in part] == numbers


def test_rows_stay_together_where_no_other_core_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    both = Barrier(2, timeout=30)  # passed by two threads alone

    def busy(part: int) -> list[slice]:
        both.wait()
        found = in_slices(lambda rows: rows, 6, 6)
        both.wait()
        return found

    assert in_parallel(busy, [0, 1]) == [[slice(0, 6)]] * 2


def test_threads_that_occupy_all_cores_compute_on_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    both = Barrier(2, timeout=30)

    def ask() -> list[slice]:
        with occupying_a_core():
            both.wait()
            found = in_slices(lambda rows: rows, 6, 6)
            both.wait()
            return found

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask) for _ in range(2)]
        assert [each.result() for each in asked] == [[slice(0, 6)]] * 2
    with occupying_a_core():
        assert len(in_slices(lambda rows: rows, 6, 6)) == 2  # the other core is free again


def test_two_are_done_at_once_and_what_fails_in_either_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    both = Barrier(2, timeout=30)
    own, other = beside(
        lambda: (both.wait(), get_ident())[1], lambda: (both.wait(), get_ident())[1]
    )
    assert own == get_ident() != other
    with occupying_a_core(), pytest.raises(ZeroDivisionError):
        beside(lambda: 1, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 // 0, lambda: 1)


def test_two_are_done_one_after_the_other_where_no_other_core_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert beside(get_ident, get_ident) == (get_ident(), get_ident())
