"""The order of samples: what a step shows, as a pure function of its number. No state, no O(N) shuffle."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .augment import DRAWS, Light, edits, light
from .config import Config
from .edits import Edits
from .errors import F2cError
from .index import Index, Number, corrupt
from .keyed import Integers, below, hashed, key, permuted, uniform
from .windows import Windows

_STEPS_AT_ONCE = 32


class Planned(NamedTuple):
    """Of a step: x's items, then y's."""

    instance: Integers  # [2n]
    number: Integers  # of its identity. [2n]
    edits: Edits  # [2n, 13]
    light: Light | None  # where `augment` has brightness. [2n, 2]


class Order:
    """The identity loader (every identity once a pass, two instances each) and the instance loader (every instance
    once an epoch), side by side. With `shardWindow` both go through windows of a few shards; see windows.py."""

    def __init__(self, index: Index, config: Config) -> None:
        """Raises F2C_DATA_CORRUPT, and F2C_CONFIG_INVALID if a step is larger than the data."""
        if index.identities == 0:
            raise corrupt("The train part is empty", str(index.folder))
        self._index, self._seed, self._changes = index, config.seed, config.augment
        if config.images > 0:
            _check_step(index, config)
        self.identities_per_step, self.instances_per_step = config.identities_per_step, config.instances_per_step
        sizes = (self.identities_per_step, self.instances_per_step)
        self.windows = None if config.shard_window is None else Windows(index, config.seed, config.shard_window, *sizes)
        self._shown: Whole | Windows = Whole(index, config.seed) if self.windows is None else self.windows
        # Planning many numbers takes hardly longer than planning few. A window is of one step, though.
        self._steps_at_once = _STEPS_AT_ONCE if self.windows is None else 1
        self._kept: dict[int, Planned] = {}  # two blocks: the training thread may still ask for the one before

    @property
    def images_per_step(self) -> int:
        return 2 * self.identities_per_step + self.instances_per_step

    def of(self, step: int) -> Planned:
        """What a step shows."""
        block, within = divmod(step, self._steps_at_once)
        planned = self._kept.get(block)  # threads may ask for different ones at the same time
        if planned is None:
            planned = self._plan(block)
            self._kept = dict([*self._kept.items(), (block, planned)][-2:])
        instance, number, edits, light = planned
        return Planned(instance[within], number[within], edits[within], None if light is None else light[within])

    def _plan(self, block: int) -> Planned:
        """Of all steps of a block. [steps, 2n, ...] each"""
        first, steps = block * self._steps_at_once, self._steps_at_once
        turn = first * self.identities_per_step + np.arange(steps * self.identities_per_step)
        place = first * self.instances_per_step + np.arange(steps * self.instances_per_step)
        number, one, other = self._shown.pairs(first, turn)
        single = self._shown.singles(place)
        owner = np.searchsorted(self._index.first, single, side="right") - 1

        def draws(purpose: str, positions: Integers) -> NDArray[np.float32]:
            return uniform(key(self._seed, "augment", purpose), positions, DRAWS)

        def arranged(x: NDArray[Number], y: NDArray[Number], singles: NDArray[Number]) -> NDArray[Number]:
            """x's items of the pairs, half of the single ones, then y's and the other half, for each step."""
            x, y, singles = (items.reshape(steps, -1, *items.shape[1:]) for items in (x, y, singles))
            halves = np.split(singles, 2, axis=1)
            return np.concatenate([x, halves[0], y, halves[1]], axis=1)

        drawn = arranged(draws("one", turn), draws("other", turn), draws("single", place)).reshape(-1, DRAWS)
        edited = edits(drawn, self._changes, self._index.image_size)
        lit = light(drawn).reshape(steps, -1, 2) if "brightness" in self._changes else None
        return Planned(
            arranged(one, other, single),
            arranged(number, number, owner),
            edited.reshape(steps, -1, edited.shape[1]),
            lit,
        )


class Whole:
    """What the loaders show with all shards mixed."""

    def __init__(self, index: Index, seed: int) -> None:
        self._index, self._seed = index, seed

    def pairs(self, _step: int, turn: Integers) -> tuple[Integers, Integers, Integers]:
        """Identity numbers and two instances of each, at places of an endless stream. [n] -> [n], [n], [n]"""
        seed, first = self._seed, self._index.first
        number = self._shuffled("identities", turn, self._index.identities)
        start, count = first[number], first[number + 1] - first[number]
        if (count < 1).any():
            broken = int(number[np.argmin(count)])
            raise corrupt(f"Identity {self._index.identity[broken]} has no instances", str(self._index.folder))
        one = below(count, hashed(key(seed, "one"), turn))
        other = (one + 1 + below(np.maximum(count - 1, 1), hashed(key(seed, "other"), turn))) % count
        return number, start + one, start + other

    def singles(self, place: Integers) -> Integers:
        """Instances at places of an endless stream. [n] -> [n]"""
        return self._shuffled("instances", place, self._index.instances)

    def _shuffled(self, stream: str, position: Integers, size: int) -> Integers:
        """What is at positions of an endless stream of shuffled epochs. [n] -> [n]"""
        epoch, within = np.divmod(position, size)
        chosen = np.empty_like(position)
        for each in np.unique(epoch):
            here = epoch == each
            chosen[here] = permuted(key(self._seed, stream, int(each)), within[here], size)
        return chosen


def _check_step(index: Index, config: Config) -> None:
    most = {"identities": index.identities, "instances": index.instances // 2 * 2}
    asked = {"identities": config.identities_per_step, "instances": config.instances_per_step}
    if too_many := [name for name in most if asked[name] > most[name]]:
        raise F2cError(
            "F2C_CONFIG_INVALID",
            f"A step takes {asked['identities']} identities and {asked['instances']} instances, but the train part has "
            f"{index.identities} identities with {index.instances} instances",
            str(index.folder),
            "Set " + " and ".join(f'"{name}PerStep" to {most[name]} at most' for name in too_many),
        )
