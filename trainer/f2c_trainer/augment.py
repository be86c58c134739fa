"""Random changes of images. Each image's randomness is given, so the result is a pure function.

They are made in this order, whatever the order they are asked for in: `jpeg` (compressed anew, where the image is
decoded), `flip`, `shift` (moved by whole pixels), `crop` (a window, made as large as the image), `blur`, `downscale`
(and up again), `occlusion` (a rectangle of mid grey), `brightness` (and contrast). Half of the images are flipped, and
all are moved. The others are of AdaFace's three kinds, each for a fifth of the images, in one of the ways asked for:
what is seen (`crop`, `occlusion`), its quality (`jpeg`, `blur`, `downscale`), its light (`brightness`).

All but the last work on bytes: on a CPU they cost what they move in memory, and floats are four times as large.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from .keyed import Integers

COLOR, MEAN, SCALE = "RGB", 127.5, 127.5  # network input = (pixel - MEAN) / SCALE

# Draws of an image, by column. A change's first one says whether the image has it.
DRAWS = 15
_FLIP = 0
_SHIFT = slice(1, 3)  # right, down
_PART = slice(3, 9)  # whether; which way; side, left, top of a crop, or height, width, top, left of an occlusion
_LOSS = slice(9, 12)  # whether; which way; how much
_BRIGHTNESS = slice(12, 15)  # whether; contrast, brightness

_GREY = 128
_SHARE = 0.2
_MOVED = 0.08  # of the side, each way
_WINDOWS = (0.8, 0.85, 0.9, 0.95)  # of the side
_WAYS = (("crop", "occlusion"), ("jpeg", "blur", "downscale"))
_JPEG = (20, 90)  # quality
_SIGMA = (0.004, 0.0125)  # of the side
_SIDES = (0.2, 0.35, 0.5, 0.65, 0.8)  # of the side
_COVERED = (0.15, 0.5)  # of the side
_CONTRAST = 0.25
_BRIGHTER = 0.25  # of the half range

_IMAGES_A_PART, _FLOATS_A_PART = 64, 4  # images at once on a CPU


def network_input(pixels: Tensor, draws: Tensor, changes: Collection[str]) -> Tensor:
    """Pixels, changed in place, as the networks see them. [B, S, S, 3] uint8, [B, DRAWS] -> [B, 3, S, S] in [-1, 1]"""
    change(pixels, draws, changes)
    if "brightness" not in changes:
        return to_input(pixels)
    contrast, brightness = _light(draws[:, _BRIGHTNESS])
    factor, offset = contrast / SCALE, brightness - contrast * (MEAN / SCALE)
    images = torch.empty(pixels.shape, device=pixels.device)
    for part in _parts(pixels):
        images[part].copy_(pixels[part]).mul_(factor[part]).add_(offset[part]).clamp_(-1, 1)
    return images.permute(0, 3, 1, 2)


def to_input(pixels: Tensor) -> Tensor:
    """[B, S, S, 3] uint8 -> [B, 3, S, S] float32 in [-1, 1], channels last in memory"""
    images = torch.empty(pixels.shape, device=pixels.device)
    for part in _parts(pixels):
        images[part].copy_(pixels[part]).sub_(MEAN).div_(SCALE)
    return images.permute(0, 3, 1, 2)


def _parts(images: Tensor, at_once: int = _IMAGES_A_PART) -> list[slice]:
    """All on a GPU; on a CPU so many that what is between two changes stays in its cache."""
    size = max(1, len(images)) if images.is_cuda else at_once
    return [slice(first, first + size) for first in range(0, len(images), size)]


def jpeg_quality(draws: NDArray[np.float32], changes: Collection[str]) -> Integers:
    """JPEG quality that each image is compressed with anew; 0 = as it is. [B, DRAWS] -> [B]"""
    low, high = _JPEG
    quality = low + (draws[:, _LOSS][:, 2] * (high - low + 1)).astype(np.int64)
    return np.where(_have("jpeg", torch.from_numpy(draws[:, _LOSS]), changes).numpy(), quality, 0)


@torch.inference_mode()
def change(images: Tensor, draws: Tensor, changes: Collection[str]) -> None:
    """Makes all changes in place but `jpeg`, made before, and `brightness`. [B, S, S, 3] uint8, [B, DRAWS in [0, 1)]"""
    part, loss = draws[:, _PART], draws[:, _LOSS]
    if "flip" in changes:
        _change(images, draws[:, _FLIP] < 0.5, draws, lambda some, _: some.flip(2))
    if "shift" in changes:
        _move(images, draws[:, _SHIFT])
    if "crop" in changes:
        _change_by_size(images, _have("crop", part, changes), part[:, 2:], _WINDOWS, _cropped)
    if "blur" in changes:
        _change(images, _have("blur", loss, changes), loss, _blurred, _FLOATS_A_PART)
    if "downscale" in changes:
        _change_by_size(images, _have("downscale", loss, changes), loss[:, 2:], _SIDES, _coarsened)
    if "occlusion" in changes:
        _cover(images, _have("occlusion", part, changes), part[:, 2:])


def _have(name: str, draws: Tensor, changes: Collection[str]) -> Tensor:
    """Which images have this change of all that are asked for of its kind. [B, 2 or more] -> [B] bool"""
    [asked] = [[way for way in ways if way in changes] for ways in _WAYS if name in ways]
    return (draws[:, 0] < _SHARE) & ((draws[:, 1] * len(asked)).long() == asked.index(name))


def _move(images: Tensor, draws: Tensor) -> None:
    """Moves images right and down by whole pixels; beyond an image it is black. [B, S, S, 3], [B, 2]"""
    side, parts = images.shape[1], _parts(images)
    most = round(_MOVED * side)
    right, down = ((draws * (2 * most + 1)).long() - most).unbind(1)
    column = torch.arange(side, device=images.device) - right[:, None]
    own = ((column >= 0) & (column < side)).byte().repeat_interleave(3, 1)[:, None]  # of its row. [B, 1, 3 S]
    height, first = side + 2 * most + 2, most + 1
    framed = images.new_zeros(parts[0].stop, height, side, 3)
    for part in parts:
        some = images[part]
        framed[: len(some), first : first + side] = some
        # Whole images are one run each, which begins `right` pixels early and so ends each row in that of another.
        row = torch.arange(len(some), device=images.device) * height + first - down[part]
        torch.index_select(_runs(framed, side * side), 0, row * side - right[part], out=some.flatten(1))
        some.flatten(2).mul_(own[part])


Change = Callable[[Tensor, Tensor], Tensor]


def _change(images: Tensor, which: Tensor, draws: Tensor, how: Change, at_once: int = _IMAGES_A_PART) -> None:
    """Changes some of the images in place, by their draws. [B, S, S, 3], [B] bool, [B, d]"""
    rows = torch.nonzero(which).flatten()
    for part in _parts(rows, at_once):
        some = rows[part]
        taken = images.flatten(1).index_select(0, some).view(-1, *images.shape[1:])
        _put(images, some, how(taken, draws.index_select(0, some)))


def _change_by_size(
    images: Tensor, which: Tensor, draws: Tensor, shares: tuple[float, ...], how: Callable[[int], Change]
) -> None:
    """The same by a size that the first draw stands for; those of one together. [B, S, S, 3], [B] bool, [B, d]"""
    number = torch.where(which, (draws[:, 0] * len(shares)).long(), -1)
    for each, share in enumerate(shares):
        _change(images, number == each, draws, how(max(1, round(share * images.shape[1]))))


def _put(images: Tensor, rows: Tensor, some: Tensor) -> None:
    """images[rows] = some, by words where they fit: PyTorch writes one at a time. [B, ...], [n], [n, ...]"""
    word = torch.int64 if images[0].numel() % 8 == 0 else torch.uint8
    images.flatten(1).view(word)[rows] = some.flatten(1).view(word)


def _windows(images: Tensor, corner: Tensor, side: int) -> Tensor:
    """A window of each image from its corner on. [n, H, W, 3], [n, 2] -> [n, side, side, 3]"""
    height, width = images.shape[1:3]
    number, row = (torch.arange(size, device=images.device) for size in (len(images), side))
    begin = (number * (height * width) + corner[:, 1] * width + corner[:, 0])[:, None] + row * width
    return _runs(images, side).index_select(0, begin.flatten()).view(-1, side, side, 3)


def _runs(images: Tensor, length: int) -> Tensor:
    """So many pixels from every pixel on, as a view. [n, H, W, 3] -> [n H W - length + 1, 3 length]"""
    pixels = images.numel() // 3
    return images.flatten().as_strided((pixels - length + 1, 3 * length), (3, 1))


def _cropped(side: int) -> Change:
    """Each image through a window of its own, as large as it was. [k, S, S, 3], [k, 4]"""

    def crop(images: Tensor, draws: Tensor) -> Tensor:
        whole = images.shape[1]
        return _resized(_windows(images, (draws[:, 1:3] * (whole - side + 1)).long(), side), whole)

    return crop


def _coarsened(side: int) -> Change:
    """Each image down to a side and up again. [k, S, S, 3]"""
    return lambda images, _: _resized(_resized(images, side), images.shape[1])


def _resized(images: Tensor, side: int) -> Tensor:
    """[n, h, w, 3] -> [n, side, side, 3], fine detail taken away before it is too fine"""
    planes = images.permute(0, 3, 1, 2)
    if images.is_cuda:  # which resizes no bytes
        planes = planes.float()
    resized = interpolate(planes, size=side, mode="bilinear", antialias=True).permute(0, 2, 3, 1)
    return (_bytes(resized) if images.is_cuda else resized).contiguous()


def _blurred(images: Tensor, draws: Tensor) -> Tensor:
    """Each image through its own Gaussian, along columns and then along rows. [k, S, S, 3], [k, 3]"""
    side, (least, most) = images.shape[1], _SIGMA
    reach = math.ceil(2 * most * side)
    offset = torch.arange(-reach, reach + 1, device=images.device)
    weight = torch.exp(-0.5 * (offset / (side * (least + (most - least) * draws[:, 2:]))) ** 2)
    weight /= weight.sum(1, keepdim=True)  # [k, 2 reach + 1]
    return _bytes(_averaged(_averaged(images.float(), 1, weight), 2, weight))


def _averaged(images: Tensor, dim: int, weight: Tensor) -> Tensor:
    """Every pixel and its neighbours in a row or a column; the border goes on as it is. [k, S, S, 3], [k, 2 r + 1]"""
    side, reach = images.shape[dim], weight.shape[1] // 2
    shape = [-1, -1, -1, -1]
    shape[dim] = reach
    first, last = images.narrow(dim, 0, 1), images.narrow(dim, side - 1, 1)
    framed = torch.cat([first.expand(shape), images, last.expand(shape)], dim)
    mean = torch.zeros_like(images)
    for offset, share in enumerate(weight[:, :, None, None, None].unbind(1)):
        mean.addcmul_(framed.narrow(dim, offset, side), share)
    return mean


def _cover(images: Tensor, which: Tensor, draws: Tensor) -> None:
    """Covers a rectangle of some images with mid grey. [B, S, S, 3], [B] bool, [B, 4]"""
    side, (least, most) = images.shape[1], _COVERED
    size = least + (most - least) * draws[:, :2, None]  # of the side: height, width. [B, 2, 1]
    begin = (1 - size) * draws[:, 2:, None]
    middle = (torch.arange(side, device=images.device) + 0.5) / side
    down, across = ((middle >= begin) & (middle < begin + size)).unbind(1)  # [B, S]
    image, row = torch.nonzero(down & which[:, None], as_tuple=True)
    inside = across.byte().repeat_interleave(3, 1).index_select(0, image)  # of the rows that it crosses. [n, 3 S]
    rows, number = images.view(-1, 3 * side), image * side + row
    _put(rows, number, rows.index_select(0, number) * (1 - inside) + inside * _GREY)


def _light(draws: Tensor) -> tuple[Tensor, Tensor]:
    """Contrast, which is 1 where nothing changes, and brightness, which is 0. [B, 3] -> [B, 1, 1, 1] each"""
    signed = torch.where(draws[:, :1] < _SHARE, draws[:, 1:] * 2 - 1, 0)[..., None, None, None]
    return 1 + _CONTRAST * signed[:, 0], _BRIGHTER * signed[:, 1]


def _bytes(values: Tensor) -> Tensor:
    """Rounded, by way of a type that PyTorch converts several numbers of at a time."""
    return values.round_().short().byte()
