"""The command line: parse, wire the floors together, word errors, choose exit codes.

Results go to stdout, everything else to stderr. Knows nothing of how anything is done.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, replace
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from threading import Event

    from flask import Flask

    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from captioner.recipe import Recipe
    from catalog.answering import Described
    from catalog.doctor import Diagnosis, Finding
    from catalog.home import Home
    from catalog.session import Database
    from indexer.pipeline import Indexer, IndexReport, Progress
    from search.engine import SearchEngine, Status
    from search.evaluate import Evaluation
    from search.explain import Explanation
    from search.query import SearchAnswer, WordGain

__version__ = "0.1.0"

_BUSY_SECONDS = 2.0  # between looks whether another tellshow is done

F = TypeVar("F", bound=Callable[..., Any])


class Exit(IntEnum):
    """Exit codes; 130 is what shells give a command that Ctrl-C ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130


class Failed(click.ClickException):
    """Something could not be done; the message says what and what to do."""

    exit_code = Exit.FAILED


# -- options that several commands share ------------------------------------------------

_FILE = click.Path(path_type=Path)
home_option = click.option(
    "--home", type=_FILE, help="Where the catalog lives (default: $TELLSHOW_HOME)."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
device_option = click.option("--device", help="cpu, cuda, cuda:1, mps... (default: the best).")
model_option = click.option(
    "--model", type=_FILE, help="A checkpoint file (default: the home's own, else the shipped)."
)
embedder_option = click.option(
    "--embedder", help="Folder of a sentence-transformers model (default: all-MiniLM-L6-v2)."
)


def filter_options(command: F) -> F:
    """The options that say which photos may be found at all; search.filters reads them."""
    options = (
        click.option("--after", metavar="DATE", help="Taken on this date or later."),
        click.option("--before", metavar="DATE", help="Taken before this date."),
        click.option("--in", "folder", type=_FILE, help="In this folder, at any depth."),
        click.option("--camera", metavar="NAME", help="Part of the camera's name."),
        click.option("--format", metavar="NAME", help="JPEG, PNG, HEIF..."),
        click.option("--orientation", metavar="NAME", help="landscape, portrait or square."),
    )
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tellshow")
@home_option
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Tell it a sentence, it shows the pictures."""
    context.obj = home


# -- wiring -----------------------------------------------------------------------------


@contextmanager
def _catalog(home: Path | None) -> Iterator[tuple[Home, Database]]:
    """An open home; `--home` of the command, then of the group, then the environment's."""
    from catalog.home import open_home
    from catalog.session import open_database

    opened = open_home(home or click.get_current_context().obj)
    database = open_database(opened)
    try:
        yield opened, database
    finally:
        database.close()


def _models(
    model: Path | None, device: str | None, embedder: str | None = None
) -> tuple[Captioner, SentenceEmbedder]:
    from captioner.checkpoint import load_checkpoint
    from captioner.embedder import SentenceEmbedder

    captioner = load_checkpoint(model, device)
    return captioner, SentenceEmbedder(embedder or captioner.embedder_name)


def _answering(home: Home, database: Database, device: str | None) -> SearchEngine:
    """An engine with the captioner that answers, passing over those that cannot be loaded."""
    from captioner.checkpoint import CheckpointError
    from captioner.embedder import EmbedderUnavailable
    from search.engine import SearchEngine

    passed: set[int] = set()
    while (chosen := _chosen(home, database, passed)) is not None:
        try:
            models = _models(_file_of(home, chosen), device, chosen.embedder)
            return SearchEngine(home, database, *models)
        except (CheckpointError, EmbedderUnavailable) as error:
            _note(f"{chosen.name} cannot answer: {_sentence(error)}")
            passed.add(chosen.model_id)
    return SearchEngine(home, database, *_models(None, device))


def _chosen(
    home: Home, database: Database, passed: Collection[int] = frozenset()
) -> Described | None:
    """The newest captioner whose file is there and that is complete; None in a new home."""
    from catalog.answering import answering, described

    with database.read() as session:
        usable = {
            each.model_id: each
            for each in described(session)
            if each.model_id not in passed and _file_of(home, each)
        }
        model_id = answering(session, list(usable))
    return None if model_id is None else usable[model_id]


def _file_of(home: Home, model: Described) -> Path | None:
    """A captioner's checkpoint, if the home keeps it or it is the shipped one."""
    from captioner.checkpoint import DEFAULT_CHECKPOINT
    from catalog.checkpoints import KeptCheckpoints

    kept = KeptCheckpoints(home).path(model.sha256)
    if kept is None and model.sha256 == _sha256(DEFAULT_CHECKPOINT):
        return DEFAULT_CHECKPOINT
    return kept


@functools.cache
def _sha256(path: Path) -> str | None:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _describing(
    home: Home, database: Database, model: Path | None, device: str | None, embedder: str | None
) -> tuple[Captioner, SentenceEmbedder]:
    """What indexes a home: as named, else as a person chose last for it, else as shipped.

    The home keeps the checkpoint, so that searches find it whatever is shipped later.
    """
    from captioner.checkpoint import DEFAULT_CHECKPOINT
    from catalog.answering import described
    from catalog.checkpoints import KeptCheckpoints

    kept = KeptCheckpoints(home)
    with database.read() as session:
        last = described(session)[-1:]
    if model is None and last and kept.is_chosen(last[0].sha256):
        embedder = embedder or last[0].embedder
        return _models(kept.path(last[0].sha256), device, embedder)
    captioner, sentences = _models(model, device, embedder)
    if model is None:
        kept.keep_shipped(DEFAULT_CHECKPOINT, captioner.sha256)
    else:
        kept.keep_chosen(model, captioner.sha256)
    return captioner, sentences


@contextmanager
def _engine(home: Path | None, model: Path | None, device: str | None) -> Iterator[SearchEngine]:
    from search.engine import SearchEngine

    with _catalog(home) as (opened, database):
        if model is None:
            yield _answering(opened, database, device)
        else:
            yield SearchEngine(opened, database, *_models(model, device))


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=True))


