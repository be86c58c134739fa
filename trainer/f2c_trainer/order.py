"""The order of samples: what a step shows, as a pure function of its number. No state, no O(N) shuffle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .augment import DRAWS
from .config import Config
from .errors import F2cError
from .index import Index, corrupt
from .keyed import Integers, below, hashed, key, permuted, uniform
from .windows import Windows


class Order:
    """The identity loader (every identity once a pass, two instances each) and the instance loader (every instance
    once an epoch), side by side. With `shardWindow` both go through windows of a few shards; see windows.py."""

    def __init__(self, index: Index, config: Config) -> None:
        """Raises F2C_DATA_CORRUPT, and F2C_CONFIG_INVALID if a step is larger than the data."""
        if index.identities == 0:
            raise corrupt("The train part is empty", str(index.folder))
        self._index, self._seed = index, config.seed
        if config.images > 0:
            _check_step(index, config)
        self.identities_per_step, self.instances_per_step = config.identities_per_step, config.instances_per_step
        sizes = (self.identities_per_step, self.instances_per_step)
        self.windows = None if config.shard_window is None else Windows(index, config.seed, config.shard_window, *sizes)
        self._shown: Whole | Windows = Whole(index, config.seed) if self.windows is None else self.windows

    @property
    def images_per_step(self) -> int:
        return 2 * self.identities_per_step + self.instances_per_step

    def of(self, step: int) -> tuple[Integers, Integers, NDArray[np.float32]]:
        """Instances, identity numbers and augmentation draws of a step, x's then y's. [2n], [2n], [2n, DRAWS]"""
        turn = step * self.identities_per_step + np.arange(self.identities_per_step)
        place = step * self.instances_per_step + np.arange(self.instances_per_step)
        number, one, other = self._shown.pairs(step, turn)
        single = self._shown.singles(place)
        owner = np.searchsorted(self._index.first, single, side="right") - 1
        half = len(single) // 2

        def draws(purpose: str, positions: Integers) -> NDArray[np.float32]:
            return uniform(key(self._seed, "augment", purpose), positions, DRAWS)

        single_draws = draws("single", place)
        return (
            np.concatenate([one, single[:half], other, single[half:]]),
            np.concatenate([number, owner[:half], number, owner[half:]]),
            np.concatenate([draws("one", turn), single_draws[:half], draws("other", turn), single_draws[half:]]),
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
