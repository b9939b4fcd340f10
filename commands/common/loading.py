"""Opens what commands work with: a home and its database, captioner and embedder, an engine.

Which captioner a command takes: the one named by --model, else the home's own, else the shipped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.errors import Failed, sentence
from commands.common.output import note
from commands.common.preparation import Preparation, preparing

if TYPE_CHECKING:
    from datetime import datetime

    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from captioner.image_embedder import ImageEmbedder
    from catalog.checkpoints import KeptCheckpoints
    from catalog.database import Database
    from catalog.home import Home
    from catalog.model_registry import Described
    from indexer.retry import RetryPolicy
    from search.engine import SearchEngine

# What --image-embedder says to take the home's back.
NO_IMAGE_EMBEDDER = "none"
NOTHING_INDEXED = "nothing is indexed yet; start with: tellshow index FOLDER"


def chosen_home(home: Path | None) -> Path | None:
    """The folder of the command's --home, else of --home before the command, if any was named."""
    return home or click.get_current_context().obj


@contextmanager
def open_catalog(
    home: Path | None, *, reading: bool = False, retry: RetryPolicy | None = None
) -> Iterator[tuple[Home, Database]]:
    """The home and its database, closed at the end.

    The home is that of the command's --home, else of --home before the command, else the
    environment's. Where nothing can be written in it, it still opens for `reading`. A database that
    does not answer is waited for as `retry` says.
    """
    from catalog.database import open_database
    from catalog.home import open_home

    opened = open_home(chosen_home(home), reading=reading)
    opening = partial(open_database, opened)
    database = opening() if retry is None else retry.call(opening)
    try:
        yield opened, database
    finally:
        database.close()


@contextmanager
def open_engine(
    home: Path | None,
    model: Path | None,
    device: str | None,
    *,
    counting: bool = False,
    finding: bool = False,
    asking: bool = False,
    begun: Preparation | None = None,
) -> Iterator[SearchEngine]:
    """A search engine on a home, with the captioner of --model, else the one that answers.

    `counting` opens one that can only count where no captioner can answer; `finding` opens one that
    finds photos by sentences, with all that the home has for that; what loads beside may have
    `begun`. `asking` raises Failed where no photo is indexed, and makes nothing there.
    """
    with preparing(begun) as preparation:
        if finding:
            preparation.embedder(device)
        if model is None:
            preparation.checkpoint(chosen_home(home), device)
        if asking:
            _refuse_unused(home)
        with open_catalog(home, reading=True) as (opened, database):
            if asking:
                _refuse_empty(database)
            if model is None:
                engine = answering_engine(opened, database, device, counting, preparation)
            else:
                models = load_models(model, device, preparation=preparation)
                engine = _engine(opened, database, models, preparation)
            yield finding_engine(engine) if finding else engine


def _engine(
    home: Home,
    database: Database,
    models: tuple[Captioner, SentenceEmbedder],
    preparation: Preparation | None = None,
) -> SearchEngine:
    """A search engine, imported while the captioner is made ready to find photos, if it is to."""
    if preparation is not None and preparation.is_finding:
        preparation.captioner(models[0])
    from search.engine import SearchEngine

    return SearchEngine(home, database, *models)


def _refuse_unused(home: Path | None) -> None:
    """Raise Failed where no catalog was ever made, before one would be."""
    from catalog.home import is_unused, open_home

    if is_unused(open_home(chosen_home(home), create=False)):
        raise Failed(NOTHING_INDEXED)


def _refuse_empty(database: Database) -> None:
    """Raise Failed for a catalog without a photo."""
    from catalog.photos import has_photos

    with database.read() as session:
        if not has_photos(session):
            raise Failed(NOTHING_INDEXED)


def finding_engine(engine: SearchEngine) -> SearchEngine:
    """An engine with the home's image embedder and weights of its own, where it has any."""
    from search.home_weights import home_ranking

    engine.image_embedder = home_image_embedder(engine.database, engine.captioner.device)
    ranking = home_ranking(engine)
    if ranking is not None:
        engine.captioner.provenance.ranking = ranking
    return engine


def answering_engine(
    home: Home,
    database: Database,
    device: str | None,
    counting: bool = False,
    preparation: Preparation | None = None,
) -> SearchEngine:
    """A search engine with the home's newest complete captioner; in a new home, the shipped one.

    A captioner that cannot be loaded is passed over, with a note on stderr. Raises CheckpointError
    where photos are described and none of the captioners that did can be loaded, unless the engine
    is for `counting` alone.
    """
    from captioner.checkpoint import CheckpointError
    from captioner.embedder import EmbedderUnavailable

    _note_damaged(home, database)
    passed: set[int] = set()
    while (chosen := answering_captioner(home, database, passed)) is not None:
        try:
            file = checkpoint_of(home, chosen)
            models = load_models(file, device, chosen.embedder, preparation)
        except (CheckpointError, EmbedderUnavailable) as error:
            note(f"{chosen.name} cannot answer: {sentence(error)}")
            passed.add(chosen.model_id)
        else:
            return _engine(home, database, models, preparation)
    if not counting:
        _refuse_silence(home, database)
    return _engine(home, database, load_models(None, device), preparation)


