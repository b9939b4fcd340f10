"""Benchmark: how cost grows past one machine, on a real PostgreSQL, measurement by measurement.

    python -m benchmarks.scale
    python -m benchmarks.scale --only writes

Each measurement is a function that returns a Markdown table; its module says what it needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks import scale_ray, scale_servers, scale_vectors, scale_writes
from benchmarks.machine import described

# In the order in which they are run and printed.
MEASUREMENTS: dict[str, Callable[[], str]] = {
    "writes": scale_writes.measure,
    "ray": scale_ray.measure,
    "vectors": scale_vectors.measure,
    "servers": scale_servers.measure,
}


def main() -> None:
    """Run the measurements that are named, all where none is, and print their tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--only",
        action="append",
        choices=MEASUREMENTS,
        help="a measurement by its name, as often as wanted; default: all of them",
    )
    options = parser.parse_args()
    print(described(), flush=True)
    for name in options.only or MEASUREMENTS:
        print(f"\n## {name}\n\n{MEASUREMENTS[name]()}", flush=True)


if __name__ == "__main__":
    main()
