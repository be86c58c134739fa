"""Pixels as the networks see them."""

from __future__ import annotations

import torch
from torch import Tensor

COLOR, MEAN, SCALE = "RGB", 127.5, 127.5  # network input = (pixel - MEAN) / SCALE

_IMAGES_A_PART = 64  # on a CPU, so that what is between two operations stays in its cache


def network_input(pixels: Tensor, light: Tensor | None = None) -> Tensor:
    """[n, S, S, 3] uint8, contrast and brightness [n, 2] -> [n, 3, S, S] float32 in [-1, 1], channels last in memory"""
    images = torch.empty(pixels.shape, device=pixels.device)
    at_once = len(pixels) if pixels.is_cuda else _IMAGES_A_PART
    for first in range(0, len(pixels), at_once):
        part = slice(first, first + at_once)
        image = images[part].copy_(pixels[part])
        if light is None:
            image.sub_(MEAN).div_(SCALE)
        else:
            contrast, brightness = light[part, :, None, None, None].unbind(1)
            image.mul_(contrast / SCALE).add_(brightness - contrast * (MEAN / SCALE)).clamp_(-1, 1)
    return images.permute(0, 3, 1, 2)