def _note_damaged(home: Home, database: Database) -> None:
    """Say which captioners are passed over because what the home keeps of them is damaged."""
    from catalog.checkpoints import KeptCheckpoints
    from catalog.model_registry import described

    kept = KeptCheckpoints(home)
    with database.read() as session:
        used = [each for each in described(session) if kept.is_kept(each.sha256)]
    for each in used:
        if checkpoint_of(home, each) is None:
            note(f"{each.name} cannot answer: its checkpoint in {home.models} is damaged")


def _refuse_silence(home: Home, database: Database) -> None:
    """Raise CheckpointError where photos are described, and by no captioner that can answer."""
    from captioner.checkpoint import CheckpointError
    from catalog.model_registry import described

    with database.read() as session:
        lost = [each for each in described(session) if each.photos]
    if not lost:
        return
    names = ", ".join(f"{each.name} ({each.sha256[:12]})" for each in lost)
    raise CheckpointError(
        f"no captioner that described the photos can answer: {names} is damaged or missing in "
        f"{home.models}; bring it back from a backup, name its file with --model FILE, or run "
        "tellshow index on your folders to have them described anew"
    )


def load_models(
    model: Path | None,
    device: str | None,
    embedder: str | None = None,
    preparation: Preparation | None = None,
) -> tuple[Captioner, SentenceEmbedder]:
    """The captioner of a checkpoint file (None: the shipped one) and its sentence embedder.

    `embedder` names another one; `preparation` may have made it already.
    """
    from captioner.checkpoint import DEFAULT_CHECKPOINT, load_checkpoint
    from captioner.embedder import choose_embedder

    if model is not None:
        _refuse_damaged(model)
    sha256 = _checked(model or DEFAULT_CHECKPOINT)
    made = preparation.made_captioner(sha256) if preparation and model else None
    captioner = made or load_checkpoint(model, device, sha256)
    name = embedder or captioner.embedder_name
    return captioner, choose_embedder(name, captioner.device)


def _refuse_damaged(model: Path) -> None:
    """Raise CheckpointError for a file that is named by a SHA-256 which its bytes do not have."""
    from captioner.checkpoint import CheckpointError
    from catalog.checkpoints import is_sound, sha256_in_name

    sha256 = sha256_in_name(model)
    if sha256 is not None and model.is_file() and not is_sound(model, sha256):
        raise CheckpointError(
            f"{model} is damaged: its bytes are not those that it is named by; run tellshow "
            "doctor, bring it back from a backup, or name a sound file with --model FILE"
        )


def _checked(file: Path) -> str | None:
    """A checkpoint's SHA-256, of which this process may know already; None where it is no file."""
    from catalog.durable_files import checked_sha256

    with suppress(OSError):  # said by who loads it
        return checked_sha256(file)
    return None


def home_image_embedder(database: Database, device: str | None) -> ImageEmbedder | None:
    """The image embedder that a home was given, loaded; None where it has none.

    One that is not there any more, or is another one by now, is None too, and noted on stderr.
    """
    from captioner.image_embedder import ImageEmbedder, ImageEmbedderUnavailable
    from catalog.image_vectors import chosen_image_embedder

    with database.read() as session:
        chosen = chosen_image_embedder(session)
    if chosen is None:
        return None
    try:
        found = ImageEmbedder(chosen.folder, device, chosen.name)
        if (found.sha256, found.dimension) == (chosen.sha256, chosen.dimension):
            return found
        reason = f"{chosen.folder} holds other weights than those that the photos were embedded by"
    except (ImageEmbedderUnavailable, OSError) as error:
        reason = sentence(error)
    note(
        f"the image embedder {chosen.name} takes no part: {reason}; name its folder with tellshow "
        "index --image-embedder FOLDER, or take it back with --image-embedder none"
    )
    return None


def fetched_image_embedder(name: str | None, download: bool) -> str | None:
    """The folder of a published image embedder that is named with --download, else as it is.

    Before anything else is loaded: the libraries are told then never to use the network. Raises
    UsageError where none is named, and ImageEmbedderUnavailable.
    """
    if not download:
        return name
    if name is None or name == NO_IMAGE_EMBEDDER:
        raise click.UsageError("--download fetches what --image-embedder names")
    from captioner.image_embedder import fetch

    return name if Path(name).exists() else str(fetch(name))


def describing_image_embedder(
    home: Home, database: Database, wanted: str | None, device: str | None
) -> ImageEmbedder | None:
    """The image embedder to index a home with: the one in a folder, else the home's, if any.

    "none" takes the home's back, with all that it made. Raises ImageEmbedderUnavailable, and
    WriterBusy where another tellshow writes to the home.
    """
    from captioner.image_embedder import ImageEmbedder

    if wanted is None:
        return home_image_embedder(database, device)
    if wanted != NO_IMAGE_EMBEDDER:
        return ImageEmbedder(Path(wanted), device)
    _take_back(home, database)
    return None


