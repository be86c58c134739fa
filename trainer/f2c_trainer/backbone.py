"""The embedding networks: [B, 3, S, S] images in [-1, 1] -> [B, E] embeddings, not normalised.

They are those of insightface's arcface_torch, with its names for their weights, so that weights can be exchanged.
`width` 1 and 112 pixels give its networks; other widths scale the channels, other sizes the last layer's field.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from .iresnet import IResNet
from .mobilefacenet import MobileFaceNet

_BACKBONES: dict[str, Callable[[float, int, int], nn.Module]] = {
    "mbf": MobileFaceNet,
    "r18": lambda *form: IResNet((2, 2, 2, 2), *form),
    "r34": lambda *form: IResNet((3, 4, 6, 3), *form),
    "r50": lambda *form: IResNet((3, 4, 14, 3), *form),
    "r100": lambda *form: IResNet((3, 13, 30, 3), *form),
}


def build_backbone(name: str, *, width: float, embedding_size: int, image_size: int) -> nn.Module:
    return _BACKBONES[name](width, embedding_size, image_size)
