"""The entry: which commands there are, where they stand, and that asking for help costs nothing."""

import subprocess
import sys

import click
import pytest

import tellshow
from tests.cli.command_process import REPOSITORY

_LIBRARIES = {"torch", "numpy", "PIL", "faiss", "sqlalchemy", "flask", "tqdm"}
_FLOORS = {"web", "indexer", "search", "captioner", "catalog"}


def _python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_module_runs_as_the_command() -> None:
    told = _python("-m", "tellshow", "--version")
    assert told.split() == ["tellshow,", "version", tellshow.__version__]


def test_the_file_runs_as_the_command() -> None:
    assert _python("tellshow.py", "--version") == _python("-m", "tellshow", "--version")


@pytest.mark.parametrize("name", tellshow.cli.commands)
def test_a_command_stands_in_the_file_of_its_name(name: str) -> None:
    command: click.Command = tellshow.cli.commands[name]
    assert command.callback is not None
    assert command.callback.__module__ == f"commands.{name}"


def test_help_of_any_command_loads_none_of_what_does_the_work() -> None:
    program = (
        "import sys, tellshow\n"
        "for name in ['', *tellshow.cli.commands]:\n"
        "    assert tellshow.run([*name.split(), '--help']) == tellshow.Exit.DONE\n"
        "print(*sys.modules)\n"
    )
    # The limits of a search import nothing, so that help can name them.
    loaded = set(_python("-c", program).splitlines()[-1].split()) - {"search", "search.limits"}
    assert "commands" in loaded
    assert {name.split(".")[0] for name in loaded} & (_LIBRARIES | _FLOORS) == set()
