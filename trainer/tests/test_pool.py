"""The pool against a plain one of dicts and loops, which follows the definition word by word."""

from __future__ import annotations

import random
from collections import OrderedDict

import numpy as np
import pytest

from f2c_trainer.pool import PassPlan, Slots


class PlainPool:
    """Features are labels (step, item): what matters is which one ends up where."""

    def __init__(self, count: int) -> None:
        self.free = list(range(count))
        self.slot_of: OrderedDict[int, int] = OrderedDict()  # identity -> slot, least recent first
        self.rows: dict[tuple[int, int], object] = {}  # (row, slot) -> feature
        self.next_row: dict[int, int] = {}
        self.twice: set[int] = set()  # slots whose owner has written row 1

    def copy(self) -> PlainPool:
        other = PlainPool(0)
        other.free, other.slot_of = list(self.free), OrderedDict(self.slot_of)
        other.rows, other.next_row, other.twice = dict(self.rows), dict(self.next_row), set(self.twice)
        return other

    def fill(self, identities: list[int], features: list[object]) -> set[int]:
        """One pass; returns the slots that were hit."""
        hits = {self.slot_of[identity] for identity in identities if identity in self.slot_of}
        for identity in identities:
            if identity in self.slot_of:
                self.slot_of.move_to_end(identity)
        for identity in identities:
            if identity not in self.slot_of:
                slot = self.free.pop(0) if self.free else self.slot_of.popitem(last=False)[1]
                self.slot_of[identity] = slot
                self.next_row[slot] = 0
                self.twice.discard(slot)
        for identity in identities:
            self.slot_of.move_to_end(identity)
        for identity, feature in zip(identities, features, strict=True):
            slot = self.slot_of[identity]
            self.rows[self.next_row[slot], slot] = feature
            if self.next_row[slot] == 1:
                self.twice.add(slot)
            self.next_row[slot] ^= 1
        return hits


def write(features: dict[tuple[int, int], object], plan: PassPlan, fresh: list[object]) -> None:
    cells = list(zip(plan.write_row.tolist(), plan.write_slot.tolist(), strict=True))
    assert len(set(cells)) == len(cells)
    features.update({cell: fresh[item] for cell, item in zip(cells, plan.write_item.tolist(), strict=True)})


@pytest.mark.parametrize("identities", [9, 20, 300, 3000])
def test_hundreds_of_steps_agree_with_the_plain_pool(identities: int) -> None:
    chance = random.Random(identities)
    numbers = [chance.randrange(-(2**63), 2**63) for _ in range(identities)]
    count, n = min(identities, 18), 12
    slots, plain = Slots(count), PlainPool(count)
    features: dict[tuple[int, int], object] = {}
    evictions = 0
    for step in range(300):
        # Skewed, so that identities repeat within a batch as well as between batches.
        x = [numbers[int(chance.random() ** 2 * identities)] for _ in range(n)]
        y = [numbers[int(chance.random() ** 2 * identities)] for _ in range(n)]
        before = set(plain.slot_of)
        for gallery, probe, kept in ((y, x, False), (x, y, True)):
            plan = slots.plan(np.array(gallery), np.array(probe))
            fresh: list[object] = [(step, kept, item) for item in range(n)]
            after = plain if kept else plain.copy()
            hits = after.fill(gallery, fresh)

            assert set(plan.hit_slot.tolist()) == hits
            assert plan.hit_rate == sum(identity in before for identity in gallery) / n
            assert plan.target.tolist() == [after.slot_of.get(identity, -1) for identity in probe]
            assert set(np.flatnonzero(plan.filled).tolist()) == set(after.slot_of.values())
            assert set(np.flatnonzero(plan.twice).tolist()) == after.twice >= hits
            assert plan.evicted == len(before - set(after.slot_of))
            seen = dict(features)
            write(seen, plan, fresh)
            assert seen == after.rows
            if kept:
                features = seen
                slots.commit(plan)
        assert features == plain.rows
        recency = [int(slots.owner[slot]) for slot in np.argsort(slots.stamp) if slots.stamp[slot] >= 0]
        assert recency == list(plain.slot_of)
        evictions += len(before - set(plain.slot_of))
    assert evictions > 100 or identities <= count


def test_planning_leaves_the_state_alone() -> None:
    slots = Slots(6)
    slots.commit(slots.plan(np.array([1, 2, 3]), np.array([1, 2, 3])))
    before = {name: value.copy() for name, value in slots.state().items()}
    slots.plan(np.array([4, 5, 6, 7]), np.array([1, 2, 3, 4]))
    assert all(np.array_equal(value, before[name]) for name, value in slots.state().items())


def test_a_loaded_pool_goes_on_like_the_saved_one() -> None:
    chance = np.random.default_rng(0)
    slots = Slots(10)
    for _ in range(20):
        slots.commit(slots.plan(chance.integers(-50, 50, 8), chance.integers(-50, 50, 8)))
    other = Slots(10)
    other.load({name: value.copy() for name, value in slots.state().items()})
    for _ in range(20):
        gallery, probe = chance.integers(-50, 50, 8), chance.integers(-50, 50, 8)
        ours, theirs = slots.plan(gallery, probe), other.plan(gallery, probe)
        assert np.array_equal(ours.target, theirs.target)
        slots.commit(ours)
        other.commit(theirs)
    assert all(np.array_equal(value, other.state()[name]) for name, value in slots.state().items())


def test_the_minus_one_that_marks_a_miss_is_no_identity() -> None:
    """Identity -1 and 0 are ordinary numbers, also while slots are unfilled."""
    slots = Slots(4)
    assert slots.plan(np.array([5]), np.array([-1, 0])).target.tolist() == [-1, -1]
    slots.commit(slots.plan(np.array([-1, 0]), np.array([-1, 0])))
    assert slots.plan(np.array([-1]), np.array([0, -1, 5])).target.tolist() == [1, 0, -1]


def test_a_batch_larger_than_the_pool_is_a_defect() -> None:
    with pytest.raises(AssertionError, match="more identities than the pool has slots"):
        Slots(2).plan(np.array([1, 2, 3]), np.array([1, 2, 3]))
