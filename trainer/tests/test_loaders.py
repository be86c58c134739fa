from __future__ import annotations

import json
import shutil
import typing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from f2c_trainer.config import Augmentation, parse_config, training_params
from f2c_trainer.distributed import Processes
from f2c_trainer.errors import F2cError
from f2c_trainer.gpu_edits import edit_batch
from f2c_trainer.index import Index
from f2c_trainer.loaders import Batch, Loaders

from .support import COUNTS, NUMBERS, SIZE, settings

M = sum(COUNTS)
CHANGES = list(typing.get_args(Augmentation))


def loaders_of(data: Path, rank: int = 0, world: int = 1, **changes: object) -> Loaders:
    config = parse_config(settings(data, data / "work", **changes), "test")
    return Loaders(Index(data / "index", "train"), data / "shards", config, Processes(rank, world))


def kept(loaders: Loaders, start: int, stop: int) -> list[Batch]:
    """The batches with copies of their images, which are valid for a while only."""
    return [replace(batch, images=batch.images.clone()) for batch in loaders.batches(start, stop)]


def same(one: Batch, other: Batch) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Batch))


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_step_is_the_same_whenever_and_wherever_it_is_read(data: Path, workers: int) -> None:
    changes: dict[str, Any] = {
        "augment": CHANGES,
        "identitiesPerStep": 12,
        "instancesPerStep": 42,
    }
    whole = kept(loaders_of(data, loaderWorkers=0, **changes), 0, 9)
    late = kept(loaders_of(data, loaderWorkers=workers, **changes), 2, 9)
    assert (len(whole), len(late)) == (9, 7)
    assert all(map(same, whole[2:], late))


def test_the_number_of_workers_is_nothing_of_the_training(data: Path) -> None:
    assert "loaderWorkers" not in training_params(parse_config(settings(data, data, loaderWorkers=3), "test"))


