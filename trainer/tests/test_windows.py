from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from f2c_trainer.config import parse_config
from f2c_trainer.errors import F2cError
from f2c_trainer.index import Index
from f2c_trainer.keyed import Integers
from f2c_trainer.order import Order
from f2c_trainer.windows import Windows

from .support import SIZE, save_stays, settings

SHARDS = 11
EMPTY = 4  # the shard that has nothing of the train part
COUNTS = [1 + n % 7 for n in range(60)]
N, M = len(COUNTS), sum(COUNTS)


def index_of(folder: Path, counts: list[int], shard: list[int], shards: int = SHARDS) -> Index:
    folder.mkdir()
    save_stays(folder, counts, shard, shards)
    zeros = np.zeros(len(shard), dtype=np.int64)
    arrays: dict[str, NDArray[Any]] = {
        "shard": np.array(shard, dtype=np.uint32),
        "offset": zeros,
        "length": zeros.astype(np.uint32),
        "first": np.cumsum([0, *counts], dtype=np.int64),
        "identity": np.arange(len(counts), dtype=np.int64),
    }
    for name, array in arrays.items():
        np.save(folder / f"train.{name}.npy", array)
    (folder / "index.json").write_text(json.dumps({"imageSize": SIZE, "shards": [f"{i}.tar" for i in range(shards)]}))
    return Index(folder, "train")


