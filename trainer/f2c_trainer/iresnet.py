"""IResNet (arXiv 2004.04989), the residual network of ArcFace, in the form of arcface_torch's r18 to r100."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from .mobilefacenet import after_halvings, scaled

# With fewer, oneDNN writes past its memory in the gradient of a 1x1 convolution of stride 2, channels last (its issue
# 6035).
_LEAST_CHANNELS = 16


class IResNet(nn.Module):
    """Full resolution in the first layer, then four stages that each begin with a halving."""

    def __init__(self, blocks: tuple[int, int, int, int], width: float, embedding_size: int, image_size: int) -> None:
        super().__init__()
        stem, *stages = (scaled(channels, width, _LEAST_CHANNELS) for channels in (64, 64, 128, 256, 512))
        self.conv1 = nn.Conv2d(3, stem, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.prelu = nn.PReLU(stem)
        self.layer1 = _stage(blocks[0], stem, stages[0])
        self.layer2 = _stage(blocks[1], stages[0], stages[1])
        self.layer3 = _stage(blocks[2], stages[1], stages[2])
        self.layer4 = _stage(blocks[3], stages[2], stages[3])
        self.bn2 = nn.BatchNorm2d(stages[3])
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(stages[3] * after_halvings(image_size) ** 2, embedding_size)
        self.features = nn.BatchNorm1d(embedding_size)
        # The margin loss has a scale of its own.
        self.features.weight.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.1)

    def forward(self, images: Tensor) -> Tensor:
        features = self.prelu(self.bn1(self.conv1(images)))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        return cast(Tensor, self.features(self.fc(self.flatten(self.bn2(features)))))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, features: Tensor) -> Tensor:
        changed = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(features))))))
        return cast(Tensor, changed + self.downsample(features))


def _stage(blocks: int, inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(_Block(inputs, outputs, 2), *[_Block(outputs, outputs, 1) for _ in range(blocks - 1)])
