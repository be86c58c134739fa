"""What is done to images where they are decoded, while a core's cache has them. No PyTorch.

In this order: compressed anew, mirrored, moved, a part covered with mid grey.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray

GREY = 128

Images = NDArray[np.uint8]  # RGB. [n, S, S, 3]
Edits = NDArray[np.int16]  # an Edit each. [n, 8]


class Edit(NamedTuple):
    """What an image has; all zeros: nothing."""

    quality: int  # of a JPEG; 0: it is not compressed anew
    flip: int  # 0 or 1
    right: int  # by which it moves, in pixels; what it was moved from is black
    down: int
    top: int  # of a rectangle, to be covered
    bottom: int
    left: int
    end: int  # of its columns


def no_edits(count: int) -> Edits:
    return np.zeros((count, len(Edit._fields)), dtype=np.int16)


def decode(jpeg: bytes, image: Images, quality: int, flip: int) -> None:
    """Fills an image [S, S, 3] with a JPEG, compressed anew with a quality; in BGR if `edit` will flip it.

    Raises ValueError if it is no JPEG, or one of another size.
    """
    if quality != 0:
        _fill(image, jpeg)
        jpeg = simplejpeg.encode_jpeg(image, quality, "RGB", "420")
    _fill(image, jpeg, "BGR" if flip else "RGB")


def _fill(image: Images, jpeg: bytes, colors: str = "RGB") -> None:
    shape = simplejpeg.decode_jpeg(jpeg, colors, buffer=image).shape
    if shape != image.shape:
        raise ValueError(f"its shape is {shape} instead of {image.shape}")


def edit(images: Images, edits: Edits) -> None:
    """Edits decoded images in place. [n, S, S, 3], [n, 8]"""
    if (flipped := edits[:, 1] != 0).any():
        _turn_rows(images, flipped)
    if edits[:, 2:4].any():
        _move(images, edits[:, 2:4])
    for row in np.flatnonzero(edits[:, 4:].any(1)).tolist():
        top, bottom, left, end = edits[row, 4:].tolist()
        images[row, top:bottom, left:end] = GREY


def _turn_rows(images: Images, which: NDArray[np.bool_]) -> None:
    """The bytes of each row turned around: BGR becomes RGB, mirrored. Several times as fast by words, where they fit:
    words turned around, whose bytes are written in the other order."""
    rows = images.reshape(*images.shape[:2], -1)
    read, written = ("<u8", ">u8") if rows.shape[2] % 8 == 0 else ("u1", "u1")
    rows.view(written)[which] = rows.view(read)[which][:, :, ::-1]


def _move(images: Images, moves: NDArray[np.int16]) -> None:
    """[n, S, S, 3], right and down [n, 2]"""
    before, size = images.copy(), images.shape[1]
    images[:] = 0
    for image, old, (right, down) in zip(images, before, moves.tolist(), strict=True):
        (rows, columns), (old_rows, old_columns) = zip(_seen(down, size), _seen(right, size), strict=True)
        image[rows, columns] = old[old_rows, old_columns]


def _seen(by: int, size: int) -> tuple[slice, slice]:
    """Where the rows or columns that are still seen are, and where they were."""
    return slice(max(by, 0), size + min(by, 0)), slice(max(-by, 0), size - max(by, 0))