def _take_back(home: Home, database: Database) -> None:
    from catalog.advisory_lock import catalog_lock
    from catalog.image_vectors import forget_image_embedder
    from catalog.own_files import remove_own
    from catalog.vectors.snapshots import files_of_gone_models

    with catalog_lock(home, database):
        with database.write() as session:
            forget_image_embedder(session)
        remove_own(home.path, files_of_gone_models(home, database))


def describing_models(
    home: Home, database: Database, model: Path | None, device: str | None, embedder: str | None
) -> tuple[Captioner, SentenceEmbedder]:
    """Captioner and embedder to index a home with: named, else last chosen for it, else shipped.

    The home keeps the checkpoint, so that searches find it whatever is shipped later. Raises
    CheckpointError where the one last chosen is damaged, and no copy of it is sound.
    """
    from captioner.checkpoint import DEFAULT_CHECKPOINT
    from catalog.checkpoints import KeptCheckpoints
    from catalog.model_registry import described

    kept = KeptCheckpoints(home)
    with database.read() as session:
        last = described(session)[-1:]
    if model is None and last and kept.is_chosen(last[0].sha256):
        embedder = embedder or last[0].embedder
        return load_models(_sound_copy(home, last[0]), device, embedder)
    captioner, sentences = load_models(model or _copy_of_shipped(kept), device, embedder)
    if model is None:
        kept.keep_shipped(DEFAULT_CHECKPOINT, captioner.sha256)
    else:
        kept.keep_chosen(model, captioner.sha256)
    return captioner, sentences


def _copy_of_shipped(kept: KeptCheckpoints) -> Path | None:
    """The home's copy of the shipped checkpoint where that itself is damaged, else None."""
    from captioner.checkpoint import DEFAULT_CHECKPOINT, DEFAULT_SHA256
    from catalog.checkpoints import is_sound

    copy = None if is_sound(DEFAULT_CHECKPOINT, DEFAULT_SHA256) else kept.path(DEFAULT_SHA256)
    if copy is not None:
        note(
            f"{DEFAULT_CHECKPOINT} is damaged: its copy in {kept.home.models} describes instead; "
            "install tellshow again"
        )
    return copy


def _sound_copy(home: Home, model: Described) -> Path:
    """The file of the checkpoint that was last chosen; raises CheckpointError without a sound one.

    Describing the photos by another one instead would be nobody's wish.
    """
    from captioner.checkpoint import CheckpointError

    found = checkpoint_of(home, model)
    if found is None:
        raise CheckpointError(
            f"the checkpoint {model.name} ({model.sha256[:12]}) that this home was last indexed "
            f"with is damaged in {home.models}; bring it back from a backup, or name a checkpoint "
            "with --model FILE"
        )
    return found


def answering_captioner(
    home: Home, database: Database, passed: Collection[int] = frozenset()
) -> Described | None:
    """The newest captioner that has described every photo and whose file is there.

    None in a new home, or where all of them are `passed`.
    """
    from catalog.model_registry import described, newest_complete_model

    with database.read() as session:
        usable = {
            each.model_id: each
            for each in described(session)
            if each.model_id not in passed and checkpoint_of(home, each)
        }
        model_id = newest_complete_model(session, list(usable))
    return None if model_id is None else usable[model_id]


@dataclass(frozen=True)
class WhatAnswers:
    """All that an engine of a home is made of; None for what the home has not.

    A captioner's id, an image embedder's SHA-256 and folder, and when calibrations were fitted.
    """

    captioner: int | None
    image_embedder: tuple[str, Path] | None
    calibrations: tuple[datetime, ...]


def what_answers(home: Home, database: Database) -> WhatAnswers:
    """What is to answer searches now; it changes where a server has to make a new engine."""
    from catalog.calibrations import list_calibrations
    from catalog.image_vectors import chosen_image_embedder

    captioner = answering_captioner(home, database)
    with database.read() as session:
        chosen = chosen_image_embedder(session)
        calibrations = tuple(each.fitted_at for each in list_calibrations(session))
    image = (chosen.sha256, chosen.folder) if chosen else None
    return WhatAnswers(captioner.model_id if captioner else None, image, calibrations)


def checkpoint_of(home: Home, model: Described) -> Path | None:
    """A captioner's checkpoint file, sound; None if there is none here, nor among those shipped."""
    from captioner.checkpoint import DEFAULT_CHECKPOINT
    from catalog.checkpoints import KeptCheckpoints, is_sound

    kept = KeptCheckpoints(home).path(model.sha256)
    if kept is None and is_sound(DEFAULT_CHECKPOINT, model.sha256):
        return DEFAULT_CHECKPOINT
    return kept
