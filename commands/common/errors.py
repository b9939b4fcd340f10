"""Exit codes, and every error that people can mend as one sentence.

Knows which errors there are, nothing of when they are raised.
"""

from __future__ import annotations

import os
from enum import IntEnum

import click

from commands.common.output import note


class Exit(IntEnum):
    """Exit codes; 130 is what shells give a command that Ctrl-C ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130


class Failed(click.ClickException):
    """Something could not be done; the message says what and what to do."""

    exit_code = Exit.FAILED


def fail(message: str, code: Exit) -> Exit:
    """Say why the command ends, and with which code it does."""
    note(f"tellshow: {message}")
    return code


def sentence(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return " ".join(str(error).split())


def word(error: Exception) -> Exit:
    """The exit code of an error that people can mend; others are raised again as bugs."""
    from search.request import InvalidQuery

    if isinstance(error, InvalidQuery):
        return fail(sentence(error), Exit.USAGE)
    if isinstance(error, (OSError, *_known_errors())):
        return fail(sentence(error), Exit.FAILED)
    raise error


def _known_errors() -> tuple[type[Exception], ...]:
    """Errors whose own message is a sentence for people."""
    from captioner.backbone import UnknownBackbone
    from captioner.checkpoint import CheckpointError, DeviceUnavailable
    from captioner.dataset import DatasetError
    from captioner.device import UnknownPrecision
    from captioner.embedder import EmbedderUnavailable
    from captioner.image_file import UnreadablePhoto
    from catalog.database import DatabaseUnavailable
    from catalog.home import HomeNotWritable, UnknownIndexKind
    from catalog.lock import WriterBusy
    from catalog.vectors.index import FaissMissing
    from indexer.pipeline import FolderNotFound, NotAFolder
    from indexer.sample_photos import SamplesUnavailable
    from indexer.watch import CannotWatch

    return (
        CheckpointError, DeviceUnavailable, DatasetError, EmbedderUnavailable, UnknownBackbone,
        UnreadablePhoto, HomeNotWritable, WriterBusy, DatabaseUnavailable, FaissMissing,
        UnknownIndexKind, FolderNotFound, NotAFolder, SamplesUnavailable, CannotWatch,
        UnknownPrecision,
    )  # fmt: skip
