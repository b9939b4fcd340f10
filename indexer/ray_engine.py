"""The engine on Ray Data: files are read and described by a cluster, and recorded by the driver.

The plan's files -> tasks that prepare -> a pool of actors that describe -> blocks, in the order in
which they are done. Ray retries no block: the driver knows which blocks came back, and asks again
for those that did not, photo by photo, so that one which kills its worker is known by name.
"""

from __future__ import annotations

import logging
import os
import secrets
import warnings
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Any

from captioner.machine import cores, memory
from catalog.home import Home
from catalog.records import NewPhoto, Origin
from indexer.concurrency import photos_that_suit
from indexer.engine import Block
from indexer.plan import Task
from indexer.prepare import Failed, Outcome, Prepared, SameBytes
from indexer.ray_workers import (
    COLUMN,
    Broken,
    DescribedFiles,
    Describer,
    Files,
    Models,
    Prepare,
    SortedHashes,
)

log = logging.getLogger(__name__)

KILLED = "It ended the worker that read or described it twice, when it was alone there."

# Blocks that wait at an actor while it describes another: enough to keep it busy.
_AT_AN_ACTOR = 2
# Blocks that may be lost, for each worker, before a pass is broken off and begun again.
_LOST_BLOCKS = 16
_MOST_OBJECT_MEMORY = 2 << 30

# Of a cluster that is started here nobody reads metrics or looks at tasks.
_OF_OUR_OWN = {
    "RAY_enable_metrics_collection": "0",
    "RAY_event_stats": "0",
    "RAY_task_events_report_interval_ms": "0",
}

# How often Ray may do a block again whose worker was lost: never, as its photos are asked for again
# one by one; and one photo once, so that who was sent to an actor that just died is not blamed.
_RETRIES_OF_BLOCKS, _RETRIES_OF_PHOTOS = 0, 1


class RayUnavailable(RuntimeError):
    """Ray cannot be started or reached, has too little for the workers, or lost all of them."""


@dataclass(frozen=True)
class RayOptions:
    """`address`: of a running cluster, None: one is started on this machine. `workers`: actors,
    None: one for each GPU share or node. `worker_gpus`: GPUs for each. `batch_size`: photos that a
    captioner sees at once, and that a lost worker costs; None: as suits the device.
    """

    address: str | None = None
    workers: int | None = None
    worker_gpus: float = 0.0
    batch_size: int | None = None


@dataclass(frozen=True)
class _Pool:
    workers: int
    threads: int  # of each


def has_ray() -> bool:
    """Whether Ray with Ray Data is installed; it is not imported."""
    return all(find_spec(package) is not None for package in ("ray", "pyarrow"))


