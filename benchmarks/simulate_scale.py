"""Simulation: writing and asking a hundred million photos, from parts measured on small machines.

    python -m benchmarks.simulate_scale --photos 100000000 --workers 64 --writers 4 --shards 16

Nothing here runs a model or a database. Each part has a median and a 95th percentile, measured or
assumed (docs/scaling.md says which), and is drawn from the log-normal distribution with both;
queues, shards that wait for the slowest, and workers that die do the rest.
"""

from __future__ import annotations

import argparse
import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NORMAL_95 = 1.6449  # the normal distribution's 95th percentile


@dataclass(frozen=True)
class Part:
    """What one step takes, in milliseconds: median and 95th percentile."""

    p50: float
    p95: float

    def draw(self, chance: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Independent durations in milliseconds, log-normal."""
        spread = math.log(self.p95 / self.p50) / _NORMAL_95
        return chance.lognormal(math.log(self.p50), spread, shape)


@dataclass(frozen=True)
class WritePath:
    """Workers describe blocks of photos; writers commit them, one block each at a time.

    `describe`, `commit`: of a block. `hours_between_deaths`: of one worker, on average;
    `restart_seconds`: until it works again. A death costs the block under way.
    """

    describe: Part = Part(581, 810)  # 32 photos at 55/s, measured on two cores; spread assumed
    commit: Part = Part(49, 84)  # 32 photos at 656/s, of 2,623/s by four writers; spread assumed
    block: int = 32
    workers: int = 64
    writers: int = 4
    hours_between_deaths: float = 24.0
    restart_seconds: float = 20.0
    most_waiting: int = 256  # blocks that may wait for a writer before workers pause


@dataclass(frozen=True)
class Written:
    """What came of it: photos a second, shares of time, and blocks that were done twice."""

    photos_per_second: float
    workers_busy: float
    writers_busy: float
    repeated: float

    def days(self, photos: int) -> float:
        """How long so many photos take."""
        return photos / self.photos_per_second / 86_400


@dataclass(frozen=True)
class QueryPath:
    """One search: its sentence is read, all shards answer, and the best are scored together.

    `nearest`: the first stage of a shard of `shard_photos`; it grows with their square root beyond.
    `fetch`: one photo's state, from the disk of a scoring worker; `reads`: fetches at once.
    `score`: the likelihood of all candidates on one worker.
    """

    read: Part = Part(10, 12)
    nearest: Part = Part(5.5, 9.4)  # both vectors among a million, IVF
    measured_photos: int = 1_000_000
    fetch: Part = Part(0.12, 0.35)  # assumed
    score: Part = Part(62, 104)
    rows: Part = Part(3, 20)
    network: Part = Part(0.5, 2.0)  # assumed
    candidates: int = 200
    reads: int = 16
    shards: int = 16
    scorers: int = 4  # workers that share the candidates of one search


def simulate_writes(path: WritePath, seconds: float, seed: int = 0) -> Written:
    """Run the write path for so many seconds of its own time."""
    chance = np.random.default_rng(seed)
    workers = [(0.0, number) for number in range(path.workers)]  # when each is free
    writers = [0.0] * path.writers
    heapq.heapify(writers)
    pending: list[float] = []  # when blocks that wait or are written will be committed
    done = deaths = 0
    computed = written = 0.0
    while workers[0][0] < seconds:
        start, number = heapq.heappop(workers)
        took = float(path.describe.draw(chance, (1,))[0]) / 1000
        if chance.random() < 1 - math.exp(-took / (3600 * path.hours_between_deaths)):
            deaths += 1
            heapq.heappush(workers, (start + took / 2 + path.restart_seconds, number))
            continue
        computed += took
        commit = float(path.commit.draw(chance, (1,))[0]) / 1000
        begin = max(heapq.heappop(writers), start + took)
        heapq.heappush(writers, begin + commit)
        heapq.heappush(pending, begin + commit)
        written, done = written + commit, done + 1
        free = start + took
        while len(pending) > path.most_waiting:  # it waits until there is room again
            free = max(free, heapq.heappop(pending))
        heapq.heappush(workers, (free, number))
    end = max(*writers, seconds)
    return Written(
        photos_per_second=done * path.block / end,
        workers_busy=computed / (path.workers * end),
        writers_busy=written / (path.writers * end),
        repeated=deaths / max(done, 1),
    )


def simulate_queries(
    path: QueryPath, photos: int, count: int = 20_000, seed: int = 0
) -> NDArray[np.float64]:
    """Milliseconds of `count` searches among so many photos, each with the machines to itself."""
    chance = np.random.default_rng(seed)
    one = (count,)
    growth = math.sqrt(max(photos / path.shards / path.measured_photos, 1.0))
    nearest = path.nearest.draw(chance, (count, path.shards)) * growth
    first = (nearest + path.network.draw(chance, (count, path.shards))).max(axis=1)
    rounds = math.ceil(path.candidates / path.scorers / path.reads)
    fetched = path.fetch.draw(chance, (count, path.scorers, rounds, path.reads))
    share = path.score.draw(chance, (count, path.scorers)) / path.scorers
    network = path.network.draw(chance, (count, path.scorers))
    second = (fetched.max(axis=3).sum(axis=2) + share + network).max(axis=1)
    total: NDArray[np.float64] = (
        path.read.draw(chance, one) + first + second + path.rows.draw(chance, one)
    )
    return total


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=int, default=100_000_000)
    parser.add_argument("--workers", type=int, default=WritePath.workers)
    parser.add_argument("--writers", type=int, default=WritePath.writers)
    parser.add_argument("--shards", type=int, default=QueryPath.shards)
    parser.add_argument("--scorers", type=int, default=QueryPath.scorers)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    path = WritePath(workers=options.workers, writers=options.writers)
    written = simulate_writes(path, seconds=3600, seed=options.seed)
    print(
        f"{path.workers} workers, {path.writers} writers: {written.photos_per_second:,.0f} "
        f"photos/s, {written.days(options.photos):.1f} days for {options.photos:,}; workers busy "
        f"{written.workers_busy:.0%}, writers {written.writers_busy:.0%}, blocks done twice "
        f"{written.repeated:.4%}"
    )
    asked = QueryPath(shards=options.shards, scorers=options.scorers)
    taken = simulate_queries(asked, options.photos, seed=options.seed)
    p50, p95, p99 = np.percentile(taken, [50, 95, 99])
    print(
        f"{asked.shards} shards, {asked.scorers} scorers: p50 {p50:.0f} ms, p95 {p95:.0f} ms, "
        f"p99 {p99:.0f} ms"
    )


if __name__ == "__main__":
    main()
