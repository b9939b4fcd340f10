"""`tellshow mcp`: the photos of a home as tools, asked by the SDK's own client."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult, ImageContent, TextContent
from PIL import Image

from commands.common.errors import Exit
from commands.mcp_server import new_server
from tests.cli.command_process import REPOSITORY

if TYPE_CHECKING:
    from catalog.home import Home
    from search.engine import SearchEngine

Ask = Callable[..., CallToolResult]
CAT = "a cat sitting on the floor"
INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "a test", "version": "1"},
}


@pytest.fixture
def ask(engine: SearchEngine) -> Ask:
    """Calls a tool of a server in this process, over the session's engine."""

    def call(tool: str, **arguments: Any) -> CallToolResult:
        async def talk() -> CallToolResult:
            async with Client(new_server("1", lambda: engine)) as client:
                return await client.call_tool(tool, arguments)

        return anyio.run(talk)

    return call


@pytest.fixture
def cat(engine: SearchEngine) -> int:
    """The number of the photo of the cat."""
    from search.request import SearchRequest

    return engine.search(SearchRequest("a cat", k=1)).results[0].photo_id


def text_of(result: CallToolResult) -> str:
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text


def pictures_in(result: CallToolResult) -> list[Image.Image]:
    images = [each for each in result.content if isinstance(each, ImageContent)]
    return [Image.open(io.BytesIO(base64.b64decode(each.data))) for each in images]


def data_of(result: CallToolResult) -> dict[str, Any]:
    """The answer, which clients get as data and as JSON."""
    assert not result.is_error
    assert result.structured_content == json.loads(text_of(result))
    return dict(result.structured_content)


# The tools, over the engine of the session


def test_search_says_how_probable_each_photo_is_and_which_are_weak(ask: Ask, cat: int) -> None:
    found = data_of(ask("search", query=CAT, k=12))
    first, last = found["photos"][0], found["photos"][-1]
    assert (first["photo_id"], first["weak"], last["weak"]) == (cat, False, True)
    assert first["probability"] > last["probability"]
    assert [word["word"] for word in first["words"]] == CAT.split()
    assert not found["nothing_fits"]


def test_search_answers_as_the_engine_that_serves_the_api(ask: Ask, engine: SearchEngine) -> None:
    from search.filters import read_filter
    from search.request import SearchRequest

    filters = read_filter(orientation="landscape", rating="0")
    same = engine.search(SearchRequest("a dog", 3, 1, excluded=("snow",), filters=filters))
    asked = {"k": 3, "offset": 1, "exclude": ["snow"], "orientation": "landscape", "rating": 0}
    found = data_of(ask("search", query="a dog", **asked))
    assert [each["path"] for each in found["photos"]] == [each.path for each in same.results]
    assert found["more"] == same.more


def test_search_without_a_photo_says_why(ask: Ask) -> None:
    assert (
        data_of(ask("search", query="a", camera="none"))["note"] == "No photo passes the filters."
    )
    further = data_of(ask("search", query="a", offset=500))
    assert further["note"] == "There are no further photos."


def test_pictures_come_only_where_they_are_asked_for(ask: Ask, cat: int) -> None:
    assert pictures_in(ask("search", query=CAT, k=2)) == []
    shown = pictures_in(ask("search", query=CAT, k=2, thumbnails=True))
    assert [(each.format, max(each.size) <= 512) for each in shown] == [("JPEG", True)] * 2
    assert len(pictures_in(ask("photo", photo_id=cat))) == 1
    assert pictures_in(ask("photo", photo_id=cat, thumbnail=False)) == []


def test_photo_says_what_is_known(ask: Ask, cat: int, engine: SearchEngine) -> None:
    known, view = data_of(ask("photo", photo_id=cat)), engine.photo(cat)
    assert (known["path"], known["width"]) == (str(view.full_path), view.width)
    assert known["captions"] == [text for text, _ in view.captions]


def test_similar_leaves_the_photo_itself_out(ask: Ask, cat: int) -> None:
    found = data_of(ask("similar", photo_id=cat, k=11))["photos"]
    assert len(found) == 11
    assert cat not in {each["photo_id"] for each in found}


