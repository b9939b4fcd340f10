"""How EfficientNet-Lite 0 to 4 are laid out: each stage's convolutions, for every runtime.

Tan and Le 2019 (arXiv 1905.11946, table 1) without squeeze-and-excitation, with ReLU6 for
swish and with stem and head of one size in all variants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
class Convolution:
    """A convolution with its batch norm, and ReLU6 after it where `active`."""

    inputs: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    active: bool = True

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros before and after each side's pixels, as TensorFlow's SAME pads even sizes."""
        before = (self.kernel - self.stride) // 2
        return before, self.kernel - self.stride - before

    @property
    def is_padded_apart(self) -> bool:
        """Whether the padding is a layer of its own, since its two sides differ."""
        before, after = self.padding
        return before != after

    @property
    def name(self) -> str:
        """Of the convolution in its layer: what torch calls its weights there."""
        return "1.0" if self.is_padded_apart else "0"


@dataclass(frozen=True)
class Block:
    """An inverted residual (MBConv): expand, depthwise, project; a residual where shapes allow."""

    convolutions: tuple[Convolution, ...]
    residual: bool


Stage = Convolution | Block


def stages(variant: str) -> list[Stage]:
    """Stem, inverted residuals and head, each one stage. Raises KeyError for other variants."""
    blocks = _blocks(*VARIANTS[variant])
    channels = blocks[-1].convolutions[-1].outputs
    return [Convolution(3, _STEM, 3, 2), *blocks, Convolution(channels, _HEAD)]


def named_convolutions(stage: Stage, prefix: str) -> list[tuple[str, Convolution]]:
    """A stage's convolutions with the names of their weights in a checkpoint."""
    if isinstance(stage, Convolution):
        return [(f"{prefix}.{stage.name}", stage)]
    return [
        (f"{prefix}.layers.{number}.{each.name}", each)
        for number, each in enumerate(stage.convolutions)
    ]


def grid(size: int) -> tuple[int, int]:
    """Positions and channels of the last feature map of a photo of `size` pixels a side."""
    return (size // _SHRINKING) ** 2, _HEAD


def _blocks(width: float, depth: float) -> list[Block]:
    blocks, inputs = [], _STEM
    for number, (kernel, stride, expansion, channels, repeats) in enumerate(_STAGES):
        outer = number in (0, len(_STAGES) - 1)  # not repeated in any Lite variant
        outputs = _rounded(channels * width)
        for index in range(repeats if outer else math.ceil(repeats * depth)):
            blocks.append(_block(inputs, outputs, expansion, kernel, 1 if index else stride))
            inputs = outputs
    return blocks


def _block(inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> Block:
    wide = inputs * expansion
    layers = [] if expansion == 1 else [Convolution(inputs, wide)]
    layers.append(Convolution(wide, wide, kernel, stride, groups=wide))
    layers.append(Convolution(wide, outputs, active=False))
    return Block(tuple(layers), residual=stride == 1 and inputs == outputs)


def _rounded(channels: float) -> int:
    """To a multiple of 8, never below nine tenths."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near
