"""MobileFaceNet (arXiv 1804.07573) in the form of arcface_torch's `mbf`."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


class MobileFaceNet(nn.Module):
    """Four halvings, then one learned weight per channel and place in place of average pooling."""

    def __init__(self, width: float, embedding_size: int, image_size: int) -> None:
        super().__init__()
        small, large = scaled(128, width), scaled(256, width)
        inner, wide = scaled(128, width), scaled(256, width)  # channels that a block filters
        top = 512
        self.layers = nn.Sequential(
            _ConvBlock(3, small, 3, stride=2),
            _ConvBlock(small, small, 3, groups=small // 2),
            _DepthWise(small, small, inner, stride=2),
            _residuals(4, small, inner),
            _DepthWise(small, large, wide, stride=2),
            _residuals(6, large, wide),
            _DepthWise(large, large, 2 * wide, stride=2),
            _residuals(2, large, wide),
        )
        self.conv_sep = _ConvBlock(large, top, 1)
        side = after_halvings(image_size)
        self.features = _Layers(
            _Layers(nn.Conv2d(top, top, side, groups=top, bias=False), nn.BatchNorm2d(top)),
            nn.Flatten(),
            nn.Linear(top, embedding_size, bias=False),
            nn.BatchNorm1d(embedding_size),
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, a=0.25)

    def forward(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.features(self.conv_sep(self.layers(images))))


class _Layers(nn.Module):
    """A sequence whose weights are named `layers.0.…`."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.layers(features))


class _ConvBlock(_Layers):
    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
        )


class _DepthWise(_Layers):
    """Expand, filter each channel by itself, project without an activation."""

    def __init__(self, inputs: int, outputs: int, inner: int, *, stride: int) -> None:
        super().__init__(
            _ConvBlock(inputs, inner, 1),
            _ConvBlock(inner, inner, 3, stride=stride, groups=inner),
            _Layers(nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs)),
        )


class _Residual(_DepthWise):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__(channels, channels, inner, stride=1)

    def forward(self, features: Tensor) -> Tensor:
        return features + super().forward(features)


def _residuals(count: int, channels: int, inner: int) -> _Layers:
    return _Layers(*[_Residual(channels, inner) for _ in range(count)])


def scaled(channels: int, width: float, least: int = 8) -> int:
    """A number of channels in steps of 8."""
    return max(least, round(channels * width / 8) * 8)


def after_halvings(side: int, times: int = 4) -> int:
    for _ in range(times):
        side = (side + 1) // 2
    return side
