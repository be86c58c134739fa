"""Pixels to network input, with random changes. Each image's randomness is given, so the result is a pure function."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

COLOR, MEAN, SCALE = "RGB", 127.5, 127.5  # network input = (pixel - MEAN) / SCALE

DRAWS = 6  # flip | zoom, right, down | contrast, brightness
_ZOOM = 0.1  # of the side, in or out
_SHIFT = 0.08  # of the side, each way
_CONTRAST = 0.25
_BRIGHTNESS = 0.25  # of the half range


def to_input(pixels: Tensor) -> Tensor:
    """[B, S, S, 3] uint8 -> [B, 3, S, S] float32 in [-1, 1], channels last in memory"""
    return (pixels.permute(0, 3, 1, 2).float() - MEAN) / SCALE


def augment(images: Tensor, draws: Tensor, changes: Collection[str]) -> Tensor:
    """Changes [B, 3, S, S] images by [B, DRAWS] numbers in [0, 1)."""
    signed = draws * 2 - 1
    if "shift" in changes:
        images = _moved(images, 1 + _ZOOM * signed[:, 1], _SHIFT * signed[:, 2:4])
    if "flip" in changes:
        images = torch.where((draws[:, 0] < 0.5)[:, None, None, None], images.flip(-1), images)
    if "brightness" in changes:
        contrast, brightness = (1 + _CONTRAST * signed[:, 4]), _BRIGHTNESS * signed[:, 5]
        images = (images * contrast[:, None, None, None] + brightness[:, None, None, None]).clamp(-1, 1)
    return images


def _moved(images: Tensor, zoom: Tensor, shift: Tensor) -> Tensor:
    """Each image seen through its own window: `zoom` sides wide, moved by `shift` sides. [B], [B, 2]"""
    window = torch.zeros(len(images), 2, 3, device=images.device)
    window[:, 0, 0] = window[:, 1, 1] = zoom
    window[:, :, 2] = 2 * shift
    grid = affine_grid(window, list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)
