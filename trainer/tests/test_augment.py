from __future__ import annotations

import math
import typing
from collections.abc import Collection

import numpy as np
import pytest
import torch

from f2c_trainer.augment import DRAWS, Draws, edits, light
from f2c_trainer.config import Augmentation
from f2c_trainer.edits import Edit, Edits
from f2c_trainer.gpu_edits import edit_batch
from f2c_trainer.keyed import key, uniform
from f2c_trainer.pixels import network_input

CHANGES = typing.get_args(Augmentation)
LOSSES = ("jpeg", "blur", "downscale")
WHETHER = {"crop": 3, "occlusion": 3, "jpeg": 9, "blur": 9, "downscale": 9, "brightness": 12}  # a draw's column


def random_images(count: int, side: int = 24) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


def changed(images: torch.Tensor, draws: Draws, changes: Collection[str]) -> torch.Tensor:
    """As bytes, but for `jpeg`, as a GPU does it."""
    images = images.clone()
    edit_batch(images, torch.from_numpy(edits(draws, changes, images.shape[1])))
    return images


def seen(images: torch.Tensor, draws: Draws, changes: Collection[str]) -> torch.Tensor:
    """By the networks."""
    lit = torch.from_numpy(light(draws)) if "brightness" in changes else None
    return network_input(changed(images, draws, changes), lit)


def quality(draws: Draws, changes: Collection[str]) -> Edits:
    return edits(draws, changes, 112)[:, Edit._fields.index("quality")]


def random_draws(count: int) -> Draws:
    return uniform(key("draws"), np.arange(count), DRAWS)


def chosen(name: str, *others: float) -> Draws:
    """Draws of one image that has the change, with the change's other draws."""
    draws = np.full((1, DRAWS), 0.5, np.float32)
    column = WHETHER[name]
    draws[0, column] = 0
    draws[0, column + 1 : column + 1 + len(others)] = others
    return draws


def same_in_all_colors(plane: torch.Tensor) -> torch.Tensor:
    """[S, S] -> [1, S, S, 3] uint8"""
    return plane[None, :, :, None].repeat(1, 1, 1, 3).byte()


def test_input_is_centred_and_channels_last() -> None:
    pixels = torch.zeros(2, 4, 5, 3, dtype=torch.uint8)
    pixels[1] = 255
    images = network_input(pixels)
    assert images.shape == (2, 3, 4, 5)
    assert images.min().item() == -1
    assert images.max().item() == 1
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_nothing_asked_nothing_changed() -> None:
    images = random_images(5)
    assert torch.equal(changed(images, random_draws(5), ()), images)
    assert torch.equal(seen(images, random_draws(5), ()), network_input(images))


def test_the_first_draws_are_what_they_were_when_there_were_six() -> None:
    assert np.array_equal(random_draws(9)[:, :6], uniform(key("draws"), np.arange(9), 6))


@pytest.mark.parametrize("side", [24, 25])
@pytest.mark.parametrize("name", [*CHANGES, "all"])
def test_an_image_changes_by_its_own_draws_alone(name: str, side: int) -> None:
    images, draws = random_images(70, side), random_draws(70)
    changes = CHANGES if name == "all" else (name,)
    together = seen(images, draws, changes)
    assert torch.equal(together, seen(images, draws, changes))
    assert torch.equal(together, seen(images, draws, changes[::-1]))
    alone = torch.cat([seen(images[i : i + 1], draws[i : i + 1], changes) for i in range(70)])
    assert torch.equal(together, alone)
    assert together.is_contiguous(memory_format=torch.channels_last)
    assert together.abs().max() <= 1


@pytest.mark.parametrize("name", [name for name in WHETHER if name != "jpeg"])
def test_a_fifth_of_the_images_is_changed_and_no_other(name: str) -> None:
    images, draws = random_images(400, 112), random_draws(400)
    other = (seen(images, draws, (name,)) - network_input(images)).abs().amax(dim=(1, 2, 3)) > 1e-6
    assert np.array_equal(other, draws[:, WHETHER[name]] < 0.2)
    assert 0.15 < other.float().mean() < 0.25


@pytest.mark.parametrize("asked", [LOSSES, ("blur", "jpeg"), ("downscale", "blur")])
def test_an_image_loses_quality_in_one_of_the_ways_asked_for(asked: tuple[str, ...]) -> None:
    ways = [loss for loss in LOSSES if loss in asked]
    images = random_images(len(ways), 112)
    draws = np.concatenate([chosen("jpeg", (each + 0.5) / len(ways)) for each in range(len(ways))])
    together = changed(images, draws, asked)
    for each, way in enumerate(ways):
        if "jpeg" in asked:
            assert (quality(draws, asked)[each] > 0) == (way == "jpeg")
        alone = changed(images[each : each + 1], draws[each : each + 1], () if way == "jpeg" else (way,))
        assert torch.equal(together[each], alone[0])
        assert torch.equal(together[each], images[each]) == (way == "jpeg")


def test_losses_have_a_fifth_of_the_images_together() -> None:
    images, draws = random_images(800, 112), random_draws(800)
    by_jpeg = quality(draws, CHANGES) > 0
    in_bytes = (changed(images, draws, LOSSES) != images).flatten(1).any(1).numpy()
    assert not (by_jpeg & in_bytes).any()
    assert np.array_equal(by_jpeg | in_bytes, draws[:, WHETHER["jpeg"]] < 0.2)
    assert by_jpeg.mean() == pytest.approx(0.2 / 3, abs=0.03)


