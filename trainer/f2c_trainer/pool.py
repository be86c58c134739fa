"""The Dynamic Class Pool's bookkeeping: which identity owns which slot, in integers alone.

A pass is planned before any network runs, so both passes of a step start from the same state and nothing has to be
rolled back. All work is vectorised and costs O(C) for C slots, whatever the number of identities.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .keyed import Integers


@dataclass(frozen=True)
class PassPlan:
    """What one pass over n gallery items does to the pool, and where its n probe items find their class."""

    # One write of a gallery item's feature to (row, slot); cells are unique, the last item of the batch won. [w]
    write_slot: Integers
    write_row: Integers
    write_item: Integers
    hit_slot: Integers  # slots whose identity was in the pool before the pass. [h]
    target: Integers  # slot of each probe item after the pass, or -1: not in the pool. [n]
    filled: NDArray[np.bool_]  # slots that hold a feature after the pass, and those that hold a second one. [C]
    twice: NDArray[np.bool_]
    hit_rate: float  # share of gallery items whose identity was in the pool before
    evicted: int  # identities that lose their slot
    # New owner, next row and recency of the d slots that were touched, ordered by identity. [d]
    slot: Integers
    identity: Integers
    next_row: Integers
    stamp: Integers
    fresh: NDArray[np.bool_]  # the slot was given to this identity in this pass


class Slots:
    """Owners and exact LRU order of C slots. A slot's stamp is the time of its last use; unfilled ones are negative."""

    def __init__(self, count: int) -> None:
        self.owner = np.zeros(count, dtype=np.int64)
        self.next_row = np.zeros(count, dtype=np.int64)
        self.twice = np.zeros(count, dtype=np.bool_)  # the owner has written row 1
        self.stamp = np.arange(-count, 0, dtype=np.int64)  # unfilled slots are the oldest, 0 first
        # Owners of the filled slots in ascending order, and their slots: what look-ups search.
        self._sorted_identity: Integers = np.empty(0, dtype=np.int64)
        self._sorted_slot: Integers = np.empty(0, dtype=np.int64)

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"owner": self.owner, "next_row": self.next_row, "twice": self.twice, "stamp": self.stamp}

    def load(self, state: dict[str, NDArray[typing.Any]]) -> None:
        self.owner, self.next_row, self.stamp = state["owner"], state["next_row"], state["stamp"]
        self.twice = state["twice"]
        filled = np.flatnonzero(self.stamp >= 0)
        self._sorted_slot = filled[np.argsort(self.owner[filled])]
        self._sorted_identity = self.owner[self._sorted_slot]

    def plan(self, gallery: Integers, probe: Integers) -> PassPlan:
        """Plans one pass for the identities of its gallery and probe items. [n], [n]"""
        n = len(gallery)
        identity, first, which, count = np.unique(gallery, return_index=True, return_inverse=True, return_counts=True)
        last = n - 1 - np.unique(gallery[::-1], return_index=True)[1]

        slot = self._find(identity)
        hit = slot >= 0
        misses = np.flatnonzero(~hit)
        misses = misses[np.argsort(first[misses])]
        slot[misses] = self._oldest(len(misses), spared=slot[hit])

        # Several items of one identity alternate between the rows.
        next_row = np.where(hit, self.next_row[slot], 0)
        row = (next_row[which] + _occurrence(which, count)) % 2
        cell, back = np.unique((2 * slot[which] + row)[::-1], return_index=True)
        item = n - 1 - back

        filled, twice = self.stamp >= 0, self.twice.copy()
        evicted = int(filled[slot[~hit]].sum())
        filled[slot] = True
        twice[slot[~hit]] = False
        twice[cell[cell % 2 == 1] // 2] = True
        return PassPlan(
            write_slot=cell // 2,
            write_row=cell % 2,
            write_item=item,
            hit_slot=slot[hit],
            target=self._targets(probe, identity, slot, evicted=slot[~hit]),
            filled=filled,
            twice=twice,
            hit_rate=float(hit[which].mean()),
            evicted=evicted,
            slot=slot,
            identity=identity,
            next_row=(next_row + count) % 2,
            stamp=self.stamp.max() + 1 + last,
            fresh=~hit,
        )

    def commit(self, plan: PassPlan) -> None:
        """Makes the plan's integers the state. The plan must be one of this state."""
        reassigned = np.zeros(len(self.owner), dtype=np.bool_)
        reassigned[plan.slot[plan.fresh]] = True
        kept = ~reassigned[self._sorted_slot]
        identities, slots = self._sorted_identity[kept], self._sorted_slot[kept]
        places = np.searchsorted(identities, plan.identity[plan.fresh])
        self._sorted_identity = np.insert(identities, places, plan.identity[plan.fresh])
        self._sorted_slot = np.insert(slots, places, plan.slot[plan.fresh])
        self.owner[plan.slot] = plan.identity
        self.next_row[plan.slot] = plan.next_row
        self.twice = plan.twice
        self.stamp[plan.slot] = plan.stamp

    def _find(self, identities: Integers) -> Integers:
        """Slot of each identity, or -1. [d] -> [d]"""
        at = np.searchsorted(self._sorted_identity, identities)
        slots = np.full(len(identities), -1, dtype=np.int64)
        inside = np.flatnonzero(at < len(self._sorted_identity))
        found = inside[self._sorted_identity[at[inside]] == identities[inside]]
        slots[found] = self._sorted_slot[at[found]]
        return slots

    def _oldest(self, count: int, spared: Integers) -> Integers:
        """The least recently used slots, oldest first, without the spared ones."""
        if count == 0:
            return np.empty(0, dtype=np.int64)
        stamp = self.stamp.copy()
        stamp[spared] = np.iinfo(np.int64).max
        if count + len(spared) > len(stamp):
            raise AssertionError("a pass has more identities than the pool has slots")
        candidates = np.argpartition(stamp, count - 1)[:count]
        return candidates[np.argsort(stamp[candidates])]

    def _targets(self, probe: Integers, identity: Integers, slot: Integers, evicted: Integers) -> Integers:
        target = self._find(probe)
        target[np.isin(target, evicted)] = -1
        at = np.minimum(np.searchsorted(identity, probe), len(identity) - 1)
        return np.where(identity[at] == probe, slot[at], target)


def _occurrence(which: Integers, count: Integers) -> Integers:
    """How many earlier items of the batch have the same identity. [n], [d] -> [n]"""
    order = np.argsort(which, kind="stable")
    start = np.cumsum(count) - count
    occurrence = np.empty_like(which)
    occurrence[order] = np.arange(len(which)) - start[which[order]]
    return occurrence
