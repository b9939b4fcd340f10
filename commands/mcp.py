"""`tellshow mcp`: the home's photos as tools for assistants, over stdin and stdout, until EOF."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NoReturn

import click

from commands.common.errors import Exit, Failed
from commands.common.loading import (
    answering_engine,
    finding_engine,
    open_engine,
    what_answers,
)
from commands.common.model_reload import LOOK_AGAIN
from commands.common.options import device_option, home_option, model_option

if TYPE_CHECKING:
    from commands.common.loading import WhatAnswers
    from search.engine import SearchEngine


@click.command()
@model_option
@device_option
@home_option
@click.pass_context
def mcp(context: click.Context, model: Path | None, device: str | None, home: Path | None) -> None:
    """Serve the photos to assistants, by MCP over stdin and stdout."""
    try:
        from commands.mcp_server import new_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise Failed("the MCP server needs an extra: pip install 'tellshow[mcp]'") from error
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_at_once)
    with ExitStack() as stack:
        engine = LazyEngine(stack, context, home or context.obj, model, device)
        new_server(_version(), engine.get).run("stdio")


def _end_at_once(number: int, frame: object) -> NoReturn:
    """End by a signal: the thread that waits for stdin could not be, and nothing is to be saved."""
    os._exit(Exit.INTERRUPTED)


def _version() -> str:
    """The version that is installed; empty in a checkout that is not."""
    try:
        return version("tellshow")
    except PackageNotFoundError:
        return ""


class LazyEngine:
    """The search engine of a home, loaded when it is first asked for, and closed with a stack.

    Without a checkpoint of its own it changes to another captioner, image embedder or calibration
    within LOOK_AGAIN seconds after the home did.
    """

    def __init__(
        self,
        stack: ExitStack,
        context: click.Context,
        home: Path | None,
        model: Path | None,
        device: str | None,
    ) -> None:
        self._stack, self._context = stack, context
        self._home, self._model, self._device = home, model, device
        self._lock = Lock()
        self._engine: SearchEngine | None = None
        self._known: WhatAnswers | None = None
        self._looked = 0.0

    def get(self) -> SearchEngine:
        """The engine; any thread may ask.

        Raises:
            Failed: there is no such home.
            CheckpointError: no captioner that described the photos can be loaded.
            DatabaseUnavailable: the database does not answer.
        """
        with self._lock:
            if self._engine is None:
                self._engine = self._load()
            elif self._model is None and time.monotonic() > self._looked + LOOK_AGAIN:
                self._engine = self._renewed(self._engine)
            return self._engine

    def _load(self) -> SearchEngine:
        self._refuse_missing_home()
        # Notes and errors of loading ask click for the command, which only its own thread knows.
        with self._context.scope(cleanup=False):
            opened = open_engine(self._home, self._model, self._device, finding=True)
            engine = self._stack.enter_context(opened)
        self._known, self._looked = what_answers(engine.home, engine.database), time.monotonic()
        return engine

    def _refuse_missing_home(self) -> None:
        """Raise Failed instead of making a home where there is none."""
        from catalog.home import open_home

        home = open_home(self._home, create=False)
        if not home.path.is_dir():
            raise Failed(
                f"nothing is indexed in {home.path}, for there is no such folder; start with: "
                "tellshow index FOLDER"
            )

    def _renewed(self, engine: SearchEngine) -> SearchEngine:
        """The same engine, or one of what is to answer by now."""
        self._looked = time.monotonic()
        known = what_answers(engine.home, engine.database)
        if known == self._known:
            return engine
        self._known = known
        return finding_engine(answering_engine(engine.home, engine.database, self._device, True))
