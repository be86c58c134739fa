from __future__ import annotations

import pytest
import torch
from torch import nn

from f2c_trainer.backbone import build_backbone


@pytest.mark.parametrize("image_size", [48, 64, 80, 112, 120])
def test_any_input_size_gives_embeddings_that_are_not_normalised(image_size: int) -> None:
    torch.manual_seed(0)
    network = build_backbone("mbf", width=0.25, embedding_size=24, image_size=image_size).eval()
    with torch.inference_mode():
        embeddings = network(torch.randn(3, 3, image_size, image_size))
    assert embeddings.shape == (3, 24)
    assert embeddings.isfinite().all()
    norms = embeddings.norm(dim=1)
    assert norms.min() > 1e-2
    assert (norms - 1).abs().min() > 1e-3


def test_width_2_has_the_channels_of_the_reference_network() -> None:
    network = build_backbone("mbf", width=2, embedding_size=512, image_size=112)
    outputs = [module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert outputs[:5] == [128, 128, 256, 256, 128]
    assert outputs[-2:] == [512, 512]
    assert outputs.count(256) > 10


def test_width_scales_the_parameters() -> None:
    def size(width: float) -> int:
        network = build_backbone("mbf", width=width, embedding_size=64, image_size=64)
        return sum(parameter.numel() for parameter in network.parameters())

    assert size(0.125) < size(0.5) < size(1) < size(4)
