"""`tellshow score`: rank sentences for one picture file by log-likelihood; nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.errors import Failed
from commands.common.loading import load_models
from commands.common.options import FILE, captioner_options
from commands.common.output import note_unknown, print_json, print_words
from commands.common.terminal import echo

if TYPE_CHECKING:
    from search.image_to_text import RankedSentence


@click.command()
@click.argument("file", type=FILE)
@click.argument("sentences", nargs=-1, required=True)
@captioner_options
def score(
    file: Path, sentences: tuple[str, ...], model: Path | None, device: str | None, as_json: bool
) -> None:
    """Evidence and log p(sentence | photo) of SENTENCES on the photo FILE, best first, in nats."""
    from indexer.encode_photo import encode_photo
    from search.image_to_text import check_sentences, rank_sentences

    check_sentences(sentences)
    captioner, embedder = load_models(model, device)
    state = encode_photo(captioner, file.read_bytes())
    ranked = rank_sentences(captioner, embedder, sentences, state)
    for each in ranked:
        if not each.words:
            raise Failed(f"the captioner learned no word of {each.sentence!r}")
    if as_json:
        print_json({"path": str(file), "sentences": [each.to_json() for each in ranked]})
        return
    for each in ranked:
        _print_sentence(each)


def _print_sentence(ranked: RankedSentence) -> None:
    echo(f"{ranked.evidence:+8.2f}  {ranked.log_likelihood:8.2f}  {ranked.sentence}")
    print_words(ranked.words, "                    ")
    note_unknown(ranked.unknown_words, ranked.nearest_words)
