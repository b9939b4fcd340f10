"""`tellshow explain`: why a query does or does not describe one picture file; nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.loading import load_models
from commands.common.options import FILE, captioner_options
from commands.common.output import note_unknown, print_json, print_words
from commands.common.terminal import echo

if TYPE_CHECKING:
    from search.explain import Explanation


@click.command("explain")
@click.argument("file", type=FILE)
@click.argument("query")
@captioner_options
def explain_command(
    file: Path, query: str, model: Path | None, device: str | None, as_json: bool
) -> None:
    """Why QUERY does or does not describe the photo FILE, and which word costs it most."""
    from indexer.encode_photo import encode_photo
    from search.explain import explain
    from search.request import check_text

    check_text("q", query)
    captioner, embedder = load_models(model, device)
    found = explain(captioner, embedder, query, encode_photo(captioner, file.read_bytes()))
    print_json({"path": str(file), **found.to_json()}) if as_json else _print_explanation(found)


def _print_explanation(found: Explanation) -> None:
    if found.words:
        echo(f"evidence {found.evidence:+.2f}, log-likelihood {found.log_likelihood:.2f}")
        print_words(found.words, "  ")
    if found.costliest and found.costliest.gain < 0:
        cost = found.costliest
        instead = f"evidence {cost.evidence:+.2f} instead of {found.evidence:+.2f}"
        echo(f"without {cost.word!r}: {instead}")
    note_unknown(found.unknown_words, found.nearest_words)
