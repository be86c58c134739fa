from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from f2c_trainer.config import parse_config
from f2c_trainer.index import Index
from f2c_trainer.keyed import Integers
from f2c_trainer.order import Order

from .support import COUNTS, settings

N, M = len(COUNTS), sum(COUNTS)


def order_of(data: Path, **changes: object) -> Order:
    return Order(Index(data / "index", "train"), parse_config(settings(data, data / "work", **changes), "test"))


def orders(order: Order, steps: range) -> tuple[Integers, Integers]:
    """Instances and identity numbers as [steps, 2 views, n]."""
    parts = [order.of(step) for step in steps]
    n = order.images_per_step // 2
    return np.stack([part[0].reshape(2, n) for part in parts]), np.stack([part[1].reshape(2, n) for part in parts])


@pytest.mark.parametrize("per_step", [4, 5, 12])
def test_the_identity_loader_shows_every_identity_once_a_pass(data: Path, per_step: int) -> None:
    order = order_of(data, identitiesPerStep=per_step, instancesPerStep=0)
    _, number = orders(order, range(per_step * 3))
    passes = number[:, 0].reshape(-1)[: 3 * N].reshape(3, N)
    assert all(sorted(one) == list(range(N)) for one in passes.tolist())
    assert passes[0].tolist() != passes[1].tolist()


def test_both_instances_are_of_the_identity_and_distinct_if_it_has_two(data: Path) -> None:
    order = order_of(data, identitiesPerStep=6, instancesPerStep=0)
    instance, number = orders(order, range(1000))
    first = np.cumsum([0, *COUNTS])
    one, other = instance[:, 0].reshape(-1), instance[:, 1].reshape(-1)
    owner = number[:, 0].reshape(-1)
    assert np.array_equal(number[:, 0], number[:, 1])
    for chosen in (one, other):
        assert ((chosen >= first[owner]) & (chosen < first[owner + 1])).all()
    assert np.array_equal(one == other, np.array(COUNTS)[owner] == 1)
    pairs = {(int(a - first[5]), int(b - first[5])) for a, b, n in zip(one, other, owner, strict=True) if n == 5}
    assert pairs == {(a, b) for a in range(6) for b in range(6) if a != b}


@pytest.mark.parametrize("per_step", [2, 10, 16])
def test_the_instance_loader_shows_every_instance_once_an_epoch(data: Path, per_step: int) -> None:
    order = order_of(data, identitiesPerStep=1, instancesPerStep=per_step)
    instance, number = orders(order, range(M))
    single = np.concatenate([instance[:, 0, 1:], instance[:, 1, 1:]], axis=1).reshape(-1)
    epochs = single[: 2 * M].reshape(2, M)
    assert all(sorted(epoch) == list(range(M)) for epoch in epochs.tolist())
    assert epochs[0].tolist() != epochs[1].tolist()
    owners = np.concatenate([number[:, 0, 1:], number[:, 1, 1:]], axis=1).reshape(-1)
    assert np.array_equal(owners, np.repeat(np.arange(N), COUNTS)[single])


def test_the_same_image_twice_gets_two_augmentations(data: Path) -> None:
    order = order_of(data, identitiesPerStep=12, instancesPerStep=0, augment=["flip", "shift"])
    instance, _, edits, _ = order.of(0)
    twice = instance[:12] == instance[12:]
    assert twice.sum() == COUNTS.count(1)
    assert (edits[:12] != edits[12:]).any(1).all()


def test_another_seed_gives_another_order(data: Path) -> None:
    assert not np.array_equal(order_of(data, seed=1).of(0)[0], order_of(data, seed=2).of(0)[0])


def test_the_untrained_network_needs_no_data_for_a_step(data: Path) -> None:
    assert order_of(data, images=0, identitiesPerStep=64).images_per_step == 2 * 64 + 4