def _note(message: str) -> None:
    click.echo(message, err=True)


class _Bar:
    """A progress bar on stderr, silent where stderr is no terminal."""

    def __init__(self, unit: str) -> None:
        from tqdm import tqdm

        self._make = functools.partial(tqdm, unit=f" {unit}", disable=None, file=sys.stderr)
        self._bar = self._make(total=0)

    def start(self, total: int) -> None:
        self._bar.close()
        self._bar = self._make(total=total)

    def phase(self, name: str, total: int) -> None:
        self.start(total)
        self._bar.set_description(name)

    def advance(self, count: int) -> None:
        self._bar.update(count)

    def skipped(self, path: str, reason: str) -> None:
        self._bar.write(f"skipped {path}: {reason}", file=sys.stderr)

    def epoch(self, report: Any) -> None:
        recall = report.dev_head
        self._bar.write(
            f"epoch {report.epoch} ({report.stage}): loss {report.loss:.3f}, "
            f"dev {report.dev_likelihood:.3f} nats a word, "
            f"head R@1 {recall.r1:.1f} R@10 {recall.r10:.1f}",
            file=sys.stderr,
        )

    def finish(self) -> None:
        self._bar.close()


# -- indexing ---------------------------------------------------------------------------


@cli.command()
@click.argument("folders", nargs=-1, required=True, type=_FILE)
@click.option(
    "--prune", is_flag=True, help="Remove vanished photos even if most of a folder is gone."
)
@click.option("--watch", is_flag=True, help="Go on, and follow what changes until Ctrl-C.")
@click.option("--batch-size", type=click.IntRange(1, 1024), show_default="32; on CUDA 256")
@model_option
@embedder_option
@device_option
@json_option
@home_option
def index(
    folders: tuple[Path, ...],
    prune: bool,
    watch: bool,
    batch_size: int | None,
    model: Path | None,
    embedder: str | None,
    device: str | None,
    as_json: bool,
    home: Path | None,
) -> None:
    """Add or refresh the photos in FOLDERS."""
    from indexer.pipeline import Indexer, IndexOptions

    for folder in folders:
        if folder.is_file():
            raise Failed(f"{folder} is a file; give the folder that holds it")
    with _catalog(home) as (opened, database):
        _check_folders(database, folders)
        captioner, sentences = _describing(opened, database, model, device, embedder)
        options = IndexOptions(batch_size=batch_size, prune=prune)
        indexer, bar = Indexer(opened, database, captioner, sentences, options), _Bar("photos")
        try:
            if watch:
                _keep_indexing(indexer, opened, folders, bar, as_json)
            else:
                _index_once(indexer, folders, bar, as_json)
        finally:
            bar.finish()


def _index_once(indexer: Indexer, folders: tuple[Path, ...], bar: _Bar, as_json: bool) -> None:
    report = indexer.index(folders, bar)
    _report_index(report, as_json)
    seen = report.indexed + report.unchanged + report.moved + report.duplicates
    seen += report.removed + report.withheld
    if not seen and not report.skipped and not report.offline_roots:
        raise Failed(f"there are no photos in {', '.join(map(str, folders))}")


def _keep_indexing(
    indexer: Indexer, home: Home, folders: tuple[Path, ...], bar: _Bar, as_json: bool
) -> None:
    """Until interrupted: a report of the first pass, and of each that changed something."""
    from indexer.progress import EachOnce
    from indexer.watch import times_to_look

    progress = EachOnce(bar)
    own = (home.thumbnails, home.vectors, home.models)
    for number, _ in enumerate(times_to_look(folders, own)):
        report = _index_when_free(indexer, folders, progress)
        if number == 0 or report.changed:
            _report_index(report, as_json)


def _index_when_free(
    indexer: Indexer, folders: tuple[Path, ...], progress: Progress
) -> IndexReport:
    from catalog.session import ConnectionLost, WriterBusy

    told = False
    while True:
        try:
            return indexer.index(folders, progress)
        except (ConnectionLost, WriterBusy) as error:
            if not told:
                _note(f"{error} Waiting for it.")
            told = True
            time.sleep(_BUSY_SECONDS)


def _check_folders(database: Database, folders: tuple[Path, ...]) -> None:
    """Refuse a folder that never was before the model is loaded, which takes seconds."""
    from indexer.folders import resolve_folders, split_offline

    with database.read() as session:
        split_offline(session, resolve_folders(folders))


