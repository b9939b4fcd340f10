"""EfficientNet-Lite 0 to 4 in torch, CNNs for small machines that torchvision does not have.

captioner/lite_layout.py says how they are laid out.
"""

from __future__ import annotations

from torch import Tensor, nn

from captioner import lite_layout
from captioner.lite_layout import Block, Convolution


class _InvertedResidual(nn.Module):
    """MBConv: expand, depthwise convolution, project; a residual where the shapes allow."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.layers = nn.Sequential(*map(_layer, block.convolutions))
        self.residual = block.residual

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


def stages(variant: str) -> list[nn.Module]:
    """Stem, inverted residuals and head, each one stage. Raises KeyError for other variants."""
    return [
        _layer(stage) if isinstance(stage, Convolution) else _InvertedResidual(stage)
        for stage in lite_layout.stages(variant)
    ]


def _layer(given: Convolution) -> nn.Module:
    """Convolution, batch norm, activation; padded in a layer of its own where sides differ."""
    before, after = given.padding
    layers: list[nn.Module] = [
        nn.Conv2d(
            given.inputs, given.outputs, given.kernel, given.stride,
            0 if given.is_padded_apart else before, groups=given.groups, bias=False,
        ),
        nn.BatchNorm2d(given.outputs, eps=1e-3, momentum=0.01),
        *([nn.ReLU6(inplace=True)] if given.active else []),
    ]  # fmt: skip
    layer = nn.Sequential(*layers)
    if not given.is_padded_apart:
        return layer
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), layer)
