"""Torch computes in the precision asked for."""

import pytest
import torch

from captioner.device import exact, fast
from captioner.machine import UnknownPrecision

CPU = torch.device("cpu")


def product() -> torch.Tensor:
    """A matrix product where half precision is allowed."""
    with fast(CPU):
        return torch.ones(2, 2) @ torch.ones(2, 2)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precision_that_is_asked_for_is_computed_in(
    monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    monkeypatch.setenv("TELLSHOW_PRECISION", precision)
    assert product().dtype == getattr(torch, precision)
    with exact():
        assert product().dtype == torch.float32


@pytest.mark.parametrize("faster", [True, False])
@pytest.mark.parametrize("word", [None, "", "auto"])
def test_bfloat16_is_taken_where_it_is_faster_unless_another_precision_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, faster: bool, word: str | None
) -> None:
    if word is None:
        monkeypatch.delenv("TELLSHOW_PRECISION", raising=False)
    else:
        monkeypatch.setenv("TELLSHOW_PRECISION", word)
    monkeypatch.setattr("captioner.device._is_half_faster", lambda device: faster)
    assert product().dtype == (torch.bfloat16 if faster else torch.float32)


def test_unknown_precision_is_refused_with_the_ones_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TELLSHOW_PRECISION", "half")
    with pytest.raises(UnknownPrecision, match="'half': set it to auto, float32 or bfloat16"):
        fast(CPU)