class RayEngine:
    """An Engine (see indexer/engine.py) on a Ray cluster, to be used as a context.

    `load` is called in each worker; what it returns has to describe as the run's captioner does.
    `image_size`: side of the square that the captioner sees. Ray is started when the first file is
    to be read, and ended with the context where it was started here.
    """

    def __init__(
        self,
        home: Home,
        load: Callable[[], Models],
        image_size: int,
        options: RayOptions | None = None,
    ) -> None:
        self._home, self._load, self._image_size = home, load, image_size
        self._options = options or RayOptions()
        self._pool: _Pool | None = None
        self._is_own = False  # whether Ray was started here
        self._seen: set[str] = set()  # content hashes that were described in this pass
        self._any = False  # whether a block ever came back

    @property
    def unreadable(self) -> Mapping[str, str]:
        """See Engine; none, as blocks say it themselves."""
        return {}

    def __enter__(self) -> RayEngine:
        """Nothing is started yet."""
        return self

    def __exit__(self, *error: object) -> None:
        """End Ray, where it was started here."""
        if self._is_own:
            import ray

            ray.shutdown()
        self._pool, self._is_own = None, False

    def blocks(
        self, tasks: Sequence[Task], known: Collection[bytes], on_read: Callable[[int], None]
    ) -> Generator[Block]:
        """See Engine. Raises RayUnavailable, and what Preparer.prepare and the captioner raise.

        A photo that is lost with its worker is read again by itself, and skipped once it has so
        ended two.
        """
        if not tasks:
            return
        self._pool = self._pool or self._start()
        self._seen = set()
        for size in (self._block_size, 1):
            tasks = yield from self._read_all(tasks, known, size, on_read)
            if not tasks:
                return
            log.warning("Lost with a worker: %d of the photos.", len(tasks))
            if not self._any and len(tasks) > size:
                raise RayUnavailable(
                    "every worker of Ray was lost: see its logs, and whether each node has this "
                    "tellshow installed"
                )
        on_read(len(tasks))
        yield Block([Failed(task, KILLED, lasting=False) for task in tasks], [])

    @property
    def _block_size(self) -> int:
        device = "cuda" if self._options.worker_gpus else "cpu"
        return self._options.batch_size or photos_that_suit(device)

    def _read_all(
        self,
        tasks: Sequence[Task],
        known: Collection[bytes],
        size: int,
        on_read: Callable[[int], None],
    ) -> Generator[Block, None, Sequence[Task]]:
        """Yield blocks of at most `size` photos; returns the files that did not come back."""
        import ray

        starts = range(0, len(tasks), size)
        left = {number: tasks[start : start + size] for number, start in enumerate(starts)}
        reference = ray.put(SortedHashes(known))
        while left:
            before = len(left)
            try:
                with closing(self._stream(left, reference, size)) as stream:
                    for described in stream:
                        if left.pop(described.number, None) is not None:
                            self._any = True
                            on_read(len(described.block.outcomes))
                            yield self._each_once(described.block)
                break
            except ray.exceptions.RayError as error:  # too many were lost at once
                if len(left) == before:
                    raise RayUnavailable(f"Ray lost its workers: {_first_line(error)}") from error
        return [task for block in left.values() for task in block]

    def _stream(
        self, left: Mapping[int, Sequence[Task]], known: Any, size: int
    ) -> Generator[DescribedFiles]:
        """Send blocks through Ray Data, and yield those that come back, as they do."""
        assert self._pool is not None
        _set_up_ray_data(_LOST_BLOCKS * (self._pool.workers + 1))
        with warnings.catch_warnings():
            # What is passed to Ray Core by Ray Data is to go, and nothing takes its place yet.
            warnings.simplefilter("ignore", DeprecationWarning)
            dataset = self._dataset(left, known, size)
        for batch in dataset.iter_batches(batch_size=None, prefetch_batches=1):
            yield from _unbroken(batch[COLUMN])

    def _dataset(self, left: Mapping[int, Sequence[Task]], known: Any, size: int) -> Any:
        """Files -> prepared by tasks -> described by actors; nothing runs yet."""
        import ray

        assert self._pool is not None
        retries = _RETRIES_OF_PHOTOS if size == 1 else _RETRIES_OF_BLOCKS
        rows = [{COLUMN: Files(number, tasks)} for number, tasks in left.items()]
        prepared = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            Prepare(self._home, self._image_size, known),
            batch_size=None,
            num_cpus=1,
            max_retries=retries,
        )
        return prepared.map_batches(
            Describer,
            fn_constructor_args=(self._load, self._pool.threads),
            batch_size=None,
            # A photo that is read by itself waits at no actor that another one may kill.
            compute=ray.data.ActorPoolStrategy(
                size=min(self._pool.workers, len(rows)),
                max_tasks_in_flight_per_actor=1 if size == 1 else _AT_AN_ACTOR,
            ),
            num_cpus=1,
            num_gpus=self._options.worker_gpus or None,
            max_restarts=-1,  # on any node
            max_task_retries=retries,
            scheduling_strategy="SPREAD",
        )

    def _each_once(self, block: Block) -> Block:
        """The block, but for bytes that came in another one before: a copy of those."""
        outcomes: list[Outcome] = []
        new: list[NewPhoto] = []
        photos = iter(block.new)
        for outcome in block.outcomes:
            if isinstance(outcome, Prepared):
                photo = next(photos)
                if outcome.content_hash in self._seen:
                    outcome = _copy_of(outcome)
                else:
                    self._seen.add(outcome.content_hash)
                    new.append(photo)
            outcomes.append(outcome)
        return Block(outcomes, new)

    def _start(self) -> _Pool:
        """Start Ray here, or connect to the cluster; raises RayUnavailable."""
        address = self._options.address
        _set_up_environment(address)
        import ray
        import ray.data

        workers = self._options.workers
        if not ray.is_initialized():
            self._is_own = True
            with _without_stderr():
                _connect(address) if address else _start_here(workers or 1)
        found = ray.cluster_resources()
        if workers is None:
            share = self._options.worker_gpus
            nodes = sum(node["Alive"] for node in ray.nodes())
            workers = max(1, int(found.get("GPU", 0) / share) if share else nodes)
        self._check(workers, found)
        cpus = cores() if self._is_own and not address else int(found.get("CPU", 0))
        return _Pool(workers, max(1, cpus // workers))

    def _check(self, workers: int, found: Mapping[str, float]) -> None:
        """Raise RayUnavailable where not all workers can start, which would be waited for."""
        cpus, gpus = int(found.get("CPU", 0)), found.get("GPU", 0.0)
        if cpus < workers + 1:
            raise RayUnavailable(
                f"Ray has {cpus} CPUs, and {workers} workers need {workers + 1}: one each, and one "
                "that reads files; add nodes, or name fewer with --workers"
            )
        if gpus < workers * self._options.worker_gpus:
            raise RayUnavailable(
                f"Ray has {gpus:g} GPUs, and {workers} workers need "
                f"{workers * self._options.worker_gpus:g}: name fewer with --workers"
            )


def _unbroken(results: Sequence[DescribedFiles | Broken]) -> Iterator[DescribedFiles]:
    """The blocks; raises what broke a worker."""
    for result in results:
        if isinstance(result, Broken):
            raise result.error
        yield result


def _copy_of(photo: Prepared) -> SameBytes:
    origin = {part.name: getattr(photo.metadata, part.name) for part in fields(Origin)}
    return SameBytes(photo.task, photo.content_hash, Origin(**origin))


def _set_up_environment(address: str | None) -> None:
    """Before Ray is imported: it says nothing to anybody, and obeys nobody else.

    A cluster that is started here takes orders only with a token that nobody else knows; that of a
    running one is its own, as the environment says.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what fails is said by us
    if address is not None:
        return
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    for name, value in _OF_OUR_OWN.items():
        os.environ.setdefault(name, value)
    # Ray would let its workers give way to all else on the machine, and they are the command.
    os.environ.setdefault("RAY_worker_niceness", str(os.nice(0) if hasattr(os, "nice") else 0))


@contextmanager
def _without_stderr() -> Iterator[None]:
    """A context in which libraries in C that write straight to stderr are not heard."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _start_here(workers: int) -> None:
    """A cluster on this machine alone: every core reads files, whatever the workers compute."""
    import ray

    ray.init(
        "local",  # not one that runs here already, or that RAY_ADDRESS names
        num_cpus=cores() + workers,
        object_store_memory=min(_MOST_OBJECT_MEMORY, (memory() or _MOST_OBJECT_MEMORY) // 4),
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address="127.0.0.1",
    )


def _connect(address: str) -> None:
    import ray

    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise RayUnavailable(f"there is no Ray at {address}: {_first_line(error)}") from error


def _set_up_ray_data(lost_blocks: int) -> None:
    """What Ray Data would do otherwise: retry for ever, draw bars, and log what it does."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.max_errored_blocks = lost_blocks
    context.actor_task_retry_on_errors = False
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
