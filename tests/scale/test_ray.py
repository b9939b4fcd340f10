"""Indexing on Ray: the same rows as in one process, whatever is killed meanwhile."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import open_database
from catalog.home import Home, open_home
from catalog.runs import RunView, list_runs
from indexer import ray_engine
from indexer.pipeline import Indexer, IndexReport
from indexer.progress import Silent
from indexer.ray_engine import KILLED, RayEngine, RayOptions, RayUnavailable, has_ray
from indexer.ray_workers import ModelSource, SortedHashes
from tests.cli.catalog_contents import content
from tests.postgresql import Server
from tests.scale.quick_models import QuickModels

pytestmark = [
    pytest.mark.scale,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.skipif(not has_ray(), reason="tellshow[ray] is not installed"),
]

PHOTOS, BLOCK = 100, 8
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Nodes:
    """A cluster of a head, and of nodes that come and go; each for one captioner."""

    cluster: Any

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self) -> Any:
        return self.cluster.add_node(num_cpus=2, object_store_memory=100 << 20)

    def kill(self, node: Any) -> None:
        self.cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    """A cluster of the session's own, which asks for a token, and this process as its driver."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex(32)
    import ray  # not before: it reads the environment once
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 3, "object_store_memory": 200 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
    yield Nodes(cluster)
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred small photos. Shared by the whole session: copy it before changing it."""
    folder = tmp_path_factory.mktemp("hundred") / "photos"
    folder.mkdir()
    chance = np.random.default_rng(0)
    for number in range(PHOTOS):
        pixels = chance.integers(0, 256, (6, 8, 3), np.uint8)
        picture = Image.fromarray(pixels).resize((64, 48), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:03d}.jpg")
    return folder


@dataclass
class Library:
    """A home, indexed by the quick captioner; `on_advance` is called after each commit."""

    path: Path
    on_advance: Callable[[], None] = lambda: None
    database_url: str | None = None
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def home(self) -> Home:
        home = open_home(self.path)
        return replace(home, database_url=self.database_url or home.database_url)

    def index(self, folder: Path, engine: str = "ray", workers: int = 2) -> IndexReport:
        quick, library = QuickModels(self.path), self
        captioner, embedder = quick.load()
        database = open_database(self.home)

        class Told(Silent):
            def advance(self, count: int) -> None:
                library.on_advance()

            def skipped(self, path: str, reason: str) -> None:
                library.skipped.append((Path(path).name, reason))

        options = RayOptions(workers=workers, batch_size=BLOCK)
        size = captioner.config.encoder.image_size
        with RayEngine(self.home, quick.load, size, options) as on_ray:
            chosen = on_ray if engine == "ray" else None
            indexer = Indexer(self.home, database, captioner, embedder, engine=chosen)
            report = indexer.index([folder], Told())
        database.close()
        return report

    def runs(self) -> list[RunView]:
        database = open_database(self.home)
        with database.read() as session:
            found = list_runs(session, 10)
        database.close()
        return found

    def thumbnails(self) -> list[str]:
        return sorted(path.name for path in self.home.thumbnails.rglob("*.jpg"))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture(scope="session")
def expected(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What the engine in one process makes of the hundred photos."""
    library = Library(tmp_path_factory.mktemp("local") / "library")
    assert library.index(photos, engine="local").indexed == PHOTOS
    return content(library.home)


