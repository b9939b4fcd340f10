"""The output of commands as text or JSON: results to stdout, everything else to stderr."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.common.terminal import Styled, echo, terminal_width

if TYPE_CHECKING:
    from indexer.pipeline import IndexReport
    from indexer.report import HeldBack
    from search.guess import Guess
    from search.rerank import WordGain
    from search.results import SearchAnswer, SearchResult

_log = logging.getLogger("tellshow")
_UNDER_PATH = " " * 11  # as wide as rank and probability


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout, on one line, in ASCII."""
    import json

    click.echo(json.dumps(value, ensure_ascii=True))


def note(message: str) -> None:
    """Print a message on stderr: anything that is no result; a log record where logs are JSON."""
    if _log.level:  # set by json_log.py alone
        _log.info(message)
    else:
        echo(message, err=True)


def print_answer(
    answer: SearchAnswer,
    guesses: Mapping[int, Guess],
    explain: bool = False,
    draw: Callable[[int], None] | None = None,
) -> None:
    """Rank, probability, path, guess and word gains of each result; with `explain` its score.

    `draw`: called with the photo's id where a picture of it belongs.
    """
    if answer.nothing_fits and not answer.not_english:
        note("no photo fits this convincingly; these come nearest:")
    for rank, result in enumerate(answer.results, start=1):
        _print_head(rank, result)
        if draw is not None:
            draw(result.photo_id)
        _print_result(result, guesses.get(result.photo_id), explain)
    if answer.did_you_mean:
        note(f"did you mean: {answer.did_you_mean}")
    if answer.not_english:
        note(
            "the captioner reads English alone: describe the photo in English; names of files and "
            "folders and keywords are found in every language"
        )
        return
    named = {word for result in answer.results for word in result.named}
    in_paths = {word for result in answer.results for word in result.reasons.get("named", ())}
    note_unknown(answer.unknown_words, answer.nearest_words, named, in_paths)


def _print_head(rank: int, result: SearchResult) -> None:
    from search.calibration import percentage

    said = ["weak"] if result.weak else []
    said += [f"{kind} {', '.join(texts)}" for kind, texts in result.reasons.items()]
    mark = f"  ({'; '.join(said)})" if said else ""
    echo(
        Styled(f"{rank:3d}", dim=True),
        "  ",
        Styled(f"{percentage(result.probability):>4s}", None if result.weak else "green"),
        "  ",
        Styled(result.path, bold=not result.weak, file=Path(result.path)),
        Styled(mark, "yellow"),
    )


def _print_result(result: SearchResult, guess: Guess | None, explain: bool) -> None:
    print_guess(guess, _UNDER_PATH)
    if explain:
        image = result.image_similarity
        echo(
            f"{_UNDER_PATH}score {result.score:.2f}, log-likelihood {result.log_likelihood:.2f}, "
            f"evidence {result.evidence:.2f}, similarity {result.similarity:.2f}"
            + ("" if image is None else f", image similarity {image:+.2f}")
        )
    print_words(result.words, _UNDER_PATH)


def print_guess(guess: Guess | None, indent: str) -> None:
    """Print what a photo may show, as a guess; nothing where there is none."""
    if guess is not None and str(guess):
        for line in _lines(
            [Styled(word, dim=True) for word in f"perhaps: {guess}".split()], indent
        ):
            echo(*line)


def print_words(words: Sequence[WordGain], indent: str) -> None:
    """Print words with their gains in nats on one line; with maps, a line a word."""
    from search.explain import WordMap, place_of

    maps = [word for word in words if isinstance(word, WordMap)]
    told = [_coloured(word, f"{word.word} {word.gain:+.1f}") for word in words]
    for line in _lines(told, indent, "  ") if not maps else ():
        echo(*line)
    for word in maps:
        text = f"{word.word:12s} {word.gain:+6.1f}"
        echo(indent, _coloured(word, text), f"  {place_of(word)}")


def _lines(
    pieces: Sequence[Styled], indent: str, between: str = " "
) -> Iterator[list[str | Styled]]:
    """Lines of pieces behind an indent: one, or in a terminal as many as its width asks for."""
    room, used = terminal_width(sys.stdout), len(indent)
    line: list[str | Styled] = [indent]
    for piece in pieces:
        length = len(between) + len(piece.text)
        if len(line) > 1 and used + length > room:
            yield line
            line, used = [indent], len(indent)
        line += [between, piece] if len(line) > 1 else [piece]
        used += length
    yield line


def _coloured(word: WordGain, text: str) -> Styled:
    """What speaks for a photo in green, what speaks against it in red; rounded, neither."""
    gain = round(word.gain, 1)
    return Styled(text, "green" if gain > 0 else "red" if gain < 0 else None)


def note_unknown(
    unknown_words: Iterable[str],
    nearest_words: dict[str, str],
    named: Collection[str] = (),
    in_paths: Collection[str] = (),
) -> None:
    """Print on stderr how each word that the captioner does not know was treated.

    `named`: those that lift photos; `in_paths`: those of them that stand in paths.
    """
    for word in unknown_words:
        nearest = nearest_words.get(word)
        read_as = f"read as {nearest!r}" if nearest else "left out of the likelihood"
        where = "in their path" if word in in_paths else "among what people wrote of them"
        lifted = f"; photos with it {where} come first" if word in named else ""
        note(f"the captioner never learned the word {word!r}: {read_as}{lifted}")


def print_report(report: IndexReport, as_json: bool) -> None:
    """Print an index run's counts; on stderr, what a person may have to do something about."""
    if as_json:
        print_json(report.to_json())
    else:
        _print_counts(report)
    for root in report.offline_roots:
        note(f"{root} cannot be reached; its photos stay indexed")
    for held_back in report.held_back:
        note(_way_out(held_back))
    for path in report.changed_originals or ():
        note(f"{path}: its bytes changed although its size and time did not; it may have decayed")
    if report.withheld:
        note(
            f"{report.withheld} photos are gone from their folder; they stay indexed, as that is "
            "most of it: if you removed them, run again with --prune"
        )


def _print_counts(report: IndexReport) -> None:
    echo(
        f"{report.indexed} indexed, {report.unchanged} unchanged, {report.moved} moved, "
        f"{report.duplicates} duplicates, {report.removed} removed, "
        f"{len(report.skipped)} skipped in {report.seconds:.1f} s "
        f"({report.photos_per_second:.1f} photos/s)"
    )
    for reason, count in report.by_reason():
        echo(f"{count:6d} skipped: {reason}")


def _way_out(held_back: HeldBack) -> str:
    """What keeps a new captioner from answering, and what to do about it."""
    command = f"tellshow index {shlex.quote(held_back.path)}"
    if held_back.online:
        way_out = f"run {command}, with --prune if they are gone"
    else:
        way_out = (
            f"it cannot be reached; when it can, run {command}, or, if it is gone for good, "
            "make an empty folder in its place and add --prune"
        )
    which = "1 photo" if held_back.photos == 1 else f"{held_back.photos} photos"
    return (
        f"the older captioner goes on answering, for it alone has described {which} in "
        f"{held_back.path}: {way_out}"
    )