@pytest.mark.parametrize("world", [2, 3, 6])
def test_the_parts_of_all_ranks_are_the_whole_batch(data: Path, world: int) -> None:
    changes: dict[str, Any] = {
        "augment": CHANGES,
        "identitiesPerStep": 4,
        "instancesPerStep": 4,
    }
    [whole] = kept(loaders_of(data, **changes), 5, 6)
    parts = [kept(loaders_of(data, rank, world, **changes), 5, 6)[0] for rank in range(world)]
    for part in parts:
        assert part.images.shape == (12 // world, SIZE, SIZE, 3)
        assert np.array_equal(part.identity, whole.identity)
        assert np.array_equal(part.number, whole.number)
    for name in ("images", "light"):
        views = zip(*(np.split(getattr(part, name), 2) for part in parts), strict=True)
        assert np.array_equal(np.concatenate([part for view in views for part in view]), getattr(whole, name))


def test_jpeg_changes_a_fifth_of_the_images_by_their_draws(data: Path) -> None:
    changes: dict[str, Any] = {"identitiesPerStep": 12, "instancesPerStep": 42, "images": 66 * 20}
    loaders = loaders_of(data, augment=["jpeg"], **changes)
    plain, compressed = (kept(of, 0, 20) for of in (loaders_of(data, augment=[], **changes), loaders))
    differ = [(one.images != other.images).flatten(1).any(1) for one, other in zip(plain, compressed, strict=True)]
    chosen = [torch.from_numpy(loaders.order.of(step).edits).any(1) for step in range(20)]
    assert torch.equal(torch.stack(differ), torch.stack(chosen))
    assert 0.15 < torch.stack(chosen).float().mean() < 0.25
    error = (plain[0].images[chosen[0]].int() - compressed[0].images[chosen[0]]).abs().float()
    assert 0 < error.mean() < 20  # the same faces, a little worse


def test_images_are_edited_where_they_are_decoded(data: Path) -> None:
    changes: dict[str, Any] = {"identitiesPerStep": 12, "instancesPerStep": 42, "images": 66}
    loaders = loaders_of(data, augment=["flip", "shift", "occlusion"], **changes)
    [plain], [changed] = (kept(of, 0, 1) for of in (loaders_of(data, augment=[], **changes), loaders))
    edit_batch(plain.images, torch.from_numpy(loaders.order.of(0).edits))
    assert torch.equal(changed.images, plain.images)


def test_images_are_the_pixels_of_their_instances(data: Path) -> None:
    batch = next(loaders_of(data, augment=[]).batches(0, 1))
    assert batch.images.shape == (12, SIZE, SIZE, 3)
    assert batch.identity.tolist() == [NUMBERS[number] for number in batch.number]
    colour: dict[int, NDArray[np.float64]] = {}
    for number, image in zip(batch.number.tolist(), batch.images.numpy(), strict=True):
        mean = image.mean((0, 1))
        assert np.abs(colour.setdefault(number, mean) - mean).max() < 25


@pytest.fixture
def broken(data: Path, tmp_path: Path) -> Path:
    shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


def failure(data: Path) -> F2cError:
    """The same one, whether threads or processes decode."""
    errors = []
    for workers in (0, 2):
        with pytest.raises(F2cError) as caught:
            list(loaders_of(data, loaderWorkers=workers).batches(0, 20))
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    assert errors[0].code == "F2C_DATA_CORRUPT"
    return errors[0]


def test_an_unreadable_jpeg_is_named_by_shard_and_offset(broken: Path) -> None:
    shard = broken / "shards" / "shard-000000.tar"
    content = bytearray(shard.read_bytes())
    content[512:516] = b"\0\0\0\0"
    shard.write_bytes(content)
    length = int(np.load(broken / "index" / "train.length.npy")[0])
    error = failure(broken)
    assert error.what.startswith("An image is not a readable JPEG: ")
    assert error.where == f"{shard}, offset 512, {length} bytes"


def test_a_truncated_shard(broken: Path) -> None:
    shard = broken / "shards" / "shard-000001.tar"
    shard.write_bytes(shard.read_bytes()[:2000])
    error = failure(broken)
    assert error.what == "The shard ends before the image"
    assert error.where.startswith(f"{shard}, offset ")


def test_a_missing_shard(broken: Path) -> None:
    (broken / "shards" / "shard-000001.tar").unlink()
    assert str(failure(broken)) == (
        "F2C_DATA_CORRUPT: A shard cannot be opened: No such file or directory "
        f"({broken / 'shards' / 'shard-000001.tar'}). Make the index again from its dataset."
    )


def test_a_shard_that_the_index_does_not_list(broken: Path) -> None:
    (broken / "index" / "index.json").write_text(json.dumps({"imageSize": SIZE, "shards": ["shard-000000.tar"]}))
    assert "is in shard 1, which index.json does not list" in failure(broken).what


def test_an_image_of_another_size(broken: Path) -> None:
    facts = {"imageSize": 48, "shards": ["shard-000000.tar", "shard-000001.tar"]}
    (broken / "index" / "index.json").write_text(json.dumps(facts))
    assert failure(broken).what == "An image is 32 x 32 pixels, the index says 48"


def test_an_identity_without_instances(broken: Path) -> None:
    first = np.load(broken / "index" / "train.first.npy")
    first[3] = first[4]
    np.save(broken / "index" / "train.first.npy", first)
    assert failure(broken).what == f"Identity {NUMBERS[3]} has no instances"


def test_arrays_that_do_not_fit_each_other(broken: Path) -> None:
    np.save(broken / "index" / "train.offset.npy", np.zeros(3, dtype=np.int64))
    assert failure(broken).what == "The files of the train part do not agree on the number of instances"


def test_an_array_of_another_type(broken: Path) -> None:
    np.save(broken / "index" / "train.shard.npy", np.zeros(M, dtype=np.int64))
    error = failure(broken)
    assert error.what == "A file of the index is not a list of uint32"
    assert error.where == str(broken / "index" / "train.shard.npy")


@pytest.mark.parametrize("content", [b"", b"not numpy", b"\x93NUMPY\x01\0v\0"])
def test_a_damaged_array(broken: Path, content: bytes) -> None:
    (broken / "index" / "train.first.npy").write_bytes(content)
    assert failure(broken).what.startswith("A file of the index cannot be read: ")


def test_an_index_without_its_facts(broken: Path) -> None:
    (broken / "index" / "index.json").unlink()
    assert failure(broken).where == str(broken / "index" / "index.json")
