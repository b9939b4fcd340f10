"""A progress bar on stderr, for indexing, training and measuring."""

from __future__ import annotations

import functools
import sys
from typing import Any

from commands.common.terminal import safe_text


class ProgressBar:
    """A bar by tqdm; where stderr is no terminal, only skipped files and epochs are printed."""

    def __init__(self, unit: str) -> None:
        from tqdm import tqdm

        # Without `miniters` tqdm draws when enough is done, and what is only read would not show.
        options = {"unit": f" {unit}", "disable": None, "file": sys.stderr, "miniters": 0}
        self._make = functools.partial(tqdm, **options)
        self._bar = self._make(total=0, leave=False)  # leaves no empty bar behind
        self._read = 0

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def start(self, total: int) -> None:
        """Begin a bar of `total` units."""
        self._bar.close()
        self._bar = self._make(total=total)
        self._read = 0

    def phase(self, name: str, total: int) -> None:
        """Begin a bar of `total` units, with a name before it."""
        self.start(total)
        self._bar.set_description(name)

    def read(self, count: int) -> None:
        """Show that `count` units more are read ahead, so that it moves within a batch."""
        self._read += count
        self._bar.set_postfix_str(f"{self._read} read", refresh=False)
        self._bar.update(0)  # which draws no more than ten times a second

    def advance(self, count: int) -> None:
        """Add `count` units done."""
        self._bar.update(count)

    def skipped(self, path: str, reason: str) -> None:
        """Print a file that is left out, and why, above the bar."""
        self._bar.write(safe_text(f"skipped {path}: {reason}"), file=sys.stderr)

    def epoch(self, report: Any) -> None:
        """Print what an epoch of training came to, above the bar."""
        recall = report.dev_head
        self._bar.write(
            f"epoch {report.epoch} ({report.stage}): loss {report.loss:.3f}, "
            f"dev {report.dev_likelihood:.3f} nats a word, "
            f"head R@1 {recall.r1:.1f} R@10 {recall.r10:.1f}",
            file=sys.stderr,
        )

    def finish(self) -> None:
        """Close the bar; closing it twice does no harm."""
        self._bar.set_postfix_str("", refresh=False)
        self._bar.close()
