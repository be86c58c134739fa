"""An order of samples that reads a few shards at a time, for a data set that is larger than the disk.

Every epoch shuffles the shards and cuts them into windows of at most `shardWindow` shards, as equal as can be. The
training goes through the windows one by one; inside a window everything is shuffled. What is left of the whole order:

- The instance loader shows every instance once an epoch.
- A step takes its identities from the window of its first instance. The identity loader goes round that window's stays
  (what an identity has in one shard) as long as it lasts, each once a round. An identity whose instances all lie in one
  shard is one stay; one that lies in several is shown in the windows of each. With `identitiesPerStep` as large as
  `instancesPerStep` that is once an epoch at least, but for the steps at the end of a window.
- Both instances of an identity lie in the window. They are distinct if the stay has two instances; the second may be
  one of another shard of the window.
- The identities of a step come from one window, but every epoch brings other shards together: with k of K shards in a
  window, two of them share one in about k of K epochs. Measured with 4000 identities in 100 shards and 64 + 64 images
  a step, the share of all pairs of identities that have met in a step after 5 and 20 epochs: 0.99 and 1.00 with all
  shards mixed, 0.67 and 0.99 with 20, 0.41 and 0.87 with 10, 0.11 and 0.34 with 2.

Without an instance loader the windows go by as fast as one of `identitiesPerStep` would take them. Everything is a
function of (seed, step): O(K) memory beside the memory-mapped index, and no work at the start that grows with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .index import Index, corrupt
from .keyed import Integers, Words, below, hashed, key, permuted


@dataclass(frozen=True)
class Epoch:
    """The shards that have instances, K of them in the order of one epoch, and its W windows."""

    shards: Integers  # [K]
    shard_window: Integers  # window of every shard of the index; -1 for those without instances
    stays: Integers  # before each shard. [K+1]
    instances: Integers  # before each shard. [K+1]
    window_shards: Integers  # before each window. [W+1]

    @property
    def window_stays(self) -> Integers:
        """Before each window. [W+1]"""
        return self.stays[self.window_shards]

    @property
    def window_instances(self) -> Integers:
        """Before each window. [W+1]"""
        return self.instances[self.window_shards]


class Windows:
    """What the loaders show with `width` shards in a window."""

    def __init__(self, index: Index, seed: int, width: int, identities_per_step: int, instances_per_step: int) -> None:
        self._index, self._seed, self._stays = index, seed, index.stays()
        self._identities_per_step = identities_per_step
        self._pace = instances_per_step or identities_per_step  # instances that a step goes on by
        shard = np.asarray(self._stays.shard)
        self._shard_stays, self._shard_places = shard, self._stays.place[shard]
        self._filled = np.flatnonzero(np.diff(self._shard_places))
        self.count = -(-len(self._filled) // width)
        self._epoch = lru_cache(maxsize=4)(self._shuffled)

    def pairs(self, step: int, turn: Integers) -> tuple[Integers, Integers, Integers]:
        """Identity numbers of a step and two instances of each. [n] -> [n], [n], [n]"""
        seed, stays, first = self._seed, self._stays, self._index.first
        window, begin = self._window_of(step)
        number, within = divmod(window, self.count)
        epoch = self._epoch(number)
        before, after = epoch.window_stays[within : within + 2]
        since = (step - begin) * self._identities_per_step + np.arange(len(turn))
        rounds = since // (after - before)
        chosen = np.empty_like(since)
        for each in np.unique(rounds):
            here = rounds == each
            purpose = key(seed, "identities", number, within, int(each))
            chosen[here] = permuted(purpose, since[here] % (after - before), int(after - before))
        chosen += before
        rank = np.searchsorted(epoch.stays, chosen, side="right") - 1
        stay = self._shard_stays[epoch.shards[rank]] + chosen - epoch.stays[rank]

        start, count = stays.begin[stay], stays.place[stay + 1] - stays.place[stay]
        identity = np.searchsorted(first, start, side="right") - 1
        one = start + below(count, hashed(key(seed, "one"), turn))
        draw = hashed(key(seed, "other"), turn)
        anywhere = _another(one, first[identity], first[identity + 1] - first[identity], draw)
        shard = self._index.shard[anywhere]
        if (shard >= len(epoch.shard_window)).any():
            what = f"Instances are in shard {shard.max()}, which index.json does not list"
            raise corrupt(what, str(self._index.folder))
        near = epoch.shard_window[shard] == within
        return identity, one, np.where(near, anywhere, _another(one, start, count, draw))

    def singles(self, place: Integers) -> Integers:
        """Instances at places of the endless stream of epochs. [n] -> [n]"""
        stays = self._stays
        number, position = np.divmod(place, self._index.instances)
        chosen = np.empty_like(place)
        for each in np.unique(number):
            epoch = self._epoch(int(each))
            window = np.searchsorted(epoch.window_instances, position, side="right") - 1
            for within in np.unique(window[number == each]):
                here = (number == each) & (window == within)
                before, after = epoch.window_instances[within : within + 2]
                purpose = key(self._seed, "instances", int(each), int(within))
                shuffled = before + permuted(purpose, position[here] - before, int(after - before))
                rank = np.searchsorted(epoch.instances, shuffled, side="right") - 1
                chosen[here] = self._shard_places[epoch.shards[rank]] + shuffled - epoch.instances[rank]
        stay = np.searchsorted(stays.place, chosen, side="right") - 1
        return stays.begin[stay] + chosen - stays.place[stay]

    def spanned(self, step: int) -> range:
        """The windows that a step reads, counted through all epochs."""
        begin = self._at(step * self._pace)
        return range(begin, self._at((step + 1) * self._pace - 1) + 1)

    def shards(self, window: int) -> list[int]:
        """Of a window, counted through all epochs."""
        number, within = divmod(window, self.count)
        epoch = self._epoch(number)
        shards: list[int] = epoch.shards[epoch.window_shards[within] : epoch.window_shards[within + 1]].tolist()
        return shards

    def _window_of(self, step: int) -> tuple[int, int]:
        """The window from which a step takes its identities, counted through all epochs, and its first such step."""
        window = self._at(step * self._pace)
        number, within = divmod(window, self.count)
        begin = number * self._index.instances + int(self._epoch(number).window_instances[within])
        return window, -(-begin // self._pace)

    def _at(self, place: int) -> int:
        """The window of a place of the instance loader's stream, counted through all epochs."""
        number, position = divmod(place, self._index.instances)
        return number * self.count + int(np.searchsorted(self._epoch(number).window_instances, position, "right")) - 1

    def _shuffled(self, number: int) -> Epoch:
        size = len(self._filled)
        shards = self._filled[permuted(key(self._seed, "shards", number), np.arange(size), size)]
        window_shards = np.arange(self.count + 1) * size // self.count
        shard_window = np.full(len(self._shard_stays) - 1, -1)
        shard_window[shards] = np.repeat(np.arange(self.count), np.diff(window_shards))
        before = [_sums(np.diff(bounds)[shards]) for bounds in (self._shard_stays, self._shard_places)]
        return Epoch(shards, shard_window, before[0], before[1], window_shards)


def _another(one: Integers, begin: Integers, count: Integers, draw: Words) -> Integers:
    """Of the instances begin..begin+count-1 another than `one`, unless there is no other. [n]"""
    return begin + (one - begin + 1 + below(np.maximum(count - 1, 1), draw)) % count


def _sums(counts: Integers) -> Integers:
    """Of what comes before each. [n] -> [n+1]"""
    return np.concatenate([[0], np.cumsum(counts)])
