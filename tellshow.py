"""The `tellshow` program: the list of its commands, and the exit code each run ends with.

Each command is a file in `commands/`.
"""

from __future__ import annotations

import gc
import io
import sys
from pathlib import Path

import click

from commands.backup import backup
from commands.calibrate import calibrate
from commands.caption import caption
from commands.common.errors import Exit, Failed, InterruptedSaved, fail, word
from commands.common.help import NarrowFormatter, keep_summaries_whole
from commands.common.options import home_option
from commands.common.terminal import echo, encode_leniently
from commands.common.termination import raised_termination
from commands.complete import complete_command
from commands.demo import demo
from commands.doctor import doctor
from commands.evaluate import evaluate_command
from commands.explain import explain_command
from commands.export import export
from commands.index import index
from commands.mcp import mcp
from commands.models import models
from commands.rebuild import rebuild
from commands.restore import restore
from commands.roots import roots
from commands.score import score
from commands.search import search
from commands.serve import serve
from commands.similar import similar
from commands.status import status
from commands.train import train

__version__ = "0.2.0"

_COMMANDS = (
    index, search, complete_command, similar, caption, score, explain_command, serve, mcp, train,
    evaluate_command, calibrate, export, status, roots, rebuild, models, doctor, backup, restore,
    demo,
)  # fmt: skip

# How many objects are made between two looks for cyclic garbage. Imports make a hundred thousand
# and no garbage: looking after every 700, as is the default, takes a tenth of a search's start.
_BETWEEN_COLLECTIONS = 50_000

click.Context.formatter_class = NarrowFormatter  # of every command


@click.group(commands=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tellshow")
@home_option
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Tell it a sentence, it shows the pictures."""
    context.obj = home


keep_summaries_whole(cli)


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


def main() -> None:
    """The `tellshow` command; told to end by the system, it saves first, as on Ctrl-C."""
    gc.set_threshold(_BETWEEN_COLLECTIONS)
    encode_leniently()
    with raised_termination():
        code = run()
    sys.exit(code)


if __name__ == "__main__":
    main()
