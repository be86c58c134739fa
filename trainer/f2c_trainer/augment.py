"""Random changes of images. Each image's randomness is given, so the result is a pure function.

They are made in this order, whatever the order they are asked for in: `jpeg` (compressed anew), `flip`, `shift` (moved
by whole pixels), `occlusion` (a rectangle of mid grey), `crop` (a window, made as large as the image), `blur`,
`downscale` (and up again), `brightness` (and contrast). Half of the images are flipped, and all are moved. The others
are of AdaFace's three kinds, each for a fifth of the images, in one of the ways asked for: what is seen (`crop`,
`occlusion`), its quality (`jpeg`, `blur`, `downscale`), its light (`brightness`).

`jpeg` is made where an image is decoded; so are, without a GPU, `flip`, `shift` and `occlusion` (edits.py). The others
are made of the batch; all but the last of bytes: on a CPU they cost what they move in memory, and floats are four times
as large.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .edits import GREY, Edit

COLOR, MEAN, SCALE = "RGB", 127.5, 127.5  # network input = (pixel - MEAN) / SCALE

# Draws of an image, by column. A change's first one says whether the image has it.
DRAWS = 15
_FLIP = 0
_SHIFT = slice(1, 3)  # right, down
_PART = slice(3, 9)  # whether; which way; side, left, top of a crop, or height, width, top, left of an occlusion
_LOSS = slice(9, 12)  # whether; which way; how much
_BRIGHTNESS = slice(12, 15)  # whether; contrast, brightness

_EDITS = {"flip", "shift", "occlusion"}
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

_IMAGES_A_PART, _BLURRED_A_PART = 64, 16  # images at once on a CPU
_EDITED_A_PART = 256  # an edit has 40 bytes for each pixel on its way


def network_input(pixels: Tensor, draws: Tensor, changes: Collection[str]) -> Tensor:
    """Pixels, which are edited already if a CPU is to do it, changed in place, as the networks see them.

    [B, S, S, 3] uint8, [B, DRAWS] -> [B, 3, S, S] in [-1, 1]
    """
    if pixels.is_cuda and not _EDITS.isdisjoint(changes):
        edit_batch(pixels, edits(draws, changes, pixels.shape[1]))
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


def edits(draws: Tensor, changes: Collection[str], side: int) -> Tensor:
    """What each image has, as `Edit` tells it. [B, DRAWS in [0, 1)] -> [B, 8] int16"""
    part, loss = draws[:, _PART], draws[:, _LOSS]
    rows = torch.zeros(len(draws), len(Edit._fields), dtype=torch.int16, device=draws.device)
    quality, flip, moves, covered = rows[:, 0], rows[:, 1], rows[:, 2:4], rows[:, 4:]
    if "jpeg" in changes:
        low, high = _JPEG
        quality[:] = (low + loss[:, 2] * (high - low + 1)).long() * _have("jpeg", loss, changes)
    if "flip" in changes:
        flip[:] = draws[:, _FLIP] < 0.5
    if "shift" in changes:
        most = round(_MOVED * side)
        moves[:] = (draws[:, _SHIFT] * (2 * most + 1)).long() - most
    if "occlusion" in changes:
        least, most_covered = _COVERED
        size = least + (most_covered - least) * part[:, 2:4]  # of the side: height, width
        begin = (1 - size) * part[:, 4:]
        bounds = torch.stack([begin, begin + size], 2).flatten(1)  # top, bottom, left, right
        # Of pixels whose middle is inside.
        covered[:] = (bounds * side - 0.5).ceil() * _have("occlusion", part, changes)[:, None]
    return rows


def edit_batch(images: Tensor, edits: Tensor) -> None:
    """Makes in place what `edit` does, on a GPU. [B, S, S, 3] uint8, [B, 8]"""
    for first in range(0, len(images), _EDITED_A_PART):
        part = slice(first, first + _EDITED_A_PART)
        images[part] = _edited(images[part], edits[part])


def _edited(images: Tensor, edits: Tensor) -> Tensor:
    side = images.shape[1]
    number, at = (torch.arange(size, device=images.device) for size in (len(images), side))
    _, flip, right, down, top, bottom, left, end = edits[:, :, None].unbind(1)
    row, column = at - down, at - right  # where each comes from. [B, S]
    seen = ((row >= 0) & (row < side))[:, :, None] & ((column >= 0) & (column < side))[:, None]
    column = torch.where(flip == 1, side - 1 - column, column)
    from_row, from_column = row.clamp(0, side - 1)[:, :, None], column.clamp(0, side - 1)[:, None]
    moved = images[number[:, None, None], from_row, from_column] * seen[..., None]
    covered = ((at >= top) & (at < bottom))[:, :, None] & ((at >= left) & (at < end))[:, None]
    return moved.masked_fill_(covered[..., None], GREY)


@torch.inference_mode()
def change(images: Tensor, draws: Tensor, changes: Collection[str]) -> None:
    """Makes `crop`, `blur` and `downscale` in place. [B, S, S, 3] uint8, [B, DRAWS in [0, 1)]"""
    part, loss = draws[:, _PART], draws[:, _LOSS]
    if "crop" in changes:
        _change_by_size(images, _have("crop", part, changes), part[:, 2:], _WINDOWS, _cropped)
    if "blur" in changes:
        _change(images, _have("blur", loss, changes), loss, _blurred, _BLURRED_A_PART)
    if "downscale" in changes:
        _change_by_size(images, _have("downscale", loss, changes), loss[:, 2:], _SIDES, _coarsened)


def _have(name: str, draws: Tensor, changes: Collection[str]) -> Tensor:
    """Which images have this change of all that are asked for of its kind. [B, 2 or more] -> [B] bool"""
    [asked] = [[way for way in ways if way in changes] for ways in _WAYS if name in ways]
    return (draws[:, 0] < _SHARE) & ((draws[:, 1] * len(asked)).long() == asked.index(name))


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
    return (resized.round_().byte() if images.is_cuda else resized).contiguous()


def _blurred(images: Tensor, draws: Tensor) -> Tensor:
    """Each image through its own Gaussian, along columns and then along rows. [k, S, S, 3], [k, 3]"""
    side, (least, most) = images.shape[1], _SIGMA
    reach = math.ceil(2 * most * side)
    offset = torch.arange(-reach, reach + 1, device=images.device)
    share = torch.exp(-0.5 * (offset / (side * (least + (most - least) * draws[:, 2:]))) ** 2)
    # In 128ths, so that sums of bytes by them fit 16 bits; their sums are rounded, so that they are 128 together.
    sums = (share.cumsum(1) * (128 / share.sum(1, keepdim=True))).round().short()
    weight = sums.diff(dim=1, prepend=torch.zeros_like(sums[:, :1]))  # [k, 2 reach + 1]
    return _averaged(_averaged(images.short(), 1, weight), 2, weight).byte()


def _averaged(images: Tensor, dim: int, weight: Tensor) -> Tensor:
    """Every pixel and its neighbours in a row or a column; the border goes on as it is. [k, S, S, 3], [k, 2 r + 1]"""
    side, reach = images.shape[dim], weight.shape[1] // 2
    shape = [-1, -1, -1, -1]
    shape[dim] = reach
    first, last = images.narrow(dim, 0, 1), images.narrow(dim, side - 1, 1)
    framed = torch.cat([first.expand(shape), images, last.expand(shape)], dim)
    total = torch.full_like(images, 64)  # to round
    for offset, share in enumerate(weight[:, :, None, None, None].unbind(1)):
        total.addcmul_(framed.narrow(dim, offset, side), share)
    return total.bitwise_right_shift_(7)


def _light(draws: Tensor) -> tuple[Tensor, Tensor]:
    """Contrast, which is 1 where nothing changes, and brightness, which is 0. [B, 3] -> [B, 1, 1, 1] each"""
    signed = torch.where(draws[:, :1] < _SHARE, draws[:, 1:] * 2 - 1, 0)[..., None, None, None]
    return 1 + _CONTRAST * signed[:, 0], _BRIGHTER * signed[:, 1]
