from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from f2c_trainer.config import Config, parse_config
from f2c_trainer.distributed import Processes
from f2c_trainer.errors import F2cError
from f2c_trainer.index import Index
from f2c_trainer.loaders import Loaders
from f2c_trainer.order import Order
from f2c_trainer.shards import ShardFiles
from f2c_trainer.supply import Wanted

from .support import COUNTS, SIZE, settings, write_data

SHARDS = 9


@pytest.fixture
def many(tmp_path: Path) -> Path:
    write_data(tmp_path / "data", COUNTS * 10, list(range(120)), SHARDS)
    return tmp_path / "data"


def config_of(data: Path, **changes: object) -> Config:
    (data / "work").mkdir(exist_ok=True)
    small: dict[str, Any] = {"identitiesPerStep": 2, "instancesPerStep": 2, "images": 6 * 80, "controlled": True}
    return parse_config(settings(data, data / "work", **{**small, **changes}), "test")


def told(data: Path) -> tuple[list[str], list[str]]:
    values = json.loads((data / "work" / "wanted.json").read_text())
    return values["wanted"], values["kept"]


@pytest.mark.parametrize("start", [0, 37])
def test_without_windows_every_shard_is_wanted_in_the_order_of_use(many: Path, start: int) -> None:
    config = config_of(many)
    index = Index(many / "index", "train")
    order = Order(index, config)
    Wanted(index, order, config).begin(start)
    names, kept = told(many)
    assert kept == []
    assert sorted(names) == index.shards
    used = np.concatenate([index.shard[order.of(step)[0]] for step in range(start, start + 40)])
    first_use = [int(np.argmax(used == index.shards.index(name))) for name in names]
    assert first_use == sorted(first_use)


@pytest.mark.parametrize("start", [0, 37])
@pytest.mark.parametrize(("width", "per_step"), [(2, 4), (1, 40), (9, 4)])
def test_with_windows_what_is_read_and_what_comes_next(many: Path, start: int, width: int, per_step: int) -> None:
    config = config_of(many, shardWindow=width, instancesPerStep=per_step, images=(4 + per_step) * 80)
    index = Index(many / "index", "train")
    order = Order(index, config)
    assert order.windows is not None
    wanted = Wanted(index, order, config)
    for step in range(start, 80):
        wanted.begin(step)
        names, _ = told(many)
        reading = {index.shards[shard] for shard in index.shard[order.of(step)[0]].tolist()}
        assert reading <= set(names)
        for recent in range(max(start, step - 4), step):  # which may still be read
            assert {index.shards[shard] for shard in index.shard[order.of(recent)[0]].tolist()} <= set(names)
        if per_step == 4:  # or a window lasts for less than what may still be read
            assert len(names) <= 2 * width


def test_the_next_window_is_wanted_before_it_is_read_but_not_after_the_last(many: Path) -> None:
    config = config_of(many, shardWindow=3, instancesPerStep=4, images=8 * 105)  # an epoch
    index = Index(many / "index", "train")
    order = Order(index, config)
    windows = order.windows
    assert windows is not None
    wanted = Wanted(index, order, config)

    def shards(*which: int) -> list[str]:
        return [index.shards[shard] for window in which for shard in windows.shards(window)]

    tellings = []
    for step in range(105):
        wanted.begin(step)
        if told(many)[0] not in tellings:
            tellings.append(told(many)[0])
    assert tellings == [shards(0, 1), shards(1, 2), shards(2)]


def test_shards_of_the_validation_are_kept(many: Path) -> None:
    validation = np.load(many / "index" / "validation.shard.npy")
    np.save(many / "index" / "validation.shard.npy", np.where(validation % 2 == 0, 4, 7).astype(np.uint32))
    config = config_of(many, shardWindow=1, validateEverySteps=5)
    index = Index(many / "index", "train")
    wanted = Wanted(index, Order(index, config), config)
    for step in range(80):
        wanted.begin(step)
        names, kept = told(many)
        assert kept == ["shard-000004.tar", "shard-000007.tar"]
        assert set(kept) <= set(names)
    Wanted(index, Order(index, config_of(many, shardWindow=1)), config_of(many, shardWindow=1)).begin(0)
    assert told(many)[1] == []


def test_loaders_ask_for_shards_only_under_a_starter_and_once_for_all_processes(many: Path) -> None:
    path = many / "work" / "wanted.json"
    index = Index(many / "index", "train")
    alone, controlled = (config_of(many, controlled=controlled, instancesPerStep=4) for controlled in (False, True))
    for config, rank, asks in ((alone, 0, False), (controlled, 1, False), (controlled, 0, True)):
        assert len(list(Loaders(index, many / "shards", config, Processes(rank, 2)).batches(0, 1))) == 1
        assert path.exists() == asks


@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize("start", [0, 5, 80])
def test_shards_are_asked_for_before_the_first_batch_is(many: Path, window: int | None, start: int) -> None:
    config = config_of(many, shardWindow=window, validateEverySteps=5)
    loaders = Loaders(Index(many / "index", "train"), many / "shards", config)
    loaders.batches(start, 80).close()
    assert set(told(many)[0]) >= {f"shard-{i:06}.tar" for i in range(SHARDS)}  # all of which the validation reads


@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_goes_on_with_shards_that_arrive_one_by_one(many: Path, workers: int) -> None:
    index = Index(many / "index", "train")
    config = config_of(many, loaderWorkers=workers, shardWindow=2)
    whole = [batch.images.clone() for batch in Loaders(index, many / "shards", config).batches(0, 12)]
    arriving = many / "arriving"
    arriving.mkdir()
    (arriving / "filling").touch()
    with ThreadPoolExecutor(1) as training:
        future = training.submit(
            lambda: [batch.images.clone() for batch in Loaders(index, arriving, config).batches(0, 12)]
        )
        there: set[str] = set()
        while not future.done():
            time.sleep(0.01)
            missing = [name for name in _asked(many) if name not in there]
            for name in missing[:1]:
                shutil.copy(many / "shards" / name, arriving / f"{name}.draft")
                (arriving / f"{name}.draft").rename(arriving / name)
                there.add(name)
    assert all(np.array_equal(one, other) for one, other in zip(whole, future.result(), strict=True))
    assert len(there) < SHARDS  # no more than was needed


def _asked(data: Path) -> list[str]:
    return told(data)[0] if (data / "work" / "wanted.json").exists() else []


def test_a_folder_that_nobody_fills_is_not_waited_for(many: Path) -> None:
    index = Index(many / "index", "train")
    (many / "shards" / "shard-000003.tar").unlink()
    images = np.empty((1, SIZE, SIZE, 3), dtype=np.uint8)
    with pytest.raises(F2cError, match="A shard cannot be opened"):
        ShardFiles(many / "shards", index).decode(np.array([3]), images)