@pytest.fixture(params=["one after the other", "all over"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Index:
    """Identities packed into shards as ingest does it, or spread as images that came later are."""
    if request.param == "one after the other":
        shard = np.arange(M) * (SHARDS - 1) // M
    else:
        shard = np.sort(np.random.default_rng(0).integers(0, SHARDS - 1, M).reshape(-1, 3)).reshape(-1)
    return index_of(tmp_path / "index", COUNTS, (shard + (shard >= EMPTY)).tolist())


def order_of(index: Index, **changes: object) -> Order:
    small = {"identitiesPerStep": 6, "instancesPerStep": 4, "shardWindow": 3}
    values = settings(index.folder.parent, index.folder.parent, **{**small, **changes})
    return Order(index, parse_config(values, "test"))


def windows_of(order: Order) -> Windows:
    assert order.windows is not None
    return order.windows


def views(order: Order, step: int) -> tuple[Integers, Integers, Integers, Integers]:
    """Of a step both instances and the numbers of the identity loader, and the instance loader's instances."""
    instance, number, *_ = order.of(step)
    n, half = order.identities_per_step, order.images_per_step // 2
    singles = np.concatenate([instance[n:half], instance[half + n :]])
    assert np.array_equal(number[:n], number[half : half + n])
    return instance[:n], instance[half : half + n], number[:n], singles


@pytest.mark.parametrize("per_step", [2, 10, 64])
@pytest.mark.parametrize("width", [1, 3, 100])
def test_every_instance_is_shown_once_an_epoch(index: Index, per_step: int, width: int) -> None:
    order = order_of(index, instancesPerStep=per_step, shardWindow=width)
    shown = np.concatenate([views(order, step)[3] for step in range(3 * M // per_step + 1)])
    epochs = shown[: 3 * M].reshape(3, M)
    assert all(sorted(epoch) == list(range(M)) for epoch in epochs.tolist())
    assert epochs[0].tolist() != epochs[1].tolist()


@pytest.mark.parametrize("width", [1, 3, 4, 10])
def test_an_epoch_is_every_filled_shard_in_windows_as_equal_as_can_be(index: Index, width: int) -> None:
    windows = windows_of(order_of(index, shardWindow=width))
    assert windows.count == -(-(SHARDS - 1) // width)
    epochs = [[windows.shards(window + epoch * windows.count) for window in range(windows.count)] for epoch in (0, 1)]
    for epoch in epochs:
        assert sorted(shard for shards in epoch for shard in shards) == [
            shard for shard in range(SHARDS) if shard != EMPTY
        ]
        sizes = [len(shards) for shards in epoch]
        assert max(sizes) <= width
        assert max(sizes) - min(sizes) <= 1
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("sizes", [(6, 4), (3, 64), (40, 2), (5, 0)])
def test_a_step_reads_only_the_shards_of_the_windows_that_it_spans(index: Index, sizes: tuple[int, int]) -> None:
    order = order_of(index, identitiesPerStep=sizes[0], instancesPerStep=sizes[1], shardWindow=2)
    windows = windows_of(order)
    last = 0
    for step in range(M + 10):
        spanned = windows.spanned(step)
        assert last <= spanned.start <= last + 1 or sizes[1] == 64
        last = spanned.stop - 1
        shards = {shard for window in spanned for shard in windows.shards(window)}
        assert set(index.shard[order.of(step)[0]].tolist()) <= shards
        one, other, _, _ = views(order, step)
        assert set(index.shard[np.concatenate([one, other])].tolist()) <= set(windows.shards(spanned.start))
    assert last >= 2 * windows.count


def test_identities_go_round_each_window_as_long_as_it_lasts(index: Index) -> None:
    order = order_of(index, identitiesPerStep=7, instancesPerStep=2)
    windows = windows_of(order)
    by_window: dict[int, list[int]] = {}
    for step in range(2 * M // 2):
        one, _, _, _ = views(order, step)
        by_window.setdefault(windows.spanned(step).start, []).extend(one.tolist())
    stays = index.stays()
    for window, shown in list(by_window.items())[:-1]:
        home = [stay for shard in windows.shards(window) for stay in range(*stays.shard[shard : shard + 2])]
        which = {int(stays.begin[stay]) + i: stay for stay in home for i in range(*_span(stays.place, stay))}
        times = np.bincount([home.index(which[instance]) for instance in shown], minlength=len(home))
        assert times.max() - times.min() <= 1
        assert times.min() >= 1


def _span(place: Integers, stay: int) -> tuple[int, int]:
    return 0, int(place[stay + 1] - place[stay])


def test_both_instances_are_of_the_identity_and_distinct_if_the_stay_has_two(index: Index) -> None:
    order = order_of(index, identitiesPerStep=8)
    owner = np.repeat(np.arange(N), COUNTS)
    met = set()
    for step in range(400):
        one, other, number, _ = views(order, step)
        assert np.array_equal(owner[one], number)
        assert np.array_equal(owner[other], number)
        for a, b in zip(one.tolist(), other.tolist(), strict=True):
            alone = not any(owner[c] == owner[a] and index.shard[c] == index.shard[a] for c in (a - 1, a + 1) if c < M)
            assert a != b or alone
            met.add((index.shard[a] == index.shard[b], a != b))
    assert (False, True) in met  # across two shards of a window


def test_another_seed_and_another_width_give_another_order(index: Index) -> None:
    variants: list[dict[str, object]] = [{}, {"seed": 2}, {"shardWindow": 2}, {"seed": 1}]
    shown = [order_of(index, **changes).of(50)[0].tolist() for changes in variants]
    assert shown[0] == shown[3]
    assert shown[0] != shown[1]
    assert shown[0] != shown[2]


def test_a_step_is_the_same_whenever_it_is_asked_for(index: Index) -> None:
    def shown(order: Order, step: int) -> list[list[object]]:
        return [array.tolist() for array in order.of(step) if array is not None]

    order = order_of(index)
    steps = [shown(order, step) for step in range(120)]
    for step in (119, 0, 60, 61):
        assert shown(order_of(index), step) == steps[step]


def test_a_window_smaller_than_a_step(tmp_path: Path) -> None:
    order = order_of(
        index_of(tmp_path / "index", [2] * 8, sorted([*range(8)] * 2), 8), instancesPerStep=12, shardWindow=1
    )
    shown = np.concatenate([views(order, step)[3] for step in range(4)])
    assert sorted(shown.tolist()) == sorted([*range(16)] * 3)
    one, other, number, _ = views(order, 1)
    assert len(set(number.tolist())) == 1
    assert (one != other).all()


def test_stays_that_do_not_fit_the_index(tmp_path: Path) -> None:
    index = index_of(tmp_path / "index", [2, 2], [0, 0, 1, 1])
    np.save(index.folder / "train.shardStay.npy", np.array([0, 2]))
    with pytest.raises(F2cError, match="do not fit the shards") as caught:
        order_of(index, identitiesPerStep=2, shardWindow=1)
    assert caught.value.code == "F2C_DATA_CORRUPT"


def test_an_index_of_before_there_were_stays(tmp_path: Path) -> None:
    index = index_of(tmp_path / "index", [2, 2], [0, 0, 1, 1])
    (index.folder / "train.stay.npy").unlink()
    assert order_of(index, identitiesPerStep=2, shardWindow=None).windows is None
    with pytest.raises(F2cError, match="Make the index again"):
        order_of(index, identitiesPerStep=2, shardWindow=1)
