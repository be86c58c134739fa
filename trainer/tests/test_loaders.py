from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from f2c_trainer.config import parse_config
from f2c_trainer.errors import F2cError
from f2c_trainer.index import Index
from f2c_trainer.loaders import Loaders

from .support import COUNTS, NUMBERS, SIZE, settings

M = sum(COUNTS)


def loaders_of(data: Path, **changes: object) -> Loaders:
    config = parse_config(settings(data, data / "work", **changes), "test")
    return Loaders(Index(data / "index", "train"), data / "shards", config)


def test_a_step_is_the_same_whenever_and_wherever_it_is_read(data: Path) -> None:
    whole = list(loaders_of(data).batches(0, 9))
    late = list(loaders_of(data).batches(6, 9))
    assert len(whole) == 9
    assert len(late) == 3
    for one, other in zip(whole[6:], late, strict=True):
        for name in ("images", "identity", "number", "draws"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_images_are_the_pixels_of_their_instances(data: Path) -> None:
    batch = next(loaders_of(data).batches(0, 1))
    assert batch.images.shape == (12, SIZE, SIZE, 3)
    assert batch.identity.tolist() == [NUMBERS[number] for number in batch.number]
    colour: dict[int, NDArray[np.float64]] = {}
    for number, image in zip(batch.number.tolist(), batch.images, strict=True):
        mean = image.mean((0, 1))
        assert np.abs(colour.setdefault(number, mean) - mean).max() < 25


@pytest.fixture
def broken(data: Path, tmp_path: Path) -> Path:
    shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


def failure(data: Path) -> F2cError:
    with pytest.raises(F2cError) as caught:
        list(loaders_of(data).batches(0, 20))
    assert caught.value.code == "F2C_DATA_CORRUPT"
    return caught.value


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
