from __future__ import annotations

import typing

import numpy as np
import pytest
import torch

from f2c_trainer.augment import DRAWS, augment, jpeg_quality, network_input, to_input
from f2c_trainer.config import Augmentation
from f2c_trainer.keyed import key, uniform

CHANGES = typing.get_args(Augmentation)
CHOSEN = {"blur": 6, "downscale": 8, "jpeg": 10, "occlusion": 12}  # the draw that says whether


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


def random_draws(count: int) -> torch.Tensor:
    return torch.from_numpy(uniform(key("draws"), np.arange(count), DRAWS))


def test_the_first_draws_are_what_they_were_when_there_were_six() -> None:
    assert np.array_equal(random_draws(9)[:, :6].numpy(), uniform(key("draws"), np.arange(9), 6))


@pytest.mark.parametrize("change", [*CHANGES, "all"])
def test_an_image_changes_by_its_own_draws_alone(change: str) -> None:
    images, draws = smooth_images(64), random_draws(64)
    changes = CHANGES if change == "all" else (change,)
    together = augment(images, draws, changes)
    assert torch.equal(together, augment(images, draws, changes))
    assert torch.equal(together, augment(images, draws, changes[::-1]))
    alone = torch.cat([augment(images[i : i + 1], draws[i : i + 1], changes) for i in range(64)])
    tolerance = 1e-6 if change in ("blur", "all") else 0  # a convolution of many may round otherwise
    assert torch.allclose(together, alone, rtol=0, atol=tolerance)
    assert together.isfinite().all()
    assert together.abs().max() <= 1 + 1e-6


@pytest.mark.parametrize("change", ["blur", "downscale", "occlusion"])
def test_a_fifth_of_the_images_is_changed_and_no_other(change: str) -> None:
    images, draws = torch.rand(400, 3, 64, 64), random_draws(400)
    changed = (augment(images, draws, (change,)) != images).any(dim=(1, 2, 3))
    assert torch.equal(changed, draws[:, CHOSEN[change]] < 0.2)
    assert 0.15 < changed.float().mean() < 0.25


def chosen(change: str, *others: float) -> torch.Tensor:
    """Draws of one image that has the change, with the change's other draws."""
    draws = torch.full((1, DRAWS), 0.5)
    draws[0, CHOSEN[change]] = 0
    draws[0, CHOSEN[change] + 1 : CHOSEN[change] + 1 + len(others)] = torch.tensor(others)
    return draws


def test_blur_spreads_a_point_as_a_gaussian() -> None:
    images = torch.zeros(1, 3, 101, 101)
    images[:, :, 50, 50] = 1
    blurred = augment(images, chosen("blur", 0.5), ("blur",))[0, 0]  # sigma 0.012 of 101 pixels
    offset = torch.arange(101) - 50.0
    weight = torch.exp(-0.5 * (offset / (0.012 * 101)) ** 2)
    weight /= weight.sum()
    assert torch.allclose(blurred, weight[:, None] * weight, atol=1e-5)


def test_blur_leaves_a_plain_image_plain_up_to_its_border() -> None:
    images = torch.full((1, 3, 24, 24), 0.7)
    assert torch.allclose(augment(images, chosen("blur", 0.99), ("blur",)), images)


def test_downscale_takes_fine_detail_and_leaves_what_is_coarse() -> None:
    checks = (torch.arange(40)[:, None] + torch.arange(40)) % 2 * 2.0 - 1
    images = torch.stack([checks, torch.linspace(-0.5, 0.5, 40).expand(40, 40)])[:, None].repeat(1, 3, 1, 1)
    coarse = augment(images, chosen("downscale", 0.5).repeat(2, 1), ("downscale",))
    assert coarse[0].abs().max() < 0.3
    assert (coarse[1] - images[1]).abs().max() < 0.05


def test_a_smaller_draw_makes_downscale_coarser() -> None:
    images = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    left = [
        augment(images, chosen("downscale", draw), ("downscale",)).var().item() for draw in np.arange(0.05, 1, 1 / 7)
    ]
    assert left == sorted(left)
    assert len(set(left)) == 7


def test_occlusion_is_a_rectangle_of_grey_inside_the_image() -> None:
    images = torch.ones(1, 3, 100, 100)
    covered = augment(images, chosen("occlusion", 0.0, 0.999999, 0.0, 0.999999), ("occlusion",))[0]
    expected = torch.ones(100, 100)
    expected[:15, 50:] = 0  # 0.15 of the side high and 0.5 wide, at the top right
    assert torch.equal(covered, expected.expand(3, 100, 100))


def test_the_quality_of_a_jpeg_is_between_20_and_90() -> None:
    quality = jpeg_quality(random_draws(10_000).numpy())
    assert np.array_equal(quality > 0, random_draws(10_000)[:, CHOSEN["jpeg"]].numpy() < 0.2)
    assert set(quality[quality > 0].tolist()) == set(range(20, 91))


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


def test_a_large_batch_is_the_same_in_parts() -> None:
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (70, 12, 12, 3), dtype=np.uint8))
    images = network_input(pixels, random_draws(70), CHANGES)
    assert torch.allclose(images, augment(to_input(pixels), random_draws(70), CHANGES), rtol=0, atol=1e-6)
    assert images.is_contiguous(memory_format=torch.channels_last)


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