def _report_index(report: IndexReport, as_json: bool) -> None:
    if as_json:
        _print_json(report.to_json())
    else:
        click.echo(
            f"{report.indexed} indexed, {report.unchanged} unchanged, {report.moved} moved, "
            f"{report.duplicates} duplicates, {report.removed} removed, "
            f"{len(report.skipped)} skipped in {report.seconds:.1f} s "
            f"({report.photos_per_second:.1f} photos/s)"
        )
        for reason, count in report.by_reason():
            click.echo(f"{count:6d} skipped: {reason}")
    for root in report.offline_roots:
        _note(f"{root} cannot be reached; its photos stay indexed")
    for held_back in report.held_back:
        _note(str(held_back))
    if report.withheld:
        _note(
            f"{report.withheld} photos are gone from their folder; they stay indexed, as that is "
            "most of it: if you removed them, run again with --prune"
        )


# -- searching --------------------------------------------------------------------------


@cli.command()
@click.argument("query")
@click.option("-k", "count", type=int, default=10, show_default=True, help="How many results.")
@click.option("--offset", type=int, default=0, help="Leave out the first results.")
@click.option("--candidates", type=int, default=200, show_default=True, help="Photos to re-rank.")
@click.option(
    "--stage",
    type=click.Choice(["combined", "likelihood", "retrieve"]),
    default="combined",
    show_default=True,
    help="Both stages, the captioner alone (on every photo), or the vectors alone.",
)
@filter_options
@click.option("--not", "excluded", multiple=True, help="What photos shall not show.")
@click.option("--rather-than", default="", help="What photos shall show less than QUERY.")
@click.option("--explain", is_flag=True, help="Say where the captioner looked for each word.")
@model_option
@device_option
@json_option
@home_option
def search(
    query: str,
    count: int,
    offset: int,
    candidates: int,
    stage: str,
    excluded: tuple[str, ...],
    rather_than: str,
    explain: bool,
    model: Path | None,
    device: str | None,
    as_json: bool,
    home: Path | None,
    folder: Path | None,
    **filters: str | None,
) -> None:
    """Show the photos that QUERY describes, best first; word^2 counts a word twice."""
    from search.filters import read_filter
    from search.query import SearchRequest

    below = str(folder.expanduser().resolve()) if folder else None
    request = SearchRequest(
        query, count, offset, candidates, stage, read_filter(folder=below, **filters),
        excluded, rather_than, explain,
    )  # fmt: skip
    with _engine(home, model, device) as engine:
        answer = engine.search(request)
        # Counting takes a while in a large catalog, and only an empty answer needs the reason.
        indexed = bool(answer.results) or engine.status().photos > 0
    _print_json(answer.to_json()) if as_json else _print_answer(answer)
    if not indexed:
        _note("nothing is indexed yet; start with: tellshow index FOLDER")
    elif not answer.results and not offset and request.filters != read_filter():
        _note("no photo passes the filters; tellshow status lists the folders there are")
    elif not answer.results and not offset:
        _note("no photo is indexed by this captioner; run tellshow index again")


def _print_answer(answer: SearchAnswer) -> None:
    if answer.nothing_fits:
        _note("no photo fits this convincingly; these come nearest:")
    for place, result in enumerate(answer.results, start=1):
        fits = "weak" if result.weak else f"{result.probability:.0%}"
        click.echo(f"{place:3d}  {result.score:8.2f}  {fits:>4s}  {result.path}")
        click.echo(f"               {result.caption}")
        _print_words(result.words, "               ")
    in_paths = {word for result in answer.results for word in result.matched}
    _note_unknown(answer.unknown_words, answer.nearest_words, in_paths)


def _print_words(words: Sequence[WordGain], indent: str) -> None:
    """Gains on one line, or one line a word where it is known where the captioner looked."""
    from search.explain import WordMap, place_of

    told = [f"{word.word} {word.gain:+.1f}" for word in words]
    places = [place_of(word.map) for word in words if isinstance(word, WordMap)]
    if not places:
        click.echo(indent + "  ".join(told))
    for word, place in zip(words, places, strict=False):
        click.echo(f"{indent}{word.word:12s} {word.gain:+6.1f}  {place}")


def _note_unknown(
    unknown_words: Iterable[str], nearest_words: dict[str, str], in_paths: Collection[str] = ()
) -> None:
    for word in unknown_words:
        nearest = nearest_words.get(word)
        read_as = f"read as {nearest!r}" if nearest else "left out of the likelihood"
        lifted = "; photos with it in their path come first" if word in in_paths else ""
        _note(f"the captioner never learned the word {word!r}: {read_as}{lifted}")


@cli.command("complete")
@click.argument("query")
@click.option("-k", "count", type=int, default=8, show_default=True, help="How many words.")
@model_option
@device_option
@json_option
@home_option
def complete_command(
    query: str,
    count: int,
    model: Path | None,
    device: str | None,
    as_json: bool,
    home: Path | None,
) -> None:
    """Show the words that may come next in QUERY, or complete its last one."""
    from search.complete import complete

    with _engine(home, model, device) as engine:
        answer = complete(engine, query, count)
    if as_json:
        _print_json(answer.to_json())
        return
    for each in answer.completions:
        click.echo(f"{each.probability:6.1%}  {each.text}")
    _note_unknown(answer.unknown_words, answer.nearest_words)


