"""Pixels to network input, with random changes. Each image's randomness is given, so the result is a pure function.

They are made in this order, whatever the order they are asked for in: `jpeg` (compressed anew, where the image is
decoded), `shift` (zoomed and moved), `flip`, `blur`, `downscale` (and up again), `brightness` (and contrast),
`occlusion` (a rectangle of mid grey). `jpeg`, `blur`, `downscale` and `occlusion` are each for a fifth of the images,
the share that AdaFace gives its changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv2d, grid_sample, interpolate, pad

from .keyed import Integers

COLOR, MEAN, SCALE = "RGB", 127.5, 127.5  # network input = (pixel - MEAN) / SCALE

# flip | zoom, right, down | contrast, brightness | blur, its sigma | downscale, its side | jpeg, its quality |
# occlusion, its height, width, top, left. A draw named like a change decides whether the image has it.
DRAWS = 17
_ZOOM = 0.1  # of the side, in or out
_SHIFT = 0.08  # of the side, each way
_CONTRAST = 0.25
_BRIGHTNESS = 0.25  # of the half range
_SHARE = 0.2  # of the images, for each of the changes that follow
_SIGMA = (0.004, 0.02)  # of the side
_SIDES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # of the side
_QUALITY = (20, 90)
_COVERED = (0.15, 0.5)  # of the side


_IMAGES_A_PART = 32  # on a CPU: what is between two changes stays in its cache


def network_input(pixels: Tensor, draws: Tensor, changes: Collection[str]) -> Tensor:
    """Pixels as the networks see them in training. [B, S, S, 3] uint8, [B, DRAWS] -> [B, 3, S, S] in [-1, 1]"""
    part = len(pixels) if pixels.is_cuda else _IMAGES_A_PART
    parts = zip(torch.split(pixels, part), torch.split(draws, part), strict=True)
    images = torch.cat([augment(to_input(some), theirs, changes) for some, theirs in parts])
    return images.contiguous(memory_format=torch.channels_last)


def to_input(pixels: Tensor) -> Tensor:
    """[B, S, S, 3] uint8 -> [B, 3, S, S] float32 in [-1, 1], channels last in memory"""
    return pixels.permute(0, 3, 1, 2).float().sub_(MEAN).div_(SCALE)


def jpeg_quality(draws: NDArray[np.float32]) -> Integers:
    """JPEG quality that each image is compressed with anew; 0 = as it is. [B, DRAWS] -> [B]"""
    low, high = _QUALITY
    return np.where(draws[:, 10] < _SHARE, low + (draws[:, 11] * (high - low + 1)).astype(np.int64), 0)


def augment(images: Tensor, draws: Tensor, changes: Collection[str]) -> Tensor:
    """Changes [B, 3, S, S] images by [B, DRAWS] numbers in [0, 1); `jpeg` was done before."""
    signed = draws * 2 - 1
    if "shift" in changes:
        images = _moved(images, 1 + _ZOOM * signed[:, 1], _SHIFT * signed[:, 2:4])
    if "flip" in changes:
        images = torch.where((draws[:, 0] < 0.5)[:, None, None, None], images.flip(-1), images)
    if "blur" in changes:
        images = _some(images, draws[:, 6:8], _blurred)
    if "downscale" in changes:
        images = _some(images, draws[:, 8:10], _coarsened)
    if "brightness" in changes:
        contrast, brightness = (1 + _CONTRAST * signed[:, 4]), _BRIGHTNESS * signed[:, 5]
        images = (images * contrast[:, None, None, None]).add_(brightness[:, None, None, None]).clamp_(-1, 1)
    if "occlusion" in changes:
        images = _some(images, draws[:, 12:17], _covered)
    return images


def _moved(images: Tensor, zoom: Tensor, shift: Tensor) -> Tensor:
    """Each image seen through its own window: `zoom` sides wide, moved by `shift` sides. [B], [B, 2]"""
    side = images.shape[-1]
    middle = (torch.arange(side, device=images.device) + 0.5) / side * 2 - 1
    across, down = (middle * zoom[:, None] + 2 * shift[:, i, None] for i in range(2))  # [B, S]
    shape = (len(images), side, side)
    grid = torch.stack([across[:, None].expand(shape), down[:, :, None].expand(shape)], -1)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


def _some(images: Tensor, draws: Tensor, change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Changes the images whose first draw says so, by their other draws. [B, 1 + d]"""
    chosen = torch.nonzero(draws[:, 0] < _SHARE).flatten()
    if len(chosen) == 0:
        return images
    changed = images.clone()  # which keeps the order in memory
    changed[chosen] = change(images[chosen], draws[chosen, 1:])
    return changed


def _blurred(images: Tensor, draws: Tensor) -> Tensor:
    """Each image through its own Gaussian, along rows and then along columns. [k, 3, S, S], [k, 1]"""
    side, (least, most) = images.shape[-1], _SIGMA
    reach = math.ceil(3 * most * side)
    offset = torch.arange(-reach, reach + 1, device=images.device)
    weight = torch.exp(-0.5 * (offset / (side * (least + (most - least) * draws))) ** 2)
    kernel = (weight / weight.sum(1, keepdim=True)).repeat_interleave(3, 0)[:, None]  # one for each plane
    planes = images.reshape(1, -1, side, side)
    planes = conv2d(pad(planes, (reach, reach, 0, 0), "replicate"), kernel[:, :, None], groups=len(kernel))
    planes = conv2d(pad(planes, (0, 0, reach, reach), "replicate"), kernel[..., None], groups=len(kernel))
    return planes.reshape(images.shape)


def _coarsened(images: Tensor, draws: Tensor) -> Tensor:
    """Each image down to one of the sides and up again. [k, 3, S, S], [k, 1]"""
    side, which = images.shape[-1], (draws[:, 0] * len(_SIDES)).long()
    coarse = images.clone()
    for number, share in enumerate(_SIDES):
        rows = torch.nonzero(which == number).flatten()
        if len(rows) > 0:
            small = interpolate(images[rows], size=max(1, round(share * side)), mode="bilinear", antialias=True)
            coarse[rows] = interpolate(small, size=side, mode="bilinear")
    return coarse


def _covered(images: Tensor, draws: Tensor) -> Tensor:
    """Each image with a rectangle of mid grey. [k, 3, S, S], [k, 4]"""
    least, most = _COVERED
    size = least + (most - least) * draws[:, :2, None]  # of the side: height, width. [k, 2, 1]
    begin = (1 - size) * draws[:, 2:, None]
    middle = (torch.arange(images.shape[-1], device=images.device) + 0.5) / images.shape[-1]
    down, across = ((middle >= begin) & (middle < begin + size)).unbind(1)  # [k, S]
    return images.masked_fill((down[:, :, None] & across[:, None, :])[:, None], 0)
