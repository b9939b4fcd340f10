"""Exit codes, and the errors that people can mend, each worded as one sentence on stderr."""

from __future__ import annotations

import errno
import os
from enum import IntEnum

import click

from commands.common.output import note
from commands.common.terminal import echo

# What training, a GPU and other embedders than the default stand on; the extra `cpu` has none.
_NEEDS_TORCH = frozenset({"torch", "torchvision", "transformers", "sentence_transformers"})
_MISSING = (
    "this needs {}, which is not installed: run pip install 'tellshow[train]', or "
    "'tellshow[gpu]' on a machine with an NVIDIA GPU"
)


class Exit(IntEnum):
    """Exit codes of every command; 130 is what shells give a command that Ctrl-C ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130


class InterruptedSaved(click.Abort):
    """A command was interrupted that keeps what it did until then."""

    def __init__(self) -> None:
        super().__init__("interrupted; what was done so far is saved")


class SavingCommand(click.Command):
    """A command that keeps what was done when it is interrupted, and says so."""

    def invoke(self, ctx: click.Context) -> object:
        """Run it; raises InterruptedSaved in the place of KeyboardInterrupt."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            echo(err=True)  # behind the ^C that a terminal shows
            raise InterruptedSaved from error


class Failed(click.ClickException):
    """A command could not do its work; the message says what went wrong and what to do."""

    exit_code = Exit.FAILED


def fail(message: str, code: Exit) -> Exit:
    """Print why the command ends on stderr, and return the code that it ends with."""
    note(f"tellshow: {message}")
    return code


def sentence(error: Exception) -> str:
    """An exception's message in one line; of an OSError, the file and the system's reason."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return f"{where}the disk is full; make room and run it again"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return " ".join(str(error).split())


def word(error: Exception) -> Exit:
    """Print an error that people can mend, and return its exit code.

    Raises the error again where it is none: a bug is to be seen with its traceback.
    """
    if isinstance(error, OSError):  # told at once: the classes of all others load libraries
        return fail(sentence(error), Exit.FAILED)
    if isinstance(error, ModuleNotFoundError) and _distribution(error) in _NEEDS_TORCH:
        return fail(_MISSING.format(_distribution(error)), Exit.FAILED)
    from search.request import InvalidQuery

    if not is_known(error):
        raise error
    return fail(sentence(error), Exit.USAGE if isinstance(error, InvalidQuery) else Exit.FAILED)


def is_known(error: Exception) -> bool:
    """Whether an error is one that people can mend, so that its message is a sentence for them."""
    from search.request import InvalidQuery

    return isinstance(error, (InvalidQuery, OSError, *_known_errors()))


def _distribution(error: ModuleNotFoundError) -> str:
    """The package that an import did not find, without the module inside of it."""
    return (error.name or "").partition(".")[0]


def _known_errors() -> tuple[type[Exception], ...]:
    """Errors whose own message is a sentence for people."""
    from captioner.checkpoint import CheckpointError
    from captioner.config import UnknownBackbone
    from captioner.dataset import DatasetError
    from captioner.embedder import EmbedderUnavailable
    from captioner.image_embedder import ImageEmbedderUnavailable
    from captioner.image_file import BadPixelLimit, UnreadablePhoto
    from captioner.machine import DeviceUnavailable, RuntimeUnavailable, UnknownPrecision
    from catalog.backup import BackupError
    from catalog.database import DatabaseUnavailable
    from catalog.home import HomeNotWritable
    from catalog.lock import WriterBusy
    from catalog.vectors.faiss_index import FaissMissing
    from catalog.vectors.kinds import UnknownIndexKind
    from indexer.pipeline import FolderNotFound, NotAFolder
    from indexer.sample_photos import SamplesUnavailable
    from indexer.watch import CannotWatch

    return (
        CheckpointError, DeviceUnavailable, UnknownPrecision, DatasetError, EmbedderUnavailable,
        UnknownBackbone, UnreadablePhoto, HomeNotWritable, WriterBusy, DatabaseUnavailable,
        BackupError, FaissMissing, UnknownIndexKind, FolderNotFound, NotAFolder, BadPixelLimit,
        SamplesUnavailable, CannotWatch, ImageEmbedderUnavailable, RuntimeUnavailable,
    )  # fmt: skip
