"""Pydantic models of the API's answers about index runs and failures; see web.api.schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from web.api.schemas import Paged, described_field, with_example

Number = Annotated[int, Field(ge=0)]

_FOLDER = "/home/ada/Pictures"
_SKIPPED = {"path": f"{_FOLDER}/IMG_2041.JPG", "reason": "The file is empty."}


class Progress(BaseModel):
    """What is being indexed at this moment."""

    state: Literal["idle", "starting", "looking", "reading", "saving", "busy"] = described_field(
        "idle; starting: not at work yet; looking for files; reading them; saving what was found; "
        "busy: another tellshow writes, and it is no index run"
    )
    here: bool = described_field("Whether a server started it, so that it can be stopped here")
    stopping: bool = described_field("Whether it was told to stop")
    folders: list[str] = described_field("What is being indexed")
    run_id: int | None = described_field("Its number among the runs; null until it is at work")
    done: Number = described_field("Files read so far, those skipped included")
    total: Number | None = described_field("Files to read; null while they are looked for")
    indexed: Number = described_field("Photos described so far")
    skipped: Number = described_field("Files left out so far")
    photos_per_second: float | None = described_field("null where nobody can tell", ge=0)
    seconds_left: float | None = described_field("null where nobody can tell")
    headline: str = described_field("What goes on, in words; may change")
    detail: str = described_field("How far it is, in words; may change")


class SkippedFile(BaseModel):
    """A file that was left out, and why."""

    path: str = described_field("The file")
    reason: str = described_field("Why, in one sentence")


class Report(BaseModel):
    """What an index run did, as `tellshow index --json` prints it."""

    indexed: Number = described_field("Photos that went through the model")
    unchanged: Number = described_field("Photos that did not have to")
    moved: Number = described_field("Photos that have another place or name now")
    duplicates: Number = described_field("Photos with the same bytes as another")
    removed: Number = described_field("Photos that are gone")
    offline_roots: list[str] = described_field("Folders that cannot be reached")
    skipped: list[SkippedFile] = described_field("Files that were left out")
    seconds: float = described_field("How long it took", ge=0)
    photos_per_second: float = described_field("How many went through the model in a second", ge=0)


class Ended(BaseModel):
    """A run of this server's that is over."""

    folder: str = described_field("What was indexed")
    ended_at: str = described_field("When it ended (ISO 8601)")
    stopped: bool = described_field("Whether it was told to stop")
    message: str = described_field("Why there is no report; else empty")
    report: Report | None = described_field("What it did; null where it failed or was stopped")


class AllowedFolder(BaseModel):
    """A folder that may be indexed from here."""

    number: int = described_field("Its number, for POST", ge=1)
    path: str = described_field("The folder")


class IndexAnswer(BaseModel):
    """What is being indexed, what was, and what may be."""

    model_config = with_example(
        {
            "current": {
                "state": "reading",
                "here": True,
                "stopping": False,
                "folders": [_FOLDER],
                "run_id": 7,
                "done": 128,
                "total": 500,
                "indexed": 126,
                "skipped": 2,
                "photos_per_second": 4.2,
                "seconds_left": 88.6,
                "headline": f"Indexing {_FOLDER}",
                "detail": "128 of 500 files, 4.2 a second, 89 seconds left, 2 skipped",
            },
            "last": {
                "folder": _FOLDER,
                "ended_at": "2026-01-02T10:05:44+00:00",
                "stopped": False,
                "message": "",
                "report": {
                    "indexed": 497,
                    "unchanged": 6500,
                    "moved": 0,
                    "duplicates": 1,
                    "removed": 0,
                    "offline_roots": [],
                    "skipped": [_SKIPPED],
                    "seconds": 118.4,
                    "photos_per_second": 4.2,
                },
            },
            "folders": [{"number": 1, "path": _FOLDER}],
        }
    )
    current: Progress = described_field("What goes on at this moment, whoever does it")
    last: Ended | None = described_field(
        "The last run started here that is over; null where there was none"
    )
    folders: list[AllowedFolder] = described_field("What may be indexed from here")


class Run(BaseModel):
    """An index run."""

    run_id: int = described_field("Its number")
    state: Literal["running", "finished", "interrupted", "killed"] = described_field(
        "interrupted: by a person; killed: it came to no end"
    )
    started_at: str = described_field("When it began (ISO 8601)")
    finished_at: str | None = described_field(
        "When it ended (ISO 8601); null where it runs or was killed"
    )
    folders: list[str] = described_field("What was indexed; empty for runs of older releases")
    total: Number | None = described_field("Files to read; null for runs of older releases")
    done: Number = described_field("Files that were read, those skipped included")
    indexed: Number = described_field("Photos that went through the model")
    unchanged: Number = described_field("Photos that did not have to")
    moved: Number = described_field("Photos that have another place or name now")
    duplicates: Number = described_field("Photos with the same bytes as another")
    removed: Number = described_field("Photos that were gone")
    withheld: Number = described_field(
        "Photos gone but kept, as more than half of their folder is gone"
    )
    skipped: Number = described_field("Files that were left out")


class RunsAnswer(Paged):
    """Index runs, the last one first."""

    model_config = with_example(
        {
            "total": 7,
            "runs": [
                {
                    "run_id": 7,
                    "state": "finished",
                    "started_at": "2026-01-02T10:03:21+00:00",
                    "finished_at": "2026-01-02T10:05:44+00:00",
                    "folders": [_FOLDER],
                    "total": 500,
                    "done": 500,
                    "indexed": 497,
                    "unchanged": 6500,
                    "moved": 0,
                    "duplicates": 1,
                    "removed": 0,
                    "withheld": 0,
                    "skipped": 2,
                }
            ],
            "next": "/api/v1/runs?k=1&offset=1",
            "previous": None,
        }
    )
    total: Number = described_field("How many runs there were")
    runs: list[Run] = described_field("The last one first")


class FailureReason(BaseModel):
    """Why files could not be indexed."""

    reason: str = described_field("Why, in one sentence")
    files: int = described_field("How many files", ge=1)


class FailuresAnswer(Paged):
    """Files that could not be indexed, by why."""

    model_config = with_example(
        {
            "reasons": [{"reason": _SKIPPED["reason"], "files": 3}],
            "paths": [_SKIPPED["path"]],
            "next": "/api/v1/failures?reason=The+file+is+empty.&k=1&offset=1",
            "previous": None,
        }
    )
    reasons: list[FailureReason] = described_field("Every reason, the most frequent first")
    paths: list[str] = described_field("Files that failed for the reason asked for, by name")
