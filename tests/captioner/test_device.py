"""Tensors on their way to the device: whole, in order, and of the same kind."""

import torch

from captioner.device import send, stack


def test_stacked_and_sent_tensors_are_what_they_were() -> None:
    parts = [torch.full((3, 2, 2), value, dtype=torch.uint8) for value in (1, 2, 250)]
    device = torch.device("cpu")
    together = send(stack(parts, device), device)
    assert (together.dtype, together.shape) == (torch.uint8, (3, 3, 2, 2))
    assert [int(part.max()) for part in together] == [1, 2, 250]
    assert all(torch.equal(part, given) for part, given in zip(together, parts, strict=True))
