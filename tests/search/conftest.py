"""What tests of searching share: a captioner that no photo convinces."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from captioner.captioner import Captioner


@pytest.fixture
def nothing_convinces(captioner: Captioner) -> Iterator[None]:
    """As if no photo ever were probable enough, for long queries and for short ones."""
    ranking = captioner.provenance.ranking
    strict = replace(ranking, fit=replace(ranking.fit, weak_below=1.1))
    if (short := ranking.short) is not None:
        strict = replace(strict, short=replace(short, fit=replace(short.fit, weak_below=1.1)))
    captioner.provenance.ranking = strict
    yield
    captioner.provenance.ranking = ranking