@cli.command()
@click.argument("photo", type=_FILE)
@click.option("-k", "count", type=click.IntRange(1, 200), default=10, show_default=True)
@model_option
@device_option
@json_option
@home_option
def similar(
    photo: Path,
    count: int,
    model: Path | None,
    device: str | None,
    as_json: bool,
    home: Path | None,
) -> None:
    """Show indexed photos that look like PHOTO."""
    with _engine(home, model, device) as engine:
        found = engine.similar(_look(engine.captioner, photo), count)
    if as_json:
        _print_json({"path": str(photo), "results": [result.to_json() for result in found]})
        return
    for place, result in enumerate(found, start=1):
        click.echo(
            f"{place:3d}  {result.similarity:6.3f}  {result.path}\n             {result.caption}"
        )


# -- the captioner alone ------------------------------------------------------------------


def _look(captioner: Captioner, photo: Path) -> Any:
    """One photo's state; nothing is stored."""
    from search.look import look

    return look(captioner, photo.read_bytes())


@cli.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@model_option
@device_option
@json_option
def caption(files: tuple[Path, ...], model: Path | None, device: str | None, as_json: bool) -> None:
    """Describe FILES; nothing is stored."""
    from captioner.checkpoint import load_checkpoint
    from captioner.generate import generate_captions
    from captioner.photo import UnreadablePhoto

    captioner, described, skipped = load_checkpoint(model, device), [], []
    for file in files:
        try:
            captions = generate_captions(captioner, _look(captioner, file))[0]
        except (UnreadablePhoto, OSError) as error:
            skipped.append({"path": str(file), "reason": _sentence(error)})
            _note(f"{file}: {_sentence(error)}")
            continue
        texts = [{"text": each.text, "log_likelihood": each.log_likelihood} for each in captions]
        described.append({"path": str(file), "captions": texts})
        if not as_json:
            click.echo(f"{file}")
            for each in captions:
                click.echo(f"  {each.log_likelihood:8.2f}  {each.text}")
    if as_json:
        _print_json({"photos": described, "skipped": skipped})
    if not described:
        raise Failed("none of the files is a photo that can be read")


@cli.command()
@click.argument("file", type=_FILE)
@click.argument("sentences", nargs=-1, required=True)
@model_option
@device_option
@json_option
def score(
    file: Path, sentences: tuple[str, ...], model: Path | None, device: str | None, as_json: bool
) -> None:
    """Evidence and log p(sentence | photo) of SENTENCES on the photo FILE, best first, in nats."""
    from search.sentences import check_sentences, rank_sentences

    check_sentences(sentences)
    captioner, embedder = _models(model, device)
    ranked = rank_sentences(captioner, embedder, sentences, _look(captioner, file))
    for each in ranked:
        if not each.words:
            raise Failed(f"the captioner learned no word of {each.sentence!r}")
    if as_json:
        _print_json({"path": str(file), "sentences": [each.to_json() for each in ranked]})
        return
    for each in ranked:
        click.echo(f"{each.evidence:+8.2f}  {each.log_likelihood:8.2f}  {each.sentence}")
        _print_words(each.words, "                    ")
        _note_unknown(each.unknown_words, each.nearest_words)


@cli.command("explain")
@click.argument("file", type=_FILE)
@click.argument("query")
@model_option
@device_option
@json_option
def explain_command(
    file: Path, query: str, model: Path | None, device: str | None, as_json: bool
) -> None:
    """Why QUERY does or does not describe the photo FILE, and which word costs it most."""
    from search.explain import explain
    from search.query import check_text

    check_text("q", query)
    captioner, embedder = _models(model, device)
    found = explain(captioner, embedder, query, _look(captioner, file))
    _print_json({"path": str(file), **found.to_json()}) if as_json else _print_explanation(found)


def _print_explanation(found: Explanation) -> None:
    if found.words:
        click.echo(f"evidence {found.evidence:+.2f}, log-likelihood {found.log_likelihood:.2f}")
        _print_words(found.words, "  ")
    if found.costliest and found.costliest.gain < 0:
        cost = found.costliest
        instead = f"evidence {cost.evidence:+.2f} instead of {found.evidence:+.2f}"
        click.echo(f"without {cost.word!r}: {instead}")
    _note_unknown(found.unknown_words, found.nearest_words)


# -- the server ---------------------------------------------------------------------------


