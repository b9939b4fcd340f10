"""Two servers, each with a home of its own, on one PostgreSQL and one store."""

from __future__ import annotations

import http.cookiejar
import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from tests.cli.command_process import PATIENCE, wait_until
from tests.web.index_runs import python_command, real_index
from tests.web.live_server import running
from tests.web.proxies import documented, free_port, proxy
from web import WebConfig

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.home import Home
    from tests.postgresql import Server

pytest.importorskip("obstore", reason="obstore, the extra `store`, is not installed")
pytestmark = [pytest.mark.scale, pytest.mark.slow]

TOKEN = "of-all-servers"
# A run that goes on until it is asked to end, as one of another machine does.
ENDLESS_RUN = """
import pathlib, sys, time
from catalog.database import open_database
from catalog.home import open_home
from catalog.runs import Noted
from indexer.heartbeat import beating
from indexer.record import RunLog
database, log = open_database(open_home(pathlib.Path(sys.argv[1]))), RunLog(stoppable=True)
with database.write() as session:
    log.open(session, [1])
with beating(database, log):
    while not log.is_stop_requested:
        time.sleep(0.05)
with database.write() as session:
    log.break_off(session)
database.close()
"""


class Site:
    """Two servers, a proxy in front of both, and the home of a machine that indexes."""

    def __init__(self, servers: tuple[str, str], front: str, indexing: Home, folder: Path) -> None:
        self.servers, self.front, self.indexing, self.folder = servers, front, indexing, folder


def ask(url: str, body: object = None, method: str | None = None, **fields: str) -> Any:
    """The answer as JSON, or its bytes; a refusal as its status."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **fields}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            content = answer.read()
            is_json = answer.headers["Content-Type"] == "application/json"
            return json.loads(content) if is_json else content
    except HTTPError as error:
        with error:
            return error.code


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    postgresql: Server,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[Site]:
    from catalog.database import open_database
    from catalog.home import open_home
    from indexer.pipeline import Indexer
    from search.engine import SearchEngine

    top = tmp_path_factory.mktemp("several")
    folder, store = top / "photos", top / "store"
    store.mkdir()
    shutil.copytree(sample_photos, folder)
    (folder / "rocket.jpg").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELLSHOW_DATABASE_URL", postgresql.new_database("several"))
        patch.setenv("TELLSHOW_STORE", f"file:{store}")
        one, two, indexing = (open_home(top / name) for name in ("one", "two", "indexing"))
        databases = [open_database(home) for home in (indexing, one, two)]
        Indexer(indexing, databases[0], captioner, embedder).index([folder])
        engines = [
            SearchEngine(home, database, captioner, embedder)
            for home, database in zip((one, two), databases[1:], strict=True)
        ]
        config = WebConfig(
            token=TOKEN,
            metrics=True,
            trusted_proxy="127.0.0.1",
            indexable=(folder,),
            index_command=(*python_command(ENDLESS_RUN), str(indexing.path)),
        )
        with running(engines[0], config) as first, running(engines[1], config) as second:
            upstream = documented("nginx", "operations.md")
            for port, own in ((8765, first), (8766, second)):
                upstream = upstream.replace(f":{port}", f":{urlsplit(own).port}")
            gone = f"server 127.0.0.1:{free_port()};\n}}"  # a machine that is away
            upstream = upstream.rstrip().removesuffix("}") + gone
            location = documented("nginx", "operations.md", 1)
            with proxy("nginx", location, tmp_path_factory.mktemp("nginx"), upstream) as front:
                servers = (first.rstrip("/"), second.rstrip("/"))
                yield Site(servers, front.rstrip("/"), indexing, folder)
        for database in databases:
            database.close()


def found(server: str, query: str = "a cat") -> list[str]:
    answer = ask(f"{server}/api/v1/search?q={query.replace(' ', '+')}&k=50")
    return [Path(each["path"]).name for each in answer["results"]]


def test_both_servers_answer_alike_and_from_the_store(site: Site) -> None:
    one, two = site.servers
    assert found(one) == found(two)
    assert len(found(one)) == 11
    [first] = ask(f"{one}/api/v1/search?q=a+cat&k=1")["results"]
    pictures = [ask(f"{server}{first['thumbnail_url']}") for server in site.servers]
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"\xff\xd8")


def test_session_of_one_server_opens_the_other(site: Site) -> None:
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )
    one, two = site.servers
    with opener.open(f"{one}/collection?token={TOKEN}", timeout=PATIENCE) as answer:
        assert answer.status == 200
    with opener.open(f"{two}/collection", timeout=PATIENCE) as answer:
        assert answer.status == 200


def test_proxy_asks_both_and_passes_over_one_that_is_away(site: Site) -> None:
    def counted(server: str) -> float:
        text = ask(f"{server}/metrics").decode()
        counts = re.findall(r'requests_total\{.*route="/api/v1/status".*\} (\S+)', text)
        return sum(map(float, counts))

    before = [counted(server) for server in site.servers]
    answers = [ask(f"{site.front}/api/v1/status") for _ in range(12)]
    assert [answer["photos"] for answer in answers] == [11] * 12
    after = [counted(server) for server in site.servers]
    assert all(now > then for now, then in zip(after, before, strict=True))


def test_what_is_kept_at_one_is_shown_by_the_other(site: Site) -> None:
    one, two = site.servers
    [cat] = ask(f"{one}/api/v1/search?q=a+cat&k=1")["results"]
    made = ask(f"{one}/api/v1/albums", {"name": "cats", "photo_ids": [cat["photo_id"]]})
    albums = ask(f"{two}/api/v1/albums")["albums"]
    assert [album["name"] for album in albums] == ["cats"]
    assert ask(f"{two}/api/v1/albums/{albums[0]['album_id']}", method="DELETE") is not None
    assert ask(f"{one}/api/v1/albums")["albums"] == []
    assert made


def test_run_of_one_server_is_shown_and_ended_by_the_other(site: Site) -> None:
    one, two = site.servers
    assert ask(f"{one}/api/v1/index", {"folder": 1})["current"]["here"]
    wait_until(lambda: ask(f"{two}/api/v1/index")["current"]["state"] == "looking")
    assert ask(f"{two}/api/v1/index", {"folder": 1}) == 409
    assert ask(f"{two}/api/v1/index")["current"]["here"]
    assert ask(f"{two}/api/v1/index", method="DELETE")["current"]["stopping"]
    wait_until(lambda: ask(f"{one}/api/v1/index")["current"]["state"] == "idle")
    wait_until(lambda: ask(f"{two}/api/v1/index")["current"]["state"] == "idle")
    for server in site.servers:
        assert ask(f"{server}/api/v1/runs")["runs"][0]["state"] == "interrupted"


def test_photo_that_a_third_process_indexes_is_found_by_both_within_two_seconds(
    site: Site, sample_photos: Path
) -> None:
    shutil.copy(sample_photos / "rocket.jpg", site.folder)
    command = [*real_index(site.indexing), str(site.folder)]
    indexed = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    ended = time.monotonic()
    assert json.loads(indexed.stdout)["indexed"] == 1, indexed.stderr
    names = [found(server, "a rocket") for server in site.servers]
    assert time.monotonic() - ended < 2
    assert [each[0] for each in names] == ["rocket.jpg"] * 2
