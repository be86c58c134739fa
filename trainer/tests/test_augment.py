from __future__ import annotations

import pytest
import torch

from f2c_trainer.augment import DRAWS, augment, to_input


def smooth_images(count: int) -> torch.Tensor:
    ramp = torch.linspace(-0.5, 0.5, 24)
    turn = torch.linspace(0.2, 1, count)[:, None, None]
    one = turn * ramp[:, None] + (1 - turn) * ramp[None, :]
    return one[:, None].repeat(1, 3, 1, 1)


def test_input_is_centred_and_channels_last() -> None:
    pixels = torch.zeros(2, 4, 5, 3, dtype=torch.uint8)
    pixels[1] = 255
    images = to_input(pixels)
    assert images.shape == (2, 3, 4, 5)
    assert images.min().item() == -1
    assert images.max().item() == 1
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_nothing_asked_nothing_changed() -> None:
    images = smooth_images(5)
    assert torch.equal(augment(images, torch.rand(5, DRAWS), ()), images)


def test_an_image_changes_by_its_own_draws_alone() -> None:
    images, draws = smooth_images(16), torch.rand(16, DRAWS, generator=torch.Generator().manual_seed(0))
    changes = ("flip", "shift", "brightness")
    together = augment(images, draws, changes)
    assert torch.equal(together, augment(images, draws, changes))
    for i in (0, 7, 15):
        assert torch.equal(together[i], augment(images[i : i + 1], draws[i : i + 1], changes)[0])
    assert together.isfinite().all()
    assert together.abs().max() <= 1


def test_flip_mirrors_half_of_the_images() -> None:
    images = smooth_images(4)
    draws = torch.zeros(4, DRAWS)
    draws[:, 0] = torch.tensor([0.0, 0.49, 0.5, 0.99])
    flipped = augment(images, draws, ("flip",))
    assert torch.equal(flipped[:2], images[:2].flip(-1))
    assert torch.equal(flipped[2:], images[2:])


def test_middling_draws_leave_the_image_as_it_is() -> None:
    images = smooth_images(3)
    unmoved = augment(images, torch.full((3, DRAWS), 0.5), ("shift", "brightness"))
    assert (unmoved - images).abs().max() < 1e-5


@pytest.mark.parametrize(("column", "moved"), [(2, -1), (3, -2)])
def test_shift_moves_right_and_down(column: int, moved: int) -> None:
    images = torch.zeros(1, 3, 25, 25)
    images[:, :, 12, 12] = 1
    draws = torch.full((1, DRAWS), 0.5)
    draws[0, column] = 0.75  # 4 % of 25 pixels: one pixel
    there = augment(images, draws, ("shift",))
    assert torch.allclose(there, images.roll(-1, moved), atol=1e-4)


def test_brightness_and_contrast() -> None:
    images = torch.tensor([-0.5, 0.0, 0.5]).repeat(1, 3, 1, 1)
    draws = torch.full((1, DRAWS), 0.5)
    draws[0, 4], draws[0, 5] = 0.9, 0.7  # contrast x 1.2, brightness + 0.1
    assert augment(images, draws, ("brightness",))[0, 0, 0].tolist() == pytest.approx([-0.5, 0.1, 0.7])