def test_a_part_is_missing_in_one_of_the_ways_asked_for() -> None:
    images, draws = random_images(2), np.concatenate([chosen("crop", 0.25), chosen("occlusion", 0.75)])
    together = changed(images, draws, ("occlusion", "crop"))
    for each, way in enumerate(("crop", "occlusion")):
        alone = changed(images[each : each + 1], draws[each : each + 1], (way,))
        assert torch.equal(together[each], alone[0])
        assert not torch.equal(together[each], images[each])


@pytest.mark.parametrize("side", [101, 801])
def test_blur_spreads_a_line_as_a_gaussian(side: int) -> None:
    middle = side // 2
    line = torch.zeros(side, side)
    line[middle] = 255
    lines = torch.cat([same_in_all_colors(line), same_in_all_colors(line.T)])
    draws = chosen("blur", 0.5, 0.5).repeat(2, 0)  # sigma 0.00825 of the side
    along, across = changed(lines, draws, ("blur",))[..., 0].float()
    offset = torch.arange(side) - middle
    weight = torch.exp(-0.5 * (offset / (0.00825 * side)) ** 2)
    weight *= offset.abs() <= math.ceil(2 * 0.00825 * side)
    weight /= weight.sum()
    assert (along - 255 * weight[:, None]).abs().max() <= 1
    assert torch.equal(across, along.T)
    assert along[middle, 0] == along.max()


def test_blur_leaves_a_plain_image_plain_up_to_its_border() -> None:
    images = torch.full((1, 24, 24, 3), 217, dtype=torch.uint8)
    assert torch.equal(changed(images, chosen("blur", 0.5, 0.99), ("blur",)), images)


def test_downscale_takes_fine_detail_and_leaves_what_is_coarse() -> None:
    checks = (torch.arange(40)[:, None] + torch.arange(40)) % 2 * 255
    ramp = torch.linspace(64, 191, 40).expand(40, 40)
    images = torch.cat([same_in_all_colors(checks), same_in_all_colors(ramp)])
    coarse = changed(images, chosen("downscale", 0.5, 0.5).repeat(2, 0), ("downscale",)).float()
    assert (coarse[0] - 127.5).abs().max() < 38
    assert (coarse[1] - images[1]).abs().max() < 6


def test_a_smaller_draw_makes_downscale_coarser() -> None:
    images = random_images(1, 40)
    lost = [
        (changed(images, chosen("downscale", 0.5, draw), ("downscale",)).float() - images).abs().mean().item()
        for draw in np.arange(0.1, 1, 0.2)
    ]
    assert lost == sorted(lost, reverse=True)
    assert len(set(lost)) == 5


def test_crop_is_a_window_as_large_as_the_image() -> None:
    down, across = torch.meshgrid(torch.arange(100), torch.arange(100), indexing="ij")
    images = torch.stack([2 * down, 2 * across, torch.zeros(100, 100)], -1)[None].byte()
    draws = chosen("crop", 0.5, 0.0, 0.0, 0.999999)  # 80 wide, at the lower left
    window = changed(images, draws, ("crop",))[0].float()
    expected = (torch.arange(100) + 0.5) * 0.8 - 0.5
    assert (window[:, 50, 0] - 2 * (expected + 20).clamp(20, 99)).abs().max() <= 1
    assert (window[50, :, 1] - 2 * expected.clamp(0, 79)).abs().max() <= 1


def test_occlusion_is_a_rectangle_of_grey_inside_the_image() -> None:
    images = torch.full((1, 100, 100, 3), 255, dtype=torch.uint8)
    covered = changed(images, chosen("occlusion", 0.5, 0.0, 0.999999, 0.0, 0.999999), ("occlusion",))
    expected = torch.full((100, 100), 255)
    expected[:15, 50:] = 128  # 0.15 of the side high and 0.5 wide, at the top right
    assert torch.equal(covered, same_in_all_colors(expected))


def test_the_quality_of_a_jpeg_is_between_20_and_90() -> None:
    draws = random_draws(10_000)
    compressed = quality(draws, ("jpeg",))
    assert np.array_equal(compressed > 0, draws[:, WHETHER["jpeg"]] < 0.2)
    assert set(compressed[compressed > 0].tolist()) == set(range(20, 91))


@pytest.mark.parametrize("others", [(), ("shift",)])
def test_flip_mirrors_half_of_the_images(others: tuple[str, ...]) -> None:
    images, draws = random_images(4), np.full((4, DRAWS), 0.5, np.float32)
    draws[:, 0] = [0.0, 0.49, 0.5, 0.99]
    flipped = changed(images, draws, ("flip", *others))
    assert torch.equal(flipped[:2], images[:2].flip(2))
    assert torch.equal(flipped[2:], images[2:])


@pytest.mark.parametrize(("right", "down"), [(0.0, 0.5), (0.5, 0.999999), (0.999999, 0.0)])
def test_shift_moves_by_whole_pixels_and_leaves_black(right: float, down: float) -> None:
    images, draws = random_images(1, 25), np.full((1, DRAWS), 0.5, np.float32)
    draws[0, 1], draws[0, 2] = right, down
    x, y = (int(draw * 5) - 2 for draw in (right, down))  # up to 8 % of 25 pixels
    framed = torch.zeros(1, 29, 29, 3, dtype=torch.uint8)
    framed[:, 2 + y : 27 + y, 2 + x : 27 + x] = images
    assert torch.equal(changed(images, draws, ("shift",)), framed[:, 2:27, 2:27])


def test_brightness_and_contrast() -> None:
    levels = same_in_all_colors(torch.tensor([[0, 127, 255]] * 3))
    lit = seen(levels, chosen("brightness", 0.9, 0.7), ("brightness",))  # contrast x 1.2, brightness + 0.1
    before = network_input(levels)[0, 0, 0]
    assert torch.allclose(lit[0, 0, 0], (before * 1.2 + 0.1).clamp(-1, 1), atol=1e-6)
