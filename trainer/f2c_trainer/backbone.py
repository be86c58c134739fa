"""The embedding networks: [B, 3, S, S] images in [-1, 1] -> [B, E] embeddings, not normalised."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


def build_backbone(name: str, *, width: float, embedding_size: int, image_size: int) -> nn.Module:
    networks = {"mbf": MobileFaceNet}
    return networks[name](width, embedding_size, image_size)


class MobileFaceNet(nn.Module):
    """MobileFaceNet (arXiv 1804.07573) for square images of any size; width 2 has the channels of arcface_torch's mbf.

    Four halvings, then one learned weight per channel and place in place of average pooling.
    """

    def __init__(self, width: float, embedding_size: int, image_size: int) -> None:
        super().__init__()
        small, large, top = _channels(64, width), _channels(128, width), 512
        self.body = nn.Sequential(
            _conv(3, small, 3, stride=2),
            _conv(small, small, 3, groups=small),
            _bottleneck(small, small, 2 * small, stride=2),
            *[_Residual(small, 2 * small) for _ in range(4)],
            _bottleneck(small, large, 4 * small, stride=2),
            *[_Residual(large, 2 * large) for _ in range(6)],
            _bottleneck(large, large, 4 * large, stride=2),
            *[_Residual(large, 2 * large) for _ in range(2)],
            _conv(large, top, 1),
        )
        side = image_size
        for _ in range(4):
            side = (side + 1) // 2
        self.head = nn.Sequential(
            nn.Conv2d(top, top, side, groups=top, bias=False),
            nn.BatchNorm2d(top),
            nn.Flatten(),
            nn.Linear(top, embedding_size, bias=False),
            nn.BatchNorm1d(embedding_size),
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, a=0.25)

    def forward(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.body(images)))


class _Residual(nn.Module):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.branch = _bottleneck(channels, channels, inner, stride=1)

    def forward(self, features: Tensor) -> Tensor:
        return features + cast(Tensor, self.branch(features))


def _bottleneck(inputs: int, outputs: int, inner: int, *, stride: int) -> nn.Sequential:
    """Expand, filter each channel by itself, project without an activation."""
    return nn.Sequential(
        _conv(inputs, inner, 1),
        _conv(inner, inner, 3, stride=stride, groups=inner),
        nn.Conv2d(inner, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


def _conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.PReLU(outputs),
    )


def _channels(count: int, width: float) -> int:
    return max(8, round(count * width / 8) * 8)
