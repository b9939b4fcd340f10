"""The `tellshow` program: the list of its commands, and the exit code each run ends with.

Each command is a file in `commands/`.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from pathlib import Path

import click

from commands.common.errors import Exit, Failed, InterruptedSaved, fail, word
from commands.common.help import NarrowFormatter, keep_summaries_whole
from commands.common.options import home_option
from commands.common.terminal import echo, encode_leniently
from commands.common.termination import raised_termination

__version__ = "0.2.0"

# Each command, a file in commands/, and its name there.
_COMMANDS = {
    "index": "index",
    "search": "search",
    "complete": "complete_command",
    "similar": "similar",
    "caption": "caption",
    "score": "score",
    "explain": "explain_command",
    "serve": "serve",
    "mcp": "mcp",
    "train": "train",
    "evaluate": "evaluate_command",
    "calibrate": "calibrate",
    "export": "export",
    "status": "status",
    "roots": "roots",
    "rebuild": "rebuild",
    "models": "models",
    "doctor": "doctor",
    "backup": "backup",
    "restore": "restore",
    "demo": "demo",
}

# How many objects are made between two looks for cyclic garbage. Imports make a hundred thousand
# and no garbage: looking after every 700, as is the default, takes a tenth of a search's start.
_BETWEEN_COLLECTIONS = 50_000


class Commands(MutableMapping[str, click.Command]):
    """The commands by name, each imported when it is first asked for: one run needs one of them."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._imported: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._imported:
            attribute = self._places[name]
            command: click.Command = getattr(import_module(f"commands.{name}"), attribute)
            keep_summaries_whole(command)
            self._imported[name] = command
        return self._imported[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._places[name] = command.name or name
        self._imported[name] = command

    def __delitem__(self, name: str) -> None:
        del self._places[name]
        self._imported.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


click.Context.formatter_class = NarrowFormatter  # of every command


@click.group(commands=Commands(_COMMANDS), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tellshow")
@home_option
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Tell it a sentence, it shows the pictures."""
    context.obj = home


cli.short_help = cli.get_short_help_str()


def run(arguments: list[str] | None = None) -> Exit:
    """Run one command and return its exit code."""
    try:
        cli.main(arguments, prog_name="tellshow", standalone_mode=False)
    except InterruptedSaved as error:
        return fail(str(error), Exit.INTERRUPTED)
    except (KeyboardInterrupt, click.Abort):
        return fail("interrupted", Exit.INTERRUPTED)
    except Failed as error:
        return fail(error.message, Exit.FAILED)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        for line in shown.getvalue().splitlines():
            echo(line, err=True)
        return Exit.USAGE
    except Exception as error:
        return word(error)
    return Exit.DONE


def use_one_thread_of_blas() -> None:
    """Let NumPy compute its products in the calling thread; to be told before NumPy is imported.

    They are small here, and a thread of OpenBLAS that helped with one spins until the next comes: a
    tenth of the processor under many searches. The environment may say otherwise.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> None:
    """The `tellshow` command; told to end by the system, it saves first, as on Ctrl-C."""
    use_one_thread_of_blas()
    gc.set_threshold(_BETWEEN_COLLECTIONS)
    encode_leniently()
    with raised_termination():
        code = run()
    gc.freeze()  # all of it goes with the process: looking for garbage once more takes 0.1 s
    sys.exit(code)


if __name__ == "__main__":
    main()
