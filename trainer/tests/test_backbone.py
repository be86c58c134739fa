from __future__ import annotations

import pytest
import torch

from f2c_trainer.backbone import build_backbone


def parameters(name: str, width: float = 1, embedding_size: int = 512, image_size: int = 112) -> int:
    network = build_backbone(name, width=width, embedding_size=embedding_size, image_size=image_size)
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "published"),
    [("mbf", 2_059_520), ("r18", 24_025_600), ("r34", 34_139_328), ("r50", 43_590_848), ("r100", 65_156_160)],
)
def test_parameter_counts_are_those_of_arcface_torch(name: str, published: int) -> None:
    assert parameters(name) == published


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


@pytest.mark.parametrize("name", ["mbf", "r18", "r50"])
def test_width_scales_the_parameters(name: str) -> None:
    sizes = [parameters(name, width, 64, 64) for width in (0.125, 0.5, 1, 2)]
    assert sizes == sorted(set(sizes))
