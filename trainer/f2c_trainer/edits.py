"""What is done to an image where it is decoded, while a core's cache has it. No PyTorch.

In this order: compressed anew, a part covered with mid grey, a window enlarged, blurred, made coarse, mirrored, moved.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg
from cv2.typing import MatLike
from numpy.typing import NDArray

GREY = 128
# Of images in memory. Rows that begin with a vector of 32 bytes are written past the cache by libjpeg-turbo, and read
# from memory by whoever comes next. Of an array of NumPy's with 112 pixels a row those are half of the rows, whereby
# decoding takes a fifth longer; with the offset there is none where a row is a multiple of 16 pixels.
OFFSET = 8

Image = NDArray[np.uint8]
Images = NDArray[np.uint8]  # RGB. [n, S, S, 3]
Edits = NDArray[np.int16]  # an Edit each. [n, 13]

cv2.setNumThreads(1)  # other cores have images of their own


class Edit(NamedTuple):
    """What an image has, in pixels; all zeros: nothing."""

    quality: int  # of a JPEG; 0: it is not compressed anew
    top: int  # of a rectangle, to be covered
    bottom: int
    left: int
    end: int  # of its columns
    window: int  # the side of a part that becomes as large as the image
    window_top: int
    window_left: int
    blur: int  # a Gaussian's standard deviation, in thousandths of a pixel
    coarse: int  # the side of which it has the detail
    flip: int  # 0 or 1
    right: int  # by which it moves; what it was moved from is black
    down: int


class UndecodableError(ValueError):
    """What should fill an image is no JPEG, or one of another size."""


def no_edits(count: int) -> Edits:
    return np.zeros((count, len(Edit._fields)), dtype=np.int16)


def empty_images(count: int, size: int) -> Images:
    """Memory to decode into. [n, S, S, 3]"""
    return np.empty(OFFSET + count * size * size * 3, np.uint8)[OFFSET:].reshape(count, size, size, 3)


def decode(jpeg: bytes, image: Image, values: list[int], spare: Image) -> None:
    """Fills an image [S, S, 3] with a JPEG, edited as an Edit's values say; by way of a spare one where it moves.

    Raises UndecodableError.
    """
    if not any(values):
        _fill(image, jpeg)
        return
    edit = Edit._make(values)
    moves = edit.right != 0 or edit.down != 0
    pixels = spare if moves else image
    _fill(pixels, jpeg)
    if edit.quality > 0:
        _fill(pixels, simplejpeg.encode_jpeg(pixels, edit.quality, "RGB", "420"))
    if edit.end > 0:
        pixels[edit.top : edit.bottom, edit.left : edit.end] = GREY
    if edit.window > 0:
        pixels[:] = _cropped(pixels, edit)
    if edit.blur > 0:
        pixels[:] = _blurred(pixels, edit.blur / 1000)
    if edit.coarse > 0:
        pixels[:] = _coarsened(pixels, edit.coarse)
    if edit.flip:
        cv2.flip(pixels, 1, pixels)
    if moves:
        _move(pixels, image, edit.right, edit.down)


def _fill(image: Image, jpeg: bytes) -> None:
    try:
        shape = simplejpeg.decode_jpeg(jpeg, "RGB", buffer=image).shape
    except ValueError as error:
        raise UndecodableError(str(error)) from error
    if shape != image.shape:
        raise UndecodableError(f"its shape is {shape} instead of {image.shape}")


def _cropped(image: MatLike, edit: Edit) -> MatLike:
    rows, columns = (slice(begin, begin + edit.window) for begin in (edit.window_top, edit.window_left))
    return _resized(image[rows, columns], len(image))


def _blurred(image: MatLike, sigma: float) -> MatLike:
    size = 2 * math.ceil(2 * sigma) + 1
    return cv2.GaussianBlur(image, (size, size), sigma, borderType=cv2.BORDER_REPLICATE)


def _coarsened(image: MatLike, side: int) -> MatLike:
    """Down to a side and up again: halved as often as that leaves enough, so that no detail is skipped."""
    coarse = image
    while len(coarse) >= 2 * side:
        coarse = _resized(coarse, len(coarse) // 2, cv2.INTER_AREA)
    return _resized(_resized(coarse, side), len(image))


def _resized(image: MatLike, side: int, how: int = cv2.INTER_LINEAR) -> MatLike:
    return cv2.resize(image, (side, side), interpolation=how)


def _move(image: Image, moved: Image, right: int, down: int) -> None:
    size = len(image)
    seen = image[max(-down, 0) : size - max(down, 0), max(-right, 0) : size - max(right, 0)]
    frame = max(down, 0), max(-down, 0), max(right, 0), max(-right, 0)  # above, below, left, right
    cv2.copyMakeBorder(seen, *frame, cv2.BORDER_CONSTANT, moved)
