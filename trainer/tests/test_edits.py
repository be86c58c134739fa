from __future__ import annotations

import numpy as np
import pytest
import simplejpeg
import torch

from f2c_trainer.augment import edit_batch
from f2c_trainer.edits import Edit, Edits, Images, decode, edit, no_edits


def jpeg_of(side: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return bytes(simplejpeg.encode_jpeg(pixels, 90))


def edits_of(*some: dict[str, int]) -> Edits:
    edits = no_edits(len(some))
    for row, values in enumerate(some):
        for name, value in values.items():
            edits[row, Edit._fields.index(name)] = value
    return edits


def made(jpeg: bytes, side: int, edits: Edits) -> Images:
    images = np.full((len(edits), side, side, 3), 77, dtype=np.uint8)
    for image, (quality, flip) in zip(images, edits[:, :2].tolist(), strict=True):
        decode(jpeg, image, quality, flip)
    edit(images, edits)
    return images


@pytest.mark.parametrize("side", [24, 25])  # rows of whole words, and others
def test_each_edit(side: int) -> None:
    jpeg = jpeg_of(side)
    image = simplejpeg.decode_jpeg(jpeg)
    moved, covered = np.zeros_like(image), image.copy()
    moved[: side - 2, 3:] = image[2:, : side - 3]
    covered[4:9, 1:20] = 128
    again = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(image, 30, colorsubsampling="420"))
    edits = edits_of(
        {},
        {"flip": 1},
        {"right": 3, "down": -2},
        {"top": 4, "bottom": 9, "left": 1, "end": 20},
        {"quality": 30},
        {"quality": 30, "flip": 1},
    )
    expected = [image, image[:, ::-1], moved, covered, again, again[:, ::-1]]
    assert np.array_equal(made(jpeg, side, edits), expected)


@pytest.mark.parametrize("side", [24, 25])
def test_a_gpu_edits_a_batch_to_the_same_pixels(side: int) -> None:
    random = np.random.default_rng(0)
    edits = no_edits(300)
    edits[:, 1] = random.integers(2, size=300)
    edits[:, 2:4] = random.integers(-side, side + 1, (300, 2)) * random.integers(2, size=(300, 1))
    edits[:, 4:8:2] = random.integers(0, 9, (300, 2))
    edits[:, 5:8:2] = edits[:, 4:8:2] + random.integers(0, 9, (300, 2))
    jpeg = jpeg_of(side)
    plain = torch.from_numpy(made(jpeg, side, no_edits(300)))
    edit_batch(plain, torch.from_numpy(edits))
    assert np.array_equal(plain.numpy(), made(jpeg, side, edits))


@pytest.mark.parametrize("quality", [0, 50])
def test_what_is_no_jpeg_of_the_size_is_refused(quality: int) -> None:
    for content in (b"no image", jpeg_of(32)):
        with pytest.raises(ValueError, match=r".+"):
            decode(content, np.zeros((24, 24, 3), dtype=np.uint8), quality, 0)
