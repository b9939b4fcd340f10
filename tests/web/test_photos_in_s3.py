"""Photos in S3 from the index to the page, with thumbnails in a store there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from catalog.object_store import ObjectStore, open_store
from catalog.remote_folders import as_url
from tests.web.live_server import running, visitor

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from indexer.pipeline import IndexReport
    from search.engine import SearchEngine
    from tests.s3 import S3

pytest.importorskip("obstore", reason="obstore, the extra `store`, is not installed")
pytestmark = [pytest.mark.scale, pytest.mark.slow]

PHOTOS = ("cat.png", "rocket.jpg", "coffee.png")


class Archive:
    """A bucket with photos, and an engine of a home whose store is another bucket."""

    def __init__(self, bucket: ObjectStore, engine: SearchEngine, store: ObjectStore) -> None:
        self.bucket, self.engine, self.store = bucket, engine, store
        self.folder = Path(bucket.url) / "2026"

    def index(self) -> IndexReport:
        from indexer.pipeline import Indexer

        home, database = self.engine.home, self.engine.database
        return Indexer(home, database, self.engine.captioner, self.engine.embedder).index(
            [self.folder]
        )

    def ids(self) -> dict[str, int]:
        from catalog.views import list_photos

        with self.engine.database.read() as session:
            return {each.path.decode(): each.photo_id for each in list_photos(session)}


@pytest.fixture(scope="module")
def archive(
    tmp_path_factory: pytest.TempPathFactory,
    s3: S3,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[Archive]:
    from catalog.database import open_database
    from catalog.home import open_home
    from search.engine import SearchEngine

    bucket, store = open_store(s3.new_bucket()), f"{s3.new_bucket()}/store"
    for name in PHOTOS:
        bucket.put_new(f"2026/may/{name}", sample_photos / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELLSHOW_STORE", store)
        home = open_home(tmp_path_factory.mktemp("archive") / "home")
    database = open_database(home)
    made = Archive(bucket, SearchEngine(home, database, captioner, embedder), open_store(store))
    assert made.index().indexed == len(PHOTOS)
    yield made
    database.close()


def test_photos_of_a_bucket_are_found_and_lie_where_people_write_it(archive: Archive) -> None:
    client = visitor(archive.engine)
    folder = as_url(archive.folder).decode()
    answer = client.get("/api/v1/search", query_string={"q": "a cat", "folder": folder}).json
    assert answer["results"][0]["path"] == f"{folder}/may/cat.png"
    assert len(answer["results"]) == len(PHOTOS)
    [root] = client.get("/api/v1/status").json["roots"]
    assert (root["path"], root["online"]) == (folder, True)


def test_thumbnails_lie_in_the_store_and_are_sent_from_there(archive: Archive) -> None:
    assert len(list(archive.store.list("thumbnails"))) == len(PHOTOS)
    assert list(archive.engine.home.thumbnails.iterdir()) == []
    sent = visitor(archive.engine).get(f"/api/v1/photos/{archive.ids()['may/cat.png']}/thumbnail")
    assert (sent.status_code, sent.mimetype) == (200, "image/jpeg")


def test_original_is_sent_whole_and_in_parts(archive: Archive, sample_photos: Path) -> None:
    import urllib.request

    content = (sample_photos / "rocket.jpg").read_bytes()
    address = f"/api/v1/photos/{archive.ids()['may/rocket.jpg']}/original"
    client = visitor(archive.engine)
    whole = client.get(address)
    assert (whole.data, whole.headers["Content-Length"]) == (content, str(len(content)))
    part = client.get(address, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, content[100:200])
    same = client.get(address, headers={"If-None-Match": whole.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    with running(archive.engine) as site:  # as a real server sends files by itself
        asked = urllib.request.Request(f"{site.rstrip(chr(47))}{address}")
        asked.add_header("Range", "bytes=-10")
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert (answer.status, answer.read()) == (206, content[-10:])


def test_changes_in_a_bucket_are_followed(archive: Archive, sample_photos: Path) -> None:
    assert archive.index().unchanged == len(PHOTOS)
    before = archive.ids()
    there = archive.bucket.head("2026/may/coffee.png")
    assert there is not None
    archive.bucket.put_new("2026/copy.jpg", sample_photos / "rocket.jpg")
    archive.bucket.put_new("2026/moved.png", sample_photos / "cat.png")
    archive.bucket.delete(["2026/may/cat.png"])
    archive.bucket.replace(there, sample_photos / "clock.png")
    report = archive.index()
    assert (report.indexed, report.moved, report.duplicates) == (1, 1, 1)
    assert report.skipped == ()
    after = archive.ids()
    assert after["moved.png"] == before["may/cat.png"]
    assert after.keys() == {"moved.png", "copy.jpg", "may/rocket.jpg", "may/coffee.png"}
    archive.bucket.delete(["2026/copy.jpg"])
    assert archive.index().removed == 1


def test_bucket_that_does_not_answer_is_offline_and_loses_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.object_store import StoreUnavailable

    def away(*_: object) -> None:
        raise StoreUnavailable("The store cannot be used: it is away.")

    ids = archive.ids()
    monkeypatch.setattr("catalog.remote_folders._place", away)
    report = archive.index()
    assert report.offline_roots == (as_url(archive.folder).decode(),)
    assert archive.ids() == ids
    sent = visitor(archive.engine).get(f"/api/v1/photos/{next(iter(ids.values()))}/original")
    assert (sent.status_code, sent.json["error"]["code"]) == (404, "image_missing")


def test_store_that_does_not_answer_costs_pictures_alone(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.object_store import StoreUnavailable

    def away(*_: object) -> None:
        raise StoreUnavailable("The store cannot be used: it is away.")

    monkeypatch.setattr(ObjectStore, "get", away)
    client = visitor(archive.engine)
    sent = client.get(f"/api/v1/photos/{next(iter(archive.ids().values()))}/thumbnail")
    assert (sent.status_code, sent.json["error"]["code"]) == (503, "store_unavailable")
    assert client.get("/api/v1/search?q=a+cat").json["results"]
