"""The classifier without a tail of its own: its classes are read off the encoder's own grid.

Learning without forgetting (Li and Hoiem 2016), in closed form: what the classifier's tail makes of
a photo is, but for little, a linear map of what the encoder's own tail makes of it, which began
with the same weights (docs/lab.md). So a quarter of the CNN's work is left out of every look.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from captioner.config import MEAN_MAX
from captioner.network import Network

# Of the regression, on standardised features: so much of each photo.
_RIDGE = 0.03
LEAST_DEVIATION = 1e-3  # that features are divided by


@torch.no_grad()
def read_classes_off_grid(network: Network, pooled: Tensor) -> Network:
    """The network, in eval mode, without the classifier's tail; the one given stays as it is.

    `pooled` [N,3C]: mean and maximum of many photos' grids, and what the tail makes of them; see
    Head.pool. Raises ValueError where the head sees something else, or there is no tail.
    """
    encoder, head = network.config.encoder, network.config.head
    if not (encoder.has_class_tail and head.whole and head.pooling == MEAN_MAX):
        raise ValueError("there is no tail of a classifier that a head of pooled features sees")
    slope, offset = _regression(pooled, 2 * network.encoder.channels)
    config = replace(
        network.config,
        encoder=replace(encoder, class_tail=False),
        head=replace(head, whole=False),
    )
    made = Network(config, network.vocabulary, network.provenance).to(network.device)
    weights = network.state_dict()
    for name in ("encoder.classifier.output", "head.first"):
        matrix, bias = (weights[f"{name}.{part}"].double().cpu() for part in ("weight", "bias"))
        own, seen = matrix[:, : -len(offset)], matrix[:, -len(offset) :]
        led = seen @ slope.T
        weights[f"{name}.weight"] = own + led if own.shape[1] else led
        weights[f"{name}.bias"] = bias + seen @ offset
    kept = made.state_dict().keys()
    made.load_state_dict({name: weights[name] for name in kept})
    return made.eval()


def _regression(pooled: Tensor, features: int) -> tuple[Tensor, Tensor]:
    """Slope [F,C] and offset [C] of the tail's features, by the first `features` numbers."""
    given, wanted = pooled[:, :features].double().cpu(), pooled[:, features:].double().cpu()
    mean, deviation = given.mean(dim=0), given.std(dim=0).clamp(min=LEAST_DEVIATION)
    standard = (given - mean) / deviation
    prior = _RIDGE * len(given) * torch.eye(features, dtype=torch.float64)
    level = wanted.mean(dim=0)
    slope = torch.linalg.solve(standard.T @ standard + prior, standard.T @ (wanted - level))
    slope /= deviation[:, None]
    return slope, level - mean @ slope
