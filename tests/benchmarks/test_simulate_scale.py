"""The simulation of a hundred million photos: what arithmetic says, where nothing is chance."""

import numpy as np
import pytest

from benchmarks.simulate_scale import (
    Part,
    QueryPath,
    WritePath,
    simulate_queries,
    simulate_writes,
)

STEADY = WritePath(
    describe=Part(1000, 1000),
    commit=Part(100, 100),
    block=10,
    workers=4,
    writers=1,
    hours_between_deaths=float("inf"),
)


def test_drawn_durations_have_the_median_and_the_95th_percentile_that_were_measured() -> None:
    drawn = Part(60, 100).draw(np.random.default_rng(0), (100_000,))
    assert np.percentile(drawn, [50, 95]) == pytest.approx([60, 100], rel=0.02)


def test_few_workers_are_the_limit_and_many_leave_it_to_the_writer() -> None:
    few = simulate_writes(STEADY, seconds=200)
    assert few.photos_per_second == pytest.approx(40, rel=0.02)
    assert few.writers_busy == pytest.approx(0.4, rel=0.02)
    many = simulate_writes(WritePath(**{**vars(STEADY), "workers": 40}), seconds=200)
    assert many.photos_per_second == pytest.approx(100, rel=0.02)
    assert many.workers_busy < 0.4
    assert many.days(864_000_000) == pytest.approx(100, rel=0.02)


def test_workers_that_die_cost_their_blocks() -> None:
    mortal = WritePath(**{**vars(STEADY), "hours_between_deaths": 0.01, "restart_seconds": 4.0})
    written = simulate_writes(mortal, seconds=2000)
    assert written.repeated == pytest.approx(1 / 36, rel=0.3)
    assert written.photos_per_second < 38


def test_search_waits_for_the_slowest_shard() -> None:
    few, many = (
        np.median(simulate_queries(QueryPath(shards=shards), photos=1_000_000, count=2000))
        for shards in (1, 64)
    )
    assert few + 3 < many < few + 30
    grown = np.median(simulate_queries(QueryPath(shards=1), photos=100_000_000, count=2000))
    assert grown > few + 30


def test_simulation_repeats_itself_by_its_seed() -> None:
    path = WritePath(workers=8)
    assert simulate_writes(path, 60, seed=3) == simulate_writes(path, 60, seed=3)
    assert simulate_writes(path, 60, seed=3) != simulate_writes(path, 60, seed=4)
