"""EfficientNet-Lite 0 to 4, CNNs for small machines that torchvision does not have.

Tan and Le 2019 (arXiv 1905.11946, table 1) without squeeze-and-excitation, with ReLU6 for
swish and with stem and head of one size in all variants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

# TensorFlow's normalisation: pixels in 0..255 to about -1..1.
MEAN = (127.0, 127.0, 127.0)
DEVIATION = (128.0, 128.0, 128.0)

_STEM, _HEAD = 32, 1280
_SHRINKING = 32  # five strides of 2; with this padding each halves a side, rounding down
# Kernel, stride, expansion, channels, blocks (EfficientNet-B0's stages 2 to 8).
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
# Width and depth multipliers.
VARIANTS = {
    "efficientnet_lite0": (1.0, 1.0),
    "efficientnet_lite1": (1.0, 1.1),
    "efficientnet_lite2": (1.1, 1.2),
    "efficientnet_lite3": (1.2, 1.4),
    "efficientnet_lite4": (1.4, 1.8),
}


@dataclass(frozen=True)
class _Block:
    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


class _InvertedResidual(nn.Module):
    """MBConv: expand, depthwise convolution, project; a residual where the shapes allow."""

    def __init__(self, block: _Block) -> None:
        super().__init__()
        wide = block.inputs * block.expansion
        layers: list[nn.Module] = [] if block.expansion == 1 else [_layer(block.inputs, wide)]
        layers.append(_layer(wide, wide, block.kernel, block.stride, groups=wide))
        layers.append(_layer(wide, block.outputs, active=False))
        self.layers = nn.Sequential(*layers)
        self.residual = block.stride == 1 and block.inputs == block.outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


def stages(variant: str) -> list[nn.Module]:
    """Stem, inverted residuals and head, each one stage. Raises KeyError for other variants."""
    blocks = _blocks(*VARIANTS[variant])
    return [
        _layer(3, _STEM, 3, 2),
        *(_InvertedResidual(block) for block in blocks),
        _layer(blocks[-1].outputs, _HEAD),
    ]


def grid(size: int) -> tuple[int, int]:
    """Positions and channels of the last feature map of a photo of `size` pixels a side."""
    return (size // _SHRINKING) ** 2, _HEAD


def _blocks(width: float, depth: float) -> list[_Block]:
    blocks, inputs = [], _STEM
    for number, (kernel, stride, expansion, channels, repeats) in enumerate(_STAGES):
        outer = number in (0, len(_STAGES) - 1)  # not repeated in any Lite variant
        outputs = _rounded(channels * width)
        for index in range(repeats if outer else math.ceil(repeats * depth)):
            blocks.append(_Block(kernel, 1 if index else stride, expansion, inputs, outputs))
            inputs = outputs
    return blocks


def _rounded(channels: float) -> int:
    """To a multiple of 8, never below nine tenths."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def _layer(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    active: bool = True,
) -> nn.Module:
    """Convolution, batch norm, activation; padded as TensorFlow's SAME pads even sizes."""
    around = (kernel - stride) // 2
    far = kernel - stride - around
    padding = around if around == far else 0
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
    ]
    layer = nn.Sequential(*layers, nn.ReLU6(inplace=True)) if active else nn.Sequential(*layers)
    if kernel == 1 or around == far:
        return layer
    return nn.Sequential(nn.ZeroPad2d((around, far, around, far)), layer)
