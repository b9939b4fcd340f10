"""Runs tellshow with a line in its log for each model that is made, for the load test to count.

python -m benchmarks.model_counter serve
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

_MADE = "a model was made: "


def count(log: Path) -> int:
    """How many models were made so far, by a log."""
    return log.read_text(errors="replace").count(_MADE)


def _tell_when_made(kind: type) -> None:
    make = kind.__init__  # type: ignore[misc]

    @functools.wraps(make)
    def make_and_tell(self: object, *arguments: object, **options: object) -> None:
        print(f"{_MADE}{kind.__name__}", file=sys.stderr, flush=True)
        make(self, *arguments, **options)

    kind.__init__ = make_and_tell  # type: ignore[misc]


def main() -> None:
    """Run tellshow's own command line."""
    import tellshow

    tellshow.use_one_thread_of_blas()  # as its own main does, which comes after these imports
    from sentence_transformers import SentenceTransformer

    from captioner.captioner import Captioner
    from captioner.minilm import MiniLM

    _tell_when_made(Captioner)
    for embedder in (MiniLM, SentenceTransformer):
        _tell_when_made(embedder)
    tellshow.main()


if __name__ == "__main__":
    main()