def _origins(
    _: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    """Sites as browsers name them, checked before the models are loaded."""
    if given:
        from web import InvalidOrigin, WebConfig

        try:
            WebConfig(allow_origins=given)
        except InvalidOrigin as error:
            raise click.BadParameter(str(error), param=parameter) from error
    return given


def door_options(command: F) -> F:
    """The options that say who may ask a server, and how often."""
    options = (
        click.option(
            "--allow-origin",
            metavar="ORIGIN",
            multiple=True,
            callback=_origins,
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
            "--trusted-proxy", metavar="ADDRESS", help="Believe this proxy who its clients are."
        ),
    )
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


@cli.command()
@door_options
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option("--token", help="What clients must show; made up when listening elsewhere.")
@click.option(
    "--allow-index",
    "indexable",
    metavar="FOLDER",
    type=_FILE,
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
    indexable: tuple[Path, ...],
    model: Path | None,
    device: str | None,
    home: Path | None,
    allow_origin: tuple[str, ...],
    rate_limit: int,
    trusted_host: tuple[str, ...],
    trusted_proxy: str | None,
) -> None:
    """Serve the search page and the JSON API."""
    from search.query import SearchRequest
    from web import WebConfig, create_app, indexing_of, is_loopback, new_token
    from web.server import serve as serve_app

    if token is None and not is_loopback(host):
        token = new_token()
        _note(f"listening beyond this machine needs a token; this one was made up: {token}")
    folders = _indexable(indexable)
    with _engine(home, model, device) as engine:
        engine.search(SearchRequest("a photo"))  # loads what the first visitor would wait for
        config = WebConfig(
            host=host,
            port=port,
            token=token,
            allow_origins=allow_origin,
            rate_limit=rate_limit,
            trusted_hosts=trusted_host,
            indexable=folders,
            index_command=_index_command(engine.home, model, device),
        )
        app = create_app(engine, config)
        indexing = indexing_of(app)
        with nullcontext() if model else _following(app, home, device), closing(indexing):
            _when_told_to_end(indexing.hush)
            serve_app(
                app,
                host,
                port,
                trusted_proxy=trusted_proxy,
                on_ready=lambda url: _note(f"tellshow is at {url}"),
            )


def _indexable(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Absolute folders, each once; one that is not there may be on a disk that comes later."""
    for folder in folders:
        if folder.is_file():
            raise Failed(f"{folder} is a file; give the folder that holds it")
    return tuple(dict.fromkeys(folder.expanduser().resolve() for folder in folders))


def _index_command(home: Home, model: Path | None, device: str | None) -> tuple[str, ...]:
    """What indexes a folder that stands behind it, for this home, as this server would."""
    options = {"--home": home.path, "--model": model and model.absolute(), "--device": device}
    given = [str(part) for name, value in options.items() if value for part in (name, value)]
    return (sys.executable, str(Path(__file__).absolute()), "index", "--json", *given, "--")


def _when_told_to_end(first: Callable[[], None]) -> None:
    """On Ctrl-C and SIGTERM do this before anything is waited for."""

    def end(number: int, frame: object) -> None:
        first()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


# How often a server looks whether a newer captioner is complete, in seconds.
_LOOK_AGAIN = 60.0


@contextmanager
def _following(app: Flask, home: Path | None, device: str | None) -> Iterator[None]:
    """While this is open, `app` goes over to a newer captioner as soon as that is complete."""
    from threading import Event, Thread

    stop = Event()
    with _catalog(home) as (opened, database):
        thread = Thread(target=_follow, args=(app, opened, database, device, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _follow(app: Flask, home: Home, database: Database, device: str | None, stop: Event) -> None:
    from catalog.session import DatabaseUnavailable
    from search.query import SearchRequest
    from web import replace_engine

    known = _chosen(home, database)
    while not stop.wait(_LOOK_AGAIN):
        try:
            found = _chosen(home, database)
            if (found and found.model_id) == (known and known.model_id):
                continue
            engine = _answering(home, database, device)
            engine.search(SearchRequest("a photo"))
        except (DatabaseUnavailable, OSError) as error:
            _note(f"the captioner stays as it is for now: {_sentence(error)}")
            continue
        known = found
        replace_engine(app, engine)
        _note(f"from now on {engine.captioner.name} answers")


# -- training and evaluation ----------------------------------------------------------------


@cli.command()
@click.option("--captions", required=True, type=_FILE, help="TSV, COCO or Karpathy JSON.")
@click.option("--images", required=True, type=_FILE, help="The folder of the photos.")
@click.option("--dev-captions", required=True, type=_FILE, help="Photos to choose and fit on.")
@click.option("--dev-images", type=_FILE, help="Their folder (default: --images).")
@click.option("--output", required=True, type=_FILE, help="The checkpoint to write.")
@click.option("--run", "run_folder", type=_FILE, help="Kept between kills (default: OUTPUT.run).")
@click.option("--backbone", default="efficientnet_lite2", show_default=True)
@click.option("--backbone-weights", type=_FILE, help="A file of them (default: the CNN's own).")
@click.option("--frozen-stages", type=int, help="Leading stages left as they are.")
@click.option("--recipe", type=click.Choice(["full", "seed"]), default="full", show_default=True)
@click.option("--likelihood-epochs", type=click.IntRange(0), help="Maximum likelihood.")
@click.option("--contrastive-epochs", type=click.IntRange(0), help="Likelihood that ranks.")
@click.option("--photos-per-step", type=click.IntRange(1))
@click.option("--views", type=click.IntRange(1), help="Augmented views of each photo.")
@click.option("--min-word-count", type=click.IntRange(1), default=4, show_default=True)
@click.option("--fit-queries", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@embedder_option
@device_option
@json_option
def train(as_json: bool, **options: Any) -> None:
    """Train a captioner, fit how its scores combine, and write a checkpoint."""
    from captioner.checkpoint import choose_device, save_checkpoint
    from captioner.embedder import DEFAULT_EMBEDDER, SentenceEmbedder
    from captioner.recipe import train_captioner

    recipe = _recipe(options)
    embedder = SentenceEmbedder(options["embedder"] or DEFAULT_EMBEDDER)
    device, bar = choose_device(options["device"]), _Bar("photos")
    try:
        captioner = train_captioner(recipe, embedder, device, bar)
        save_checkpoint(captioner, options["output"])
        evaluation = _fit(options["output"], recipe, options, bar)
    finally:
        bar.finish()
    if as_json:
        _print_json(evaluation.to_json())
    else:
        click.echo(f"wrote {options['output']}")


def _recipe(options: dict[str, Any]) -> Recipe:
    """Options to a Recipe; what was not given keeps its default."""
    from captioner.captioner import CaptionerConfig
    from captioner.dataset import read_captions
    from captioner.encoder import EncoderConfig
    from captioner.recipe import Recipe, seed_course
    from captioner.train import TrainSettings

    names = ("likelihood_epochs", "contrastive_epochs", "photos_per_step", "views", "seed")
    given = {name: options[name] for name in names if options[name] is not None}
    encoder = EncoderConfig(backbone=options["backbone"])
    if options["frozen_stages"] is not None:
        encoder = replace(encoder, frozen_stages=options["frozen_stages"])
    config = CaptionerConfig(encoder=encoder)
    images, output = options["images"], options["output"]
    return Recipe(
        name=output.stem,
        train=tuple(read_captions(options["captions"], images, "train")),
        dev=tuple(read_captions(options["dev_captions"], options["dev_images"] or images, "val")),
        folder=options["run_folder"] or output.with_suffix(".run"),
        backbone_weights=options["backbone_weights"],
        min_word_count=options["min_word_count"],
        config=seed_course(config) if options["recipe"] == "seed" else config,
        settings=TrainSettings(**given),
    )


def _fit(checkpoint: Path, recipe: Recipe, options: dict[str, Any], bar: _Bar) -> Evaluation:
    """Fit the weights of the combined score on dev, measure, and write both down."""
    import numpy as np

    from captioner.checkpoint import save_checkpoint
    from search.evaluate import collect, evaluate, sample_queries
    from search.fusion import fit_ranking

    captioner, embedder = _models(checkpoint, options["device"], options["embedder"])
    with _temporary_engine(captioner, embedder, recipe.dev, bar) as (engine, views):
        queries = sample_queries(recipe.dev, options["fit_queries"])
        ids = np.array([view.photo_id for view in views])
        bar.phase("fitting", len(queries))
        measured = collect(engine, ids, queries, bar.advance)
        captioner.provenance.ranking = fit_ranking(measured, captioner.provenance.ranking)
        bar.phase("evaluating", len(queries))
        evaluation = evaluate(engine, recipe.dev, views, queries, bar.advance, measured)
    captioner.provenance.metrics = evaluation.to_json()
    save_checkpoint(captioner, checkpoint)
    return evaluation


@contextmanager
def _temporary_engine(
    captioner: Captioner, embedder: SentenceEmbedder, photos: Any, bar: _Bar
) -> Iterator[tuple[SearchEngine, list[Any]]]:
    """An engine over just these captioned photos, and each one's view in their order."""
    from catalog.home import open_home
    from catalog.photos import list_photos
    from catalog.session import open_database
    from indexer.pipeline import Indexer
    from search.engine import SearchEngine

    with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
        album, home = Path(folder) / "photos", open_home(Path(folder) / "home")
        album.mkdir()
        for number, photo in enumerate(photos):
            (album / f"{number:06d}{photo.path.suffix}").symlink_to(photo.path.resolve())
        home = replace(home, database_url=f"sqlite:///{home.path / 'catalog.db'}")
        database = open_database(home)
        try:
            Indexer(home, database, captioner, embedder).index([album], bar)
            with database.read() as session:
                views = sorted(list_photos(session), key=lambda view: view.path)
            if len(views) < len(photos):
                raise Failed(f"only {len(views)} of {len(photos)} photos could be read")
            yield SearchEngine(home, database, captioner, embedder), views
        finally:
            database.close()


@cli.command("evaluate")
@click.option("--captions", required=True, type=_FILE, help="TSV, COCO or Karpathy JSON.")
@click.option("--images", required=True, type=_FILE, help="The folder of the photos.")
@click.option("--split", help="Which of Karpathy's splits (default: all).")
@click.option("--queries", type=click.IntRange(1), help="Sample this many captions (seed 0).")
@model_option
@embedder_option
@device_option
@json_option
def evaluate_command(
    captions: Path,
    images: Path,
    split: str | None,
    queries: int | None,
    model: Path | None,
    embedder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Measure recall and captions on a captioned set, with the product's own engine."""
    from captioner.dataset import read_captions
    from search.evaluate import evaluate, sample_queries

    photos = read_captions(captions, images, split)
    captioner, sentences = _models(model, device, embedder)
    bar = _Bar("photos")
    try:
        with _temporary_engine(captioner, sentences, photos, bar) as (engine, views):
            asked = sample_queries(photos, queries)
            bar.phase("queries", 2 * len(asked))
            evaluation = evaluate(engine, photos, views, asked, bar.advance)
    finally:
        bar.finish()
    _print_json(evaluation.to_json()) if as_json else _print_evaluation(evaluation)


def _print_evaluation(evaluation: Evaluation) -> None:
    click.echo(f"{evaluation.queries} queries over {evaluation.photos} photos")
    rows = {**evaluation.text_to_image, "photo -> text": evaluation.image_to_text}
    for name, recall in rows.items():
        click.echo(
            f"{name:14s} R@1 {recall.r1:5.1f}  R@5 {recall.r5:5.1f}  R@10 {recall.r10:5.1f}  "
            f"median rank {recall.median_rank:g}"
        )
    scores = "  ".join(
        f"{name} {value:.1f}" for name, value in evaluation.captions.to_json().items()
    )
    click.echo(f"captions       {scores}")


# -- the collection -------------------------------------------------------------------------


@cli.command()
@model_option
@json_option
@home_option
def status(model: Path | None, as_json: bool, home: Path | None) -> None:
    """Say what is indexed and by which model."""
    with _engine(home, model, "cpu") as engine:
        found = engine.status()
    if as_json:
        _print_json(found.to_json())
        return
    click.echo(f"{found.photos} photos, {found.captions} captions, {found.vectors} vectors")
    click.echo(f"{found.failures} files that could not be read")
    click.echo(f"captioner {found.model}, sentence embedder {found.embedder}")
    _print_models(found)
    if found.sqlite:
        click.echo(f"SQLite {found.sqlite}")
    for root in found.roots:
        click.echo(f"{root.path}: {root.photos} photos, {'online' if root.online else 'offline'}")


def _print_models(found: Status) -> None:
    """How far each captioner is, where there is more than one."""
    answering = [each.sha256 for each in found.models if each.answers]
    for each in found.models if len(found.models) > 1 else ():
        told = f"{each.name} ({each.sha256[:12]}): {each.photos} of {found.photos} photos described"
        click.echo(told + (", answers searches" if each.answers else ""))
    newest = found.models[-1] if found.models else None
    if newest and answering and not newest.answers:
        away = [root.path for root in found.roots if root.photos and not root.online]
        click.echo(
            f"{newest.name} answers once it has described what the others have; "
            "until then run tellshow index on your folders"
            + (f", also on {', '.join(away)}, offline now" if away else "")
        )


@cli.command()
@model_option
@home_option
def rebuild(model: Path | None, home: Path | None) -> None:
    """Make the FAISS files anew from the database."""
    with _engine(home, model, "cpu") as engine:
        count = engine.rebuild()
    click.echo(f"rebuilt from the database: {count} vectors")


@cli.command()
@click.option("--drop", metavar="NAME", help="Drop what a captioner made; or its SHA-256's start.")
@json_option
@home_option
def models(drop: str | None, as_json: bool, home: Path | None) -> None:
    """List the checkpoints: the shipped one and those that made rows of this home."""
    from captioner.checkpoint import load_checkpoint
    from catalog.photos import list_models

    if drop is not None:
        _drop_model(home, drop, as_json)
        return
    shipped = load_checkpoint(None, "cpu")
    with _catalog(home) as (_, database), database.read() as session:
        used = list_models(session)
    rows = [{"kind": "captioner", "name": shipped.name, "sha256": shipped.sha256, "shipped": True}]
    rows += [
        {"kind": each.kind, "name": each.name, "sha256": each.sha256, "shipped": False}
        for each in used
        if (each.name, each.sha256) != (shipped.name, shipped.sha256)
    ]
    if as_json:
        _print_json({"models": rows})
        return
    for row in rows:
        click.echo(f"{row['kind']:10s} {str(row['sha256'])[:12]}  {row['name']}")


def _drop_model(home: Path | None, wanted: str, as_json: bool) -> None:
    from catalog.answering import described, remove_model
    from catalog.checkpoints import KeptCheckpoints
    from catalog.session import writer_lock

    with _catalog(home) as (opened, database), writer_lock(opened):
        with database.read() as session:
            used = described(session)
        model = _named(used, wanted)
        if model == _chosen(opened, database):
            raise Failed(f"{model.name} answers searches; index with another captioner first")
        with database.write() as session:
            remove_model(session, model.model_id)
        for folder in opened.vectors.glob(f"{model.model_id}-*"):
            shutil.rmtree(folder)
        if [each.sha256 for each in used].count(model.sha256) == 1:
            KeptCheckpoints(opened).drop(model.sha256)
    if as_json:
        dropped = {"name": model.name, "sha256": model.sha256, "photos": model.photos}
        _print_json({"dropped": dropped})
    else:
        click.echo(f"dropped {model.name} and what it made of {model.photos} photos")


def _named(used: Sequence[Described], wanted: str) -> Described:
    """The one captioner with this name, or whose SHA-256 begins like this."""
    found = [each for each in used if wanted and each.sha256.startswith(wanted)]
    found = [each for each in used if each.name == wanted] or found
    if len(found) != 1:
        which = "no captioner" if not found else "more than one captioner"
        raise Failed(f"{which} here is called {wanted!r}; tellshow models lists them by SHA-256")
    return found[0]


# What was found and what a person can do about it, where the doctor could not do it.
_INDEX_THEM = "run tellshow index on their folders"
_PROBLEMS = {
    "database": (
        "faults in the database file",
        "restore the home from a backup, or move catalog.db away and index your folders again",
    ),
    "references": ("rows that refer to rows that are gone", ""),
    "not_described": ("photos that are known and not described yet", _INDEX_THEM),
    "half_described": ("photos of which a part of the description is missing", _INDEX_THEM),
    "words": ("photos whose words are not noted as they are", ""),
    "vectors": ("vector files missing, damaged or behind the database", ""),
    "orphans": ("files in the home that belong to nothing", ""),
    "old_failures": ("files that could not be read and are gone by now", ""),
    "thumbnails": ("photos without a thumbnail", _INDEX_THEM),
}


@cli.command()
@click.option("--dry-run", is_flag=True, help="Change nothing; only say what is wrong.")
@json_option
@home_option
def doctor(dry_run: bool, as_json: bool, home: Path | None) -> None:
    """Check database, vectors and home against each other, and mend what can be mended."""
    from catalog.doctor import Doctor

    with _catalog(home) as (opened, database):
        found = Doctor(opened, database, mend=not dry_run).examine()
    _print_json(_diagnosis(found)) if as_json else _print_diagnosis(found)
    if not found.is_well:
        raise Failed("some of this is left to do")


def _diagnosis(found: Diagnosis) -> dict[str, Any]:
    findings = [{**asdict(each), "advice": _advice(each)} for each in found.findings]
    return {"well": found.is_well, "failures": found.failures, "findings": findings}


def _advice(finding: Finding) -> str:
    if finding.mended:
        return ""
    return _PROBLEMS[finding.problem][1] or "run tellshow doctor without --dry-run"


def _print_diagnosis(found: Diagnosis) -> None:
    for each in found.findings:
        click.echo(f"{each.count} {_PROBLEMS[each.problem][0]}: {_advice(each) or 'mended'}")
        for name in each.examples:
            click.echo(f"  {name}")
        if each.count > len(each.examples):
            click.echo(f"  and {each.count - len(each.examples)} more")
    if found.failures:
        click.echo(f"{found.failures} files could not be read; tellshow index says why")
    if found.is_well:
        click.echo("all is well")


_DEMO_QUERIES = ("a man takes a picture in a field", "a person in an orange suit")


@cli.command()
@home_option
@device_option
def demo(home: Path | None, device: str | None) -> None:
    """Index a dozen sample photos into a home of their own and ask for two of them."""
    from catalog.home import open_home
    from catalog.session import open_database
    from indexer.pipeline import Indexer
    from indexer.samples import copy_sample_photos
    from search.engine import SearchEngine
    from search.query import SearchRequest

    opened = open_home(home or _demo_home())
    album = opened.path / "photos"
    album.mkdir(exist_ok=True)
    copy_sample_photos(album)
    database, bar = open_database(opened), _Bar("photos")
    try:
        captioner, embedder = _describing(opened, database, None, device, None)
        report = Indexer(opened, database, captioner, embedder).index([album], bar)
        bar.finish()
        _report_index(report, as_json=False)
        engine = SearchEngine(opened, database, captioner, embedder)
        for query in _DEMO_QUERIES:
            click.echo(f'\n"{query}"')
            _print_answer(engine.search(SearchRequest(query, k=3)))
    finally:
        database.close()
    command = f"{Path(sys.argv[0])} serve --home {opened.path}"
    click.echo(f"\nOpen the page: run\n  {command}\nthen visit http://127.0.0.1:8765")


def _demo_home() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("tellshow")) / "demo"


# -- errors -----------------------------------------------------------------------------


def _known_errors() -> tuple[type[Exception], ...]:
    """Errors whose own message is a sentence for people."""
    from captioner.backbone import UnknownBackbone
    from captioner.checkpoint import CheckpointError, DeviceUnavailable
    from captioner.dataset import DatasetError
    from captioner.embedder import EmbedderUnavailable
    from captioner.photo import UnreadablePhoto
    from catalog.home import HomeNotWritable
    from catalog.indexkind import UnknownIndexKind
    from catalog.lock import WriterBusy
    from catalog.session import DatabaseUnavailable
    from catalog.vectors import FaissMissing
    from indexer.pipeline import FolderNotFound, NotAFolder
    from indexer.samples import SamplesUnavailable
    from indexer.watch import CannotWatch

    return (
        CheckpointError, DeviceUnavailable, DatasetError, EmbedderUnavailable, UnknownBackbone,
        UnreadablePhoto, HomeNotWritable, WriterBusy, DatabaseUnavailable, FaissMissing,
        UnknownIndexKind, FolderNotFound, NotAFolder, SamplesUnavailable, CannotWatch,
    )  # fmt: skip


def _sentence(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return " ".join(str(error).split())


def _fail(message: str, code: Exit) -> Exit:
    _note(f"tellshow: {message}")
    return code


def run(arguments: list[str] | None = None) -> Exit:
    """Run one command and return its exit code."""
    try:
        cli.main(arguments, prog_name="tellshow", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted; what was done so far is saved", Exit.INTERRUPTED)
    except Failed as error:
        return _fail(error.message, Exit.FAILED)
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except Exception as error:
        return _word(error)
    return Exit.DONE


def _word(error: Exception) -> Exit:
    """The exit code of an error that people can mend; others are raised again as bugs."""
    from search.query import InvalidQuery

    if isinstance(error, InvalidQuery):
        return _fail(_sentence(error), Exit.USAGE)
    if isinstance(error, (OSError, *_known_errors())):
        return _fail(_sentence(error), Exit.FAILED)
    raise error


def main() -> None:
    """The `tellshow` command; told to end by the system, it saves first, as on Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run())


if __name__ == "__main__":
    main()