def test_explain_says_what_each_word_gains_and_where_it_is_seen(ask: Ask, cat: int) -> None:
    why = data_of(ask("explain", photo_id=cat, query="a cat plays the piano"))
    gains = {each["word"]: each for each in why["words"]}
    assert gains["cat"]["gain"] > 0 > gains["piano"]["gain"]
    assert gains["piano"]["where"] == "nowhere"
    assert why["costliest"] in {"plays", "piano"}


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("photo", {"photo_id": 987654}, "there is no photo 987654; search tells the numbers"),
        ("search", {"query": "a cat", "k": 0}, "the argument 'k' of search is wrong: "),
        ("search", {}, "the argument 'query' of search is wrong: Field required"),
        ("search", {"query": "a", "ofset": 1}, "search takes no argument 'ofset'; it takes query"),
        ("search", {"query": "a", "after": "soon"}, "after must be a date such as 2021-07-14"),
        ("explain", {"photo_id": 1, "query": " "}, "type a sentence: the query has no words"),
    ],
)
def test_error_is_a_sentence(ask: Ask, tool: str, arguments: dict[str, Any], sentence: str) -> None:
    result = ask(tool, **arguments)
    assert result.is_error
    assert text_of(result).startswith(sentence)
    assert len(text_of(result).splitlines()) == 1


# The program, over stdin and stdout


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


def program_in(home: Path) -> subprocess.Popen[str]:
    """The server of a home, to be talked to by hand."""
    return subprocess.Popen(
        [sys.executable, "-m", "tellshow", "mcp", "--home", home],
        cwd=REPOSITORY, env=environment(), text=True, preexec_fn=listen_to_ctrl_c,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def listen_to_ctrl_c() -> None:
    """Undo what shells do to programs that they start in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def asked(server: subprocess.Popen[str], method: str, params: dict[str, Any]) -> dict[str, Any]:
    """What the server answers, on a line of its own."""
    assert server.stdin is not None
    assert server.stdout is not None
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    print(json.dumps(message), file=server.stdin, flush=True)
    answer: dict[str, Any] = json.loads(server.stdout.readline())["result"]
    return answer


def test_program_serves_a_home_to_a_client(indexed_home: Home) -> None:
    program = StdioServerParameters(
        command=sys.executable,
        args=["-m", "tellshow", "mcp", "--home", str(indexed_home.path)],
        env=environment(),
        cwd=REPOSITORY,
    )

    async def talk() -> tuple[str, set[str], CallToolResult]:
        async with Client(stdio_client(program)) as client:
            tools = (await client.list_tools()).tools
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
            found = await client.call_tool("search", {"query": CAT, "k": 1, "thumbnails": True})
            return client.instructions or "", {tool.name for tool in tools}, found

    instructions, tools, found = anyio.run(talk)
    assert tools == {"search", "photo", "similar", "explain"}
    assert '"weak"' in instructions
    assert data_of(found)["photos"][0]["path"].endswith("cat.png")
    assert len(pictures_in(found)) == 1


def test_program_answers_before_it_loads_a_model_and_makes_no_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with program_in(home) as server:
        assert asked(server, "initialize", INITIALIZE)["serverInfo"]["name"] == "tellshow"
        assert len(asked(server, "tools/list", {})["tools"]) == 4
        if sys.platform == "linux":
            assert "libtorch" not in Path(f"/proc/{server.pid}/maps").read_text()
        call = {"name": "search", "arguments": {"query": "a cat"}}
        refused = asked(server, "tools/call", call)
        rest, complaints = server.communicate(timeout=60)
    assert refused["isError"]
    assert "start with: tellshow index FOLDER" in refused["content"][0]["text"]
    assert (rest, complaints, server.returncode) == ("", "", 0)
    assert not home.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_program_ends_at_once_when_it_is_told_to(tmp_path: Path, number: signal.Signals) -> None:
    with program_in(tmp_path / "home") as server:
        asked(server, "initialize", INITIALIZE)
        server.send_signal(number)
        assert server.wait(timeout=60) == Exit.INTERRUPTED
