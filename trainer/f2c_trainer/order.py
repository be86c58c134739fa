"""The order of samples: what a step shows, as a pure function of its number. No state, no O(N) shuffle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .augment import DRAWS
from .config import Config
from .errors import F2cError
from .index import Index, corrupt
from .keyed import Integers, below, hashed, key, permuted, uniform


class Order:
    """The identity loader (every identity once a pass, two instances each) and the instance loader (every instance
    once an epoch), side by side."""

    def __init__(self, index: Index, config: Config) -> None:
        """Raises F2C_DATA_CORRUPT, and F2C_CONFIG_INVALID if a step is larger than the data."""
        if index.identities == 0:
            raise corrupt("The train part is empty", str(index.folder))
        self._index, self._seed = index, config.seed
        if config.images > 0:
            _check_step(index, config)
        self.identities_per_step, self.instances_per_step = config.identities_per_step, config.instances_per_step

    @property
    def images_per_step(self) -> int:
        return 2 * self.identities_per_step + self.instances_per_step

    def of(self, step: int) -> tuple[Integers, Integers, NDArray[np.float32]]:
        """Instances, identity numbers and augmentation draws of a step, x's then y's. [2n], [2n], [2n, DRAWS]"""
        seed, first = self._seed, self._index.first
        turn, number = self._permuted("identities", step, self.identities_per_step, self._index.identities)
        start, count = first[number], first[number + 1] - first[number]
        if (count < 1).any():
            broken = int(number[np.argmin(count)])
            raise corrupt(f"Identity {self._index.identity[broken]} has no instances", str(self._index.folder))
        one = below(count, hashed(key(seed, "one"), turn))
        other = (one + 1 + below(np.maximum(count - 1, 1), hashed(key(seed, "other"), turn))) % count

        place, single = self._permuted("instances", step, self.instances_per_step, self._index.instances)
        owner = np.searchsorted(first, single, side="right") - 1
        half = len(single) // 2

        def draws(purpose: str, positions: Integers) -> NDArray[np.float32]:
            return uniform(key(seed, "augment", purpose), positions, DRAWS)

        single_draws = draws("single", place)
        return (
            np.concatenate([start + one, single[:half], start + other, single[half:]]),
            np.concatenate([number, owner[:half], number, owner[half:]]),
            np.concatenate([draws("one", turn), single_draws[:half], draws("other", turn), single_draws[half:]]),
        )

    def _permuted(self, stream: str, step: int, count: int, size: int) -> tuple[Integers, Integers]:
        """Positions of a step in an endless stream of shuffled epochs, and what is there. [count], [count]"""
        position = step * count + np.arange(count)
        epoch, within = np.divmod(position, size)
        chosen = np.empty_like(position)
        for each in np.unique(epoch):
            here = epoch == each
            chosen[here] = permuted(key(self._seed, stream, int(each)), within[here], size)
        return position, chosen


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
