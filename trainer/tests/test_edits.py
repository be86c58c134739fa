from __future__ import annotations

import os
import typing
from tempfile import TemporaryFile

import numpy as np
import pytest
import simplejpeg
import torch

from f2c_trainer.augment import DRAWS, edits
from f2c_trainer.config import Augmentation
from f2c_trainer.decode import bytes_of_slots, shared_slots
from f2c_trainer.edits import Edit, Edits, Images, UndecodableError, decode, empty_images, no_edits
from f2c_trainer.gpu_edits import edit_batch
from f2c_trainer.keyed import key, uniform

NOTHING = no_edits(1)[0].tolist()


def jpeg_of(side: int) -> bytes:
    """Of colours that change by degrees, and some noise."""
    random = np.random.default_rng(0)
    down, across = np.linspace(0, 200, side)[:, None, None], np.linspace(0, 50, side)[None, :, None]
    pixels = down + across * [1, 0, -1] + random.uniform(0, 50, (side, side, 3))
    return bytes(simplejpeg.encode_jpeg(pixels.clip(0, 255).astype(np.uint8), 90))


def edits_of(*some: dict[str, int]) -> Edits:
    rows = no_edits(len(some))
    for row, values in zip(rows, some, strict=True):
        row[:] = Edit._make(NOTHING)._replace(**values)
    return rows


def made(jpeg: bytes, side: int, rows: Edits) -> Images:
    images, [spare] = empty_images(len(rows), side), empty_images(1, side)
    images[:] = 77
    for image, values in zip(images, rows.tolist(), strict=True):
        decode(jpeg, image, values, spare)
    return images


@pytest.mark.parametrize("side", [24, 25])
def test_each_edit_of_whole_pixels(side: int) -> None:
    jpeg = jpeg_of(side)
    image = simplejpeg.decode_jpeg(jpeg)
    moved, covered = np.zeros_like(image), image.copy()
    moved[: side - 2, 3:] = image[2:, : side - 3]
    covered[4:9, 1:20] = 128
    again = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(image, 30, colorsubsampling="420"))
    rows = edits_of(
        {},
        {"flip": 1},
        {"right": 3, "down": -2},
        {"flip": 1, "right": -3, "down": -2},
        {"top": 4, "bottom": 9, "left": 1, "end": 20},
        {"quality": 30},
        {"quality": 30, "flip": 1},
    )
    expected = [image, image[:, ::-1], moved, moved[:, ::-1], covered, again, again[:, ::-1]]
    assert np.array_equal(made(jpeg, side, rows), expected)


@pytest.mark.parametrize("side", [24, 25])
def test_a_gpu_makes_edits_of_whole_pixels_to_the_same_ones(side: int) -> None:
    random, count = np.random.default_rng(0), 300
    rows = no_edits(count)
    column = dict(zip(Edit._fields, rows.T, strict=True))
    column["flip"][:] = random.integers(2, size=count)
    for name in ("right", "down"):
        column[name][:] = random.integers(1 - side, side, count) * random.integers(2, size=count)
    for begin, end in (("top", "bottom"), ("left", "end")):
        column[begin][:] = random.integers(0, 9, count)
        column[end][:] = column[begin] + random.integers(0, 9, count)
    assert np.array_equal(by_gpu(jpeg_of(side), side, rows), made(jpeg_of(side), side, rows))


@pytest.mark.parametrize("name", ["crop", "blur", "downscale", "all"])
@pytest.mark.parametrize("side", [50, 90, 112])
def test_a_gpu_makes_the_others_to_a_level_or_two(name: str, side: int) -> None:
    changes = {*typing.get_args(Augmentation)} - {"jpeg"} if name == "all" else {name}
    rows = edits(uniform(key("draws"), np.arange(300), DRAWS), changes, side)
    jpeg = jpeg_of(side)
    changed = made(jpeg, side, rows).astype(int)
    assert (changed != made(jpeg, side, no_edits(300))).any((1, 2, 3)).mean() > 0.05
    assert np.abs(by_gpu(jpeg, side, rows) - changed).max() <= 2


def by_gpu(jpeg: bytes, side: int, rows: Edits) -> Images:
    """By what it runs, on whatever there is."""
    images = torch.from_numpy(made(jpeg, side, no_edits(len(rows))))
    edit_batch(images, torch.from_numpy(rows))
    return images.numpy()


@pytest.mark.parametrize("slots", [False, True])
def test_no_row_to_decode_into_begins_with_a_vector(slots: bool) -> None:
    with TemporaryFile() as file:
        os.truncate(file.fileno(), bytes_of_slots(3, 112))
        images = shared_slots(file.fileno(), 3, 112).pixels if slots else empty_images(3, 112)
    for image in images:
        assert not any((image.ctypes.data + row * image.strides[0]) % 32 == 0 for row in range(112))


@pytest.mark.parametrize("quality", [0, 50])
def test_what_is_no_jpeg_of_the_size_is_refused(quality: int) -> None:
    [values] = edits_of({"quality": quality}).tolist()
    for content in (b"no image", jpeg_of(32), jpeg_of(16)):
        image, spare = empty_images(2, 24)
        with pytest.raises(UndecodableError):
            decode(content, image, values, spare)
