"""Benchmark: `tellshow search` in a fresh process, and how its time divides into stages.

    python -m benchmarks.startup --home HOME --count 15

Half of the processes are the command itself: one clock until its first result, one until its
end. The others tell their stages, which are timed where the command calls them; what threads load
meanwhile is in none of them. As a measure of the machine `import numpy` is timed beside. The disk
is warm, and the bytecode compiled, as in every installation: one process goes before.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

_TOLD = "stages: "
_FIRST, _END = "first result", "end of the process"
_NUMPY = "`import numpy` alone"

# Without bytecode each process would compile all modules of tellshow's own, which pip does once.
_ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}


def fresh(home: Path, query: str) -> dict[str, float]:
    """Seconds until a new process of the real command shows a result, and until it is gone.

    Raises SystemExit where it finds nothing or fails.
    """
    command = [sys.executable, "-m", "tellshow", "search", query, "--home", str(home)]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT) as process:
        assert process.stdout is not None
        found = process.stdout.readline()
        first = time.perf_counter() - start
        process.stdout.read()
    if process.returncode or not found:
        raise SystemExit(f"{' '.join(command)} found nothing, or failed")
    return {_FIRST: first, _END: time.perf_counter() - start}


def importing() -> dict[str, float]:
    """Seconds that a new process takes to import NumPy and to end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import numpy"], check=True, env=_ENVIRONMENT)
    return {_NUMPY: time.perf_counter() - start}


def told(home: Path, query: str) -> dict[str, float]:
    """Seconds of each stage in a new process that tells them."""
    command = [sys.executable, "-m", "benchmarks.startup", "--tell", str(time.time())]
    done = subprocess.run(
        [*command, "--home", str(home), "--query", query],
        capture_output=True, text=True, check=True, env=_ENVIRONMENT,
    )  # fmt: skip
    stages: dict[str, float] = json.loads(done.stdout.splitlines()[-1].removeprefix(_TOLD))
    return stages


def tell(home: Path, query: str, started: float) -> None:
    """Search as the command does, then print what its stages took."""
    stages = {"Python itself": time.time() - started}
    clock = time.perf_counter()
    # All that a search loads before it does anything.
    import captioner.checkpoint
    import catalog.database
    import search.engine
    import tellshow

    stages["imports"] = time.perf_counter() - clock
    _time(stages, "opening the database", catalog.database, "open_database")
    _time(stages, "loading the checkpoint", captioner.checkpoint, "load_checkpoint")
    engine: Any = search.engine.SearchEngine
    ask = engine.search

    def asked(self: Any, *arguments: Any) -> Any:
        _time(stages, "reading the query (loads the embedder)", self.embedder, "encode")
        return ask(self, *arguments)

    engine.search = asked
    _time(stages, "the search, with that", engine, "search")
    tellshow.run(["search", query, "--home", str(home)])
    print(_TOLD + json.dumps(stages))


def _time(stages: dict[str, float], stage: str, owner: Any, name: str) -> None:
    """Let every call of something add to a stage."""
    call: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(call)
    def timed(*arguments: Any, **options: Any) -> Any:
        clock = time.perf_counter()
        try:
            return call(*arguments, **options)
        finally:
            stages[stage] = stages.get(stage, 0.0) + time.perf_counter() - clock

    setattr(owner, name, timed)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--query", default="a dog runs")
    parser.add_argument("--count", type=int, default=15, help="processes of each kind")
    parser.add_argument("--tell", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tell is not None:
        tell(options.home, options.query, options.tell)
        return
    fresh(options.home, options.query)  # warms the disk
    rounds = [
        told(options.home, options.query) | fresh(options.home, options.query) | importing()
        for _ in range(options.count)
    ]
    print("| | median s | worst s |\n| --- | --- | --- |")
    for stage in rounds[0]:
        seconds = [each[stage] for each in rounds]
        print(f"| {stage} | {median(seconds):.2f} | {max(seconds):.2f} |")
    ratio = median(each[_FIRST] for each in rounds) / median(each[_NUMPY] for each in rounds)
    print(f"\nThe first result takes {ratio:.1f} times as long as `import numpy`.")


if __name__ == "__main__":
    main()