def test_ray_writes_the_rows_that_one_process_writes(
    nodes: Nodes, photos: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(photos, tmp_path / "photos")
    shutil.copy(folder / "000.jpg", folder / "001 the same in one block.jpg")
    shutil.copy(folder / "000.jpg", folder / "099 the same in another.jpg")
    for name in ("010.gif", "011 the same.gif", "098 the same.gif"):
        (folder / name).write_bytes(b"no picture")
    local, on_ray = Library(tmp_path / "local"), Library(tmp_path / "ray")
    reports = [local.index(folder, engine="local"), on_ray.index(folder)]
    assert [(each.indexed, each.duplicates, len(each.skipped)) for each in reports] == [
        (PHOTOS, 2, 3),
        (PHOTOS, 2, 3),
    ]
    assert content(on_ray.home) == content(local.home)
    assert on_ray.thumbnails() == local.thumbnails()

    (folder / "000.jpg").rename(folder / "renamed.jpg")
    (folder / "050.jpg").unlink()
    shutil.copy(folder / "051.jpg", folder / "a copy.jpg")
    reports = [local.index(folder, engine="local"), on_ray.index(folder)]
    assert [(each.moved, each.duplicates, each.removed, each.indexed) for each in reports] == [
        (1, 1, 1, 0),
        (1, 1, 1, 0),
    ]
    assert content(on_ray.home) == content(local.home)
    (last, first) = on_ray.runs()
    assert (first.done, first.total) == (PHOTOS + 5, PHOTOS + 5)
    assert (last.done, last.total) == (2, 2)
    assert first.finished_at is not None


def test_ray_writes_into_postgresql_what_one_process_writes_into_sqlite(
    nodes: Nodes,
    photos: Path,
    tmp_path: Path,
    postgresql: Server,
    expected: dict[str, list[Any]],
) -> None:
    library = Library(tmp_path / "library", database_url=postgresql.new_database("ray"))
    assert library.index(photos).indexed == PHOTOS
    assert content(library.home) == expected
    assert library.index(photos).unchanged == PHOTOS


def test_each_worker_loads_the_homes_captioner(
    nodes: Nodes,
    album: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    tmp_path: Path,
) -> None:
    homes = [open_home(tmp_path / name) for name in ("local", "ray")]
    source = ModelSource(homes[1], captioner.sha256, embedder.name, "cpu")
    size = captioner.config.encoder.image_size
    with RayEngine(homes[1], source.load, size, RayOptions(workers=1)) as engine:
        for home, chosen in zip(homes, (None, engine), strict=True):
            database = open_database(home)
            assert Indexer(home, database, captioner, embedder, engine=chosen).index([album])
            database.close()
    local, on_ray = map(content, homes)
    assert on_ray["photo"] == local["photo"]
    # Another number of threads may move the last digits of a likelihood.
    texts = [[dict(row[1:])["text"] for row in each["caption"]] for each in (local, on_ray)]
    assert texts[0] == texts[1]
    assert len(texts[0]) == len(local["caption"]) > 2


def test_error_in_a_worker_ends_the_run_with_its_own_sentence(
    nodes: Nodes, album: Path, library: Library, captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    source = ModelSource(library.home, "0" * 64, embedder.name, "cpu")
    database = open_database(library.home)
    with RayEngine(library.home, source.load, 224, RayOptions(workers=1)) as engine:
        indexer = Indexer(library.home, database, captioner, embedder, engine=engine)
        with pytest.raises(ValueError, match="a worker does not find the checkpoint 000000000000"):
            indexer.index([album])
    database.close()


def test_more_workers_than_the_cluster_has_room_for_are_refused(
    nodes: Nodes, album: Path, library: Library
) -> None:
    with pytest.raises(RayUnavailable, match="40 workers need 41: one each"):
        library.index(album, workers=40)


def test_photos_of_an_actor_that_was_killed_are_described_by_another(
    nodes: Nodes, photos: Path, library: Library, expected: dict[str, list[Any]]
) -> None:
    def set_trap() -> None:
        library.on_advance = lambda: None
        (library.path / "die").touch()

    library.on_advance = set_trap
    assert library.index(photos).indexed == PHOTOS
    assert not (library.path / "die").exists()
    assert content(library.home) == expected
    assert library.skipped == []


def test_photo_that_kills_its_worker_twice_is_skipped_by_name(
    nodes: Nodes, photos: Path, library: Library, tmp_path: Path, expected: dict[str, list[Any]]
) -> None:
    folder = shutil.copytree(photos, tmp_path / "photos")
    Image.new("RGB", (64, 48)).save(folder / "050 black.jpg")
    report = library.index(folder)
    assert report.indexed == PHOTOS
    assert library.skipped == [("050 black.jpg", KILLED)]
    (folder / "050 black.jpg").unlink()
    found = content(library.home)
    for table in ("photo", "caption", "vector", "state"):
        assert found[table] == expected[table]


@pytest.mark.parametrize("when", ["read", "before", "after"])
def test_driver_that_was_killed_costs_one_block(
    nodes: Nodes, photos: Path, library: Library, when: str, expected: dict[str, list[Any]]
) -> None:
    """It is the writer, too: killed before its commit, or after it."""
    home = library.home
    program = [sys.executable, "-m", "tests.scale.killed_driver"]
    killed = subprocess.run(
        [*program, home.path, photos, nodes.address, when], cwd=ROOT, capture_output=True, text=True
    )
    assert killed.returncode == -9, killed.stderr
    there = len(content(home)["photo"])
    assert there == 2 * BLOCK if when == "after" else there <= BLOCK
    report = library.index(photos)
    assert (report.indexed, report.unchanged) == (PHOTOS - there, there)
    assert content(home) == expected


def test_photos_of_a_node_that_was_lost_are_described_by_the_others(
    nodes: Nodes, photos: Path, library: Library, expected: dict[str, list[Any]]
) -> None:
    lost = nodes.add()

    def kill_node() -> None:
        library.on_advance = lambda: None
        nodes.kill(lost)

    library.on_advance = kill_node
    assert library.index(photos).indexed == PHOTOS
    assert content(library.home) == expected
    assert library.skipped == []


def test_command_starts_ray_on_this_machine_and_ends_it(
    nodes: Nodes, album: Path, tmp_path: Path
) -> None:
    """One of its own, though another one runs here."""
    environment = {name: each for name, each in os.environ.items() if "RAY" not in name}
    program = [sys.executable, "-m", "tellshow", "index", album, "--engine", "ray", "--json"]
    done = subprocess.run(
        [*program, "--home", tmp_path / "home", "--workers", "2"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["indexed"] == 2
    assert "ray" not in done.stderr.lower()


def test_only_a_cluster_that_is_started_here_is_given_a_token_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", dict(kept))
        ray_engine._set_up_environment("head:6379")
        assert "RAY_AUTH_MODE" not in os.environ
        ray_engine._set_up_environment(None)
        assert (os.environ["RAY_AUTH_MODE"], len(os.environ["RAY_AUTH_TOKEN"])) == ("token", 64)
        niceness = "RAY_worker_niceness"
        assert os.environ[niceness] == str(os.nice(0))
        patch.setattr(os, "environ", {**kept, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "own"})
        ray_engine._set_up_environment(None)
        assert os.environ["RAY_AUTH_TOKEN"] == "own"


def test_known_contents_are_found_also_where_their_hash_ends_in_zeros() -> None:
    hashes = {bytes([7] * 31 + [0]), bytes([7] * 32), bytes(32)}
    known = SortedHashes(hashes)
    assert set(known) == hashes
    assert all(each in known for each in hashes)
    assert bytes([8] * 32) not in known
    assert bytes([7] * 30 + [0, 0]) not in known
    assert bytes(32) not in SortedHashes(())
