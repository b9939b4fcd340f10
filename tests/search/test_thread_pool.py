"""Searches take turns: a few run at once, and everybody gets their own answer."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock, current_thread

import pytest
import torch

from captioner.device import use_threads
from search.thread_pool import Workers

PATIENCE = 300


def test_only_so_many_run_at_once() -> None:
    workers, both, running, most, lock = Workers(count=2), Barrier(2), 0, 0, Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait(PATIENCE)  # two do run at once, or this breaks
        with lock:
            running -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: workers.run(work), range(8)))
    assert most == 2


def test_everybody_gets_their_own_answer() -> None:
    workers = Workers(count=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: workers.run(lambda: 2 * number), range(100)))
    assert answers == [2 * number for number in range(100)]


def test_failure_reaches_who_asked_and_nobody_else() -> None:
    workers = Workers(count=1)
    with pytest.raises(ZeroDivisionError):
        workers.run(lambda: 1 // 0)
    assert workers.run(lambda: 1) == 1


def test_the_cores_are_shared_among_the_workers_and_nobody_else_loses_any() -> None:
    usual = torch.get_num_threads()
    workers = Workers(lambda count: use_threads(min(count, usual)), 2)
    with ThreadPoolExecutor(8) as pool:  # the workers start at the same moment
        shares = list(pool.map(lambda _: workers.run(torch.get_num_threads), range(8)))
    assert max(shares) <= max(usual // 2, 1)
    assert workers.run(current_thread).name.startswith("search")
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(torch.get_num_threads).result() == usual
