from __future__ import annotations

import hashlib

import pytest
import torch
from torch import nn

from f2c_trainer.backbone import build_backbone


def parameters(name: str, width: float = 1, embedding_size: int = 512, image_size: int = 112) -> int:
    network = build_backbone(name, width=width, embedding_size=embedding_size, image_size=image_size)
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "published", "digest"),
    [
        ("mbf", 2_059_520, "d3d76f6e11a0ccda"),
        ("r18", 24_025_600, "6f45161f93bca4d0"),
        ("r34", 34_139_328, "7d5d48a6863759c3"),
        ("r50", 43_590_848, "35e912ddd82207a4"),
        ("r100", 65_156_160, "cff740723372bf73"),
    ],
)
def test_weights_have_the_names_and_shapes_of_arcface_torch(name: str, published: int, digest: str) -> None:
    """The digest is of `NAME [SHAPE]` for each line of the state of its networks."""
    network = build_backbone(name, width=1, embedding_size=512, image_size=112)
    assert sum(parameter.numel() for parameter in network.parameters()) == published
    lines = [f"{key} {[*value.shape]}" for key, value in network.state_dict().items()]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize("name", ["mbf", "r18"])
@pytest.mark.parametrize("image_size", [48, 64, 80, 112, 120])
def test_any_input_size_gives_embeddings_that_are_not_normalised(name: str, image_size: int) -> None:
    torch.manual_seed(0)
    network = build_backbone(name, width=0.25, embedding_size=24, image_size=image_size).eval()
    with torch.inference_mode():
        embeddings = network(torch.randn(3, 3, image_size, image_size))
    assert embeddings.shape == (3, 24)
    assert embeddings.isfinite().all()
    norms = embeddings.norm(dim=1)
    assert norms.min() > 1e-2
    assert (norms - 1).abs().min() > 1e-3


@pytest.mark.parametrize("name", ["mbf", "r18"])
def test_width_scales_the_parameters(name: str) -> None:
    sizes = [parameters(name, width, 64, 64) for width in (0.125, 0.5, 1, 2)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("name", ["mbf", "r18"])
def test_channels_last_changes_no_gradient_of_the_smallest_network(name: str) -> None:
    gradients = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        network = build_backbone(name, width=0.125, embedding_size=16, image_size=48).train()
        for parameter in network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=memory_format)
        images = torch.randn(8, 3, 48, 48).contiguous(memory_format=memory_format)
        (network(images) * torch.randn(8, 16)).sum().backward()
        gradients.append([module.weight.grad for module in network.modules() if isinstance(module, nn.Conv2d)])
    for one, other in zip(*gradients, strict=True):
        assert one is not None
        assert other is not None
        assert (one - other).abs().max() < 1e-3 * one.abs().max()
