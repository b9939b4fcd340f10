"""`tellshow serve`: the page and the JSON API, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.addresses import Addresses
from commands.common.loading import open_engine
from commands.common.model_reload import following
from commands.common.options import (
    FILE,
    absolute,
    device_option,
    home_option,
    model_option,
    refuse_files,
    together,
)
from commands.common.output import note

if TYPE_CHECKING:
    from flask import Flask

    from catalog.home import Home
    from web import WebConfig
    from web.server import RunningServer


def _checked(_: click.Context, parameter: click.Parameter, given: Any) -> Any:
    """What the configuration of the server takes under the option's name, checked at once."""
    if given:
        from web import InvalidBasePath, InvalidOrigin, InvalidProxy, WebConfig

        fields = {"allow_origin": "allow_origins"}
        name = str(parameter.name)
        try:
            WebConfig(**{fields.get(name, name): given})
        except (InvalidOrigin, InvalidBasePath, InvalidProxy) as error:
            raise click.BadParameter(str(error), param=parameter) from error
    return given


def _base_path(context: click.Context, parameter: click.Parameter, given: str) -> str:
    return str(_checked(context, parameter, given.rstrip("/")))


# Who may ask this server, and how often.
access_options = together(
    click.option(
        "--allow-origin",
        metavar="ORIGIN",
        multiple=True,
        callback=_checked,
        help="Let scripts of this site read the API; may be given several times.",
    ),
    click.option(
        "--rate-limit",
        metavar="N",
        type=click.IntRange(0),
        default=6000,
        show_default=True,
        help="Requests a minute for one client; 0 sets no limit.",
    ),
    click.option(
        "--trusted-host",
        metavar="NAME",
        multiple=True,
        help="A further name of this server; may be given several times.",
    ),
    click.option(
        "--trusted-proxy",
        metavar="ADDRESS",
        callback=_checked,
        help="Believe this proxy, or those of a network, who asks it, how, and under which path.",
    ),
    click.option(
        "--base-path",
        metavar="PATH",
        default="",
        callback=_base_path,
        help="Put all addresses under this path, as a proxy asks for them.",
    ),
)

# What an operator watches it by.
watch_options = together(
    click.option("--metrics", is_flag=True, help="Answer Prometheus at /metrics."),
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How to write to stderr; as JSON also a record of each request.",
    ),
    click.option(
        "--log-queries", is_flag=True, help="Log what was searched for, too; with JSON alone."
    ),
)


@click.command()
@access_options
@watch_options
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option(
    "--token",
    envvar="TELLSHOW_TOKEN",
    help="What clients must show ($TELLSHOW_TOKEN); made up when listening elsewhere.",
)
@click.option(
    "--token-file", type=FILE, help="A file that holds the token: arguments are seen by others."
)
@click.option(
    "--allow-index",
    "indexable",
    metavar="FOLDER",
    type=FILE,
    multiple=True,
    help="Let visitors index this folder; may be given several times.",
)
@model_option
@device_option
@home_option
def serve(
    host: str,
    port: int,
    token: str | None,
    token_file: Path | None,
    indexable: tuple[Path, ...],
    model: Path | None,
    device: str | None,
    home: Path | None,
    allow_origin: tuple[str, ...],
    rate_limit: int,
    trusted_host: tuple[str, ...],
    trusted_proxy: str | None,
    base_path: str,
    metrics: bool,
    log_format: str,
    log_queries: bool,
) -> None:
    """Serve the search page and the JSON API."""
    from web import WebConfig
    from web.loading import Entrance
    from web.server import Server, answering

    _begin_log(log_format, log_queries)
    config = WebConfig(
        host=host,
        port=port,
        token=token_for(host, token, token_file),
        allow_origins=allow_origin,
        rate_limit=rate_limit,
        trusted_hosts=trusted_host,
        trusted_proxy=trusted_proxy,
        base_path=base_path,
        metrics=metrics,
        log_requests=log_format == "json",
        log_queries=log_queries,
        indexable=_indexable(indexable),
    )
    addresses = Addresses(config, made_up=token is None and token_file is None)
    entrance = Entrance(config)
    with answering(Server(entrance, host, port, trusted_proxy=trusted_proxy)) as server:
        opened = f"{addresses.own} can be opened, and says when it is ready"
        note(f"loading libraries and models; {opened}")
        with _loaded(config, model, device, home) as app:
            entrance.open(app)
            _serve(app, server, addresses)


def _begin_log(log_format: str, log_queries: bool) -> None:
    """Log as asked for; raises click.UsageError for queries in a log without requests."""
    if log_format == "json":
        from commands.common.json_log import log_as_json

        log_as_json()
    elif log_queries:
        raise click.UsageError("--log-queries adds to the records of --log-format json")


@contextmanager
def _loaded(
    config: WebConfig, model: Path | None, device: str | None, home: Path | None
) -> Iterator[Flask]:
    """The application with all that a search needs, loaded; it follows newer captioners."""
    from search.request import SearchRequest
    from web import create_app

    with open_engine(home, model, device, finding=True) as engine:
        note(f"loading what {engine.captioner.name} knows of the photos in {engine.home.path}")
        engine.search(SearchRequest("a photo"))  # loads what the first visitor would wait for
        command = _index_command(engine.home, model, device)
        app = create_app(engine, replace(config, index_command=command))
        with nullcontext() if model else following(app, home, device):
            yield app


def token_for(host: str, given: str | None, file: Path | None) -> str | None:
    """The token given, or that of a file; else None where only this machine can ask, or a new one.

    Raises click.UsageError for two tokens, and for one that cannot be used.
    """
    from web import InvalidToken, WebConfig, is_loopback, new_token

    if given is None:  # an empty variable is no token either, which click passes over
        given = os.environ.get("TELLSHOW_TOKEN")
    if given is not None and file is not None:
        raise click.UsageError("give --token (or $TELLSHOW_TOKEN) or --token-file, not both")
    if file is not None:
        given = file.read_text(encoding="utf-8", errors="replace").strip()
    if given is not None:
        try:
            return WebConfig(token=given).token
        except InvalidToken as error:
            raise click.UsageError(str(error)) from error
    if is_loopback(host):
        return None
    token = new_token()
    note(f"listening beyond this machine needs a token; this one was made up: {token}")
    return token


def _indexable(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Absolute folders, each once; one that is not there may be on a disk that comes later."""
    refuse_files(folders)
    return tuple(dict.fromkeys(map(absolute, folders)))


def _index_command(home: Home, model: Path | None, device: str | None) -> tuple[str, ...]:
    """What indexes a folder that stands behind it, for this home, as this server would."""
    program = Path(__file__).absolute().parents[1] / "tellshow.py"  # beside this package
    options = {"--home": home.path, "--model": model and model.absolute(), "--device": device}
    given = [str(part) for name, value in options.items() if value for part in (name, value)]
    if os.name == "posix":  # elsewhere a parent's number stays after its end
        given += ["--parent", str(os.getpid())]
    return (sys.executable, str(program), "index", "--json", *given, "--")


def _serve(app: Flask, server: RunningServer, addresses: Addresses) -> None:
    """Until told to end; what visitors had started to index is saved then."""
    from web import indexing_of

    with closing(indexing_of(app)) as indexing:
        _when_told_to_end(indexing.close_streams)
        addresses.tell()
        server.wait()


def _when_told_to_end(first: Callable[[], None]) -> None:
    """On Ctrl-C and SIGTERM do this before anything is waited for."""

    def end(number: int, frame: object) -> None:
        first()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
