"""What `edits.py` does to an image, done by a GPU to many at once, where it decodes them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, grid_sample, interpolate, pad

from .edits import GREY, Edit

_IMAGES_A_PART = 256  # a blur has 50 bytes for each pixel on its way


def edit_batch(images: Tensor, edits: Tensor) -> None:
    """Edits images in place, all but `quality`; those that are resized or blurred to a level or two of a CPU's.

    [n, S, S, 3] uint8, [n, 13] int16
    """
    for first in range(0, len(images), _IMAGES_A_PART):
        part = slice(first, first + _IMAGES_A_PART)
        _edit(images[part], edits[part].long())


def _edit(images: Tensor, edits: Tensor) -> None:
    column = dict(zip(Edit._fields, edits.unbind(1), strict=True))
    corners = [column[name] for name in ("top", "bottom", "left", "end")]
    images.masked_fill_(_rectangle(images.shape[1], *corners), GREY)
    window, coarse = column["window"], column["coarse"]
    if (rows := window.nonzero().flatten()).numel() > 0:
        begin = torch.stack([column["window_left"], column["window_top"]], 1)
        images[rows] = _bytes(_cropped(_planes(images[rows]), window[rows], begin[rows]))
    if (rows := column["blur"].nonzero().flatten()).numel() > 0:
        images[rows] = _bytes(_blurred(_planes(images[rows]), column["blur"][rows] / 1000))
    for side in set(coarse.tolist()) - {0}:
        images[coarse == side] = _coarsened(images[coarse == side], side)
    images[:] = _moved(images, column["flip"], column["right"], column["down"])


def _rectangle(side: int, top: Tensor, bottom: Tensor, left: Tensor, end: Tensor) -> Tensor:
    """Which pixels are inside. [n] each -> [n, S, S, 1] bool"""
    at = torch.arange(side, device=top.device)
    rows, columns = ((at >= begin[:, None]) & (at < stop[:, None]) for begin, stop in ((top, bottom), (left, end)))
    return (rows[:, :, None] & columns[:, None])[..., None]


def _cropped(planes: Tensor, window: Tensor, begin: Tensor) -> Tensor:
    """Each image through a window of its own. [n, 3, S, S], [n], left and top [n, 2] -> [n, 3, S, S]"""
    side = planes.shape[2]
    at = (torch.arange(side, device=planes.device) + 0.5) / side * window[:, None] - 0.5  # in the window. [n, S]
    at = torch.minimum(at.clamp(min=0), window[:, None] - 1)
    across, down = (2 * (at + begin[:, each, None]) / (side - 1) - 1 for each in (0, 1))  # as grid_sample counts
    grid = torch.stack([across[:, None].expand(-1, side, -1), down[:, :, None].expand(-1, -1, side)], 3)
    return grid_sample(planes, grid, align_corners=True)


def _blurred(planes: Tensor, sigma: Tensor) -> Tensor:
    """Each image through its own Gaussian, along columns and then along rows. [n, 3, S, S], [n] -> [n, 3, S, S]"""
    reach = int((2 * sigma).ceil().max())
    offset = torch.arange(-reach, reach + 1, device=planes.device)
    weight = torch.exp(-0.5 * (offset / sigma[:, None]) ** 2) * (offset.abs() <= (2 * sigma[:, None]).ceil())
    weight = (weight / weight.sum(1, keepdim=True)).repeat_interleave(3, 0)[:, None]  # [3 n, 1, 2 reach + 1]
    framed = pad(planes.flatten(0, 1)[None], [reach] * 4, "replicate")  # [1, 3 n, ...]
    down = conv2d(framed, weight[..., None], groups=len(weight))
    return conv2d(down, weight[:, :, None], groups=len(weight)).view_as(planes)


def _coarsened(images: Tensor, side: int) -> Tensor:
    """Down to a side and up again, halved first. [n, S, S, 3] -> [n, S, S, 3]"""
    coarse = images
    while coarse.shape[1] >= 2 * side:
        halves = _overlaps(coarse.shape[1], coarse.shape[1] // 2, images.device)
        coarse = _bytes(halves @ _planes(coarse) @ halves.T)
    for size in (side, images.shape[1]):
        coarse = _bytes(interpolate(_planes(coarse), size=size, mode="bilinear"))
    return coarse


def _overlaps(size: int, parts: int, device: torch.device) -> Tensor:
    """How much of each equal part of a row each pixel is. -> [parts, size]"""
    pixel, part = torch.arange(size, device=device), torch.arange(parts, device=device)[:, None]
    length = size / parts
    return (torch.minimum(pixel + 1, (part + 1) * length) - torch.maximum(pixel, part * length)).clamp(min=0) / length


def _moved(images: Tensor, flip: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Mirrored, then moved by whole pixels. [n, S, S, 3], [n] each -> [n, S, S, 3]"""
    side = images.shape[1]
    number, at = (torch.arange(size, device=images.device) for size in (len(images), side))
    row, column = at - down[:, None], at - right[:, None]  # where each comes from. [n, S]
    seen = ((row >= 0) & (row < side))[:, :, None] & ((column >= 0) & (column < side))[:, None]
    column = torch.where(flip[:, None] == 1, side - 1 - column, column)
    from_row, from_column = row.clamp(0, side - 1)[:, :, None], column.clamp(0, side - 1)[:, None]
    return images[number[:, None, None], from_row, from_column] * seen[..., None]


def _planes(images: Tensor) -> Tensor:
    """[n, H, W, 3] uint8 -> [n, 3, H, W] float32"""
    return images.permute(0, 3, 1, 2).float()


def _bytes(planes: Tensor) -> Tensor:
    """[n, 3, H, W] in [0, 255] -> [n, H, W, 3] uint8"""
    return planes.permute(0, 2, 3, 1).round().clamp(0, 255).byte()
