"""Random changes of images. Each image's randomness is given, so what it has is a pure function.

They are made in this order, whatever the order they are asked for in: `jpeg` (compressed anew), `occlusion` (a
rectangle of mid grey), `crop` (a window, made as large as the image), `blur`, `downscale` (and up again), `flip`,
`shift` (moved by whole pixels), `brightness` (and contrast). Half of the images are flipped, and all are moved. The
others are of AdaFace's three kinds, each for a fifth of the images, in one of the ways asked for: what is seen (`crop`,
`occlusion`), its quality (`jpeg`, `blur`, `downscale`), its light (`brightness`).

All but the last are made of bytes where an image is decoded (edits.py, gpu_edits.py), the last of floats (pixels.py).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from .edits import Edit, Edits, no_edits

Draws = NDArray[np.float32]  # fractions in [0, 1)
Light = NDArray[np.float32]  # contrast, which is 1 where nothing changes, and brightness, which is 0. [n, 2]

# Draws of an image, by column. A change's first one says whether the image has it.
DRAWS = 15
_FLIP = 0
_SHIFT = slice(1, 3)  # right, down
_PART = slice(3, 9)  # whether; which way; side, left, top of a crop, or height, width, top, left of an occlusion
_LOSS = slice(9, 12)  # whether; which way; how much
_BRIGHTNESS = slice(12, 15)  # whether; contrast, brightness

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


def edits(draws: Draws, changes: Collection[str], side: int) -> Edits:
    """What each image has of all but `brightness`, as `Edit` tells it. [n, DRAWS] -> [n, 13]"""
    rows = no_edits(len(draws))
    column = dict(zip(Edit._fields, rows.T, strict=True))
    part, loss = draws[:, _PART], draws[:, _LOSS]
    if "jpeg" in changes:
        low, high = _JPEG
        column["quality"][:] = (low + loss[:, 2] * (high - low + 1)) * _have("jpeg", loss, changes)
    if "occlusion" in changes:
        for first, end, (size, place) in (("top", "bottom", part[:, 2::2].T), ("left", "end", part[:, 3::2].T)):
            length = _between(_COVERED, size)
            begin = (1 - length) * place
            for name, bound in ((first, begin), (end, begin + length)):  # of pixels whose middle is inside
                column[name][:] = np.ceil(bound * side - 0.5) * _have("occlusion", part, changes)
    if "crop" in changes:
        window = np.round(_one_of(_WINDOWS, part[:, 2]) * side)
        have, places = _have("crop", part, changes), side - window + 1
        column["window"][:] = window * have
        column["window_left"][:] = np.floor(part[:, 3] * places) * have
        column["window_top"][:] = np.floor(part[:, 4] * places) * have
    if "blur" in changes:
        column["blur"][:] = _between(_SIGMA, loss[:, 2]) * (1000 * side) * _have("blur", loss, changes)
    if "downscale" in changes:
        coarse = np.maximum(1, np.round(_one_of(_SIDES, loss[:, 2]) * side))
        column["coarse"][:] = coarse * _have("downscale", loss, changes)
    if "flip" in changes:
        column["flip"][:] = draws[:, _FLIP] < 0.5
    if "shift" in changes:
        most = round(_MOVED * side)
        for name, draw in zip(("right", "down"), draws[:, _SHIFT].T, strict=True):
            column[name][:] = np.floor(draw * (2 * most + 1)) - most
    return rows


def _have(name: str, draws: Draws, changes: Collection[str]) -> NDArray[np.bool_]:
    """Which images have this change of all that are asked for of its kind. [n, 2 or more] -> [n]"""
    [asked] = [[way for way in ways if way in changes] for ways in _WAYS if name in ways]
    which: NDArray[np.bool_] = np.array([way == name for way in asked])[(draws[:, 1] * len(asked)).astype(int)]
    return which & (draws[:, 0] < _SHARE)


def _one_of(values: tuple[float, ...], draws: Draws) -> NDArray[np.float64]:
    chosen: NDArray[np.float64] = np.array(values)[(draws * len(values)).astype(int)]
    return chosen


def _between(bounds: tuple[float, float], draws: Draws) -> Draws:
    least, most = bounds
    return least + (most - least) * draws


def light(draws: Draws) -> Light:
    """What each image has of `brightness`. [n, DRAWS] -> [n, 2]"""
    whether, amount = np.split(draws[:, _BRIGHTNESS], [1], axis=1)
    signed = np.where(whether < _SHARE, amount * 2 - 1, np.float32(0))
    return np.array([1, 0], np.float32) + np.array([_CONTRAST, _BRIGHTER], np.float32) * signed
