"""Partial FC (arXiv 2203.15565): a classification layer of which each update takes a sample.

The rows of an update's own identities and of random others are gathered into a small parameter, which is what the
optimizer trains; its state for them is gathered and scattered around its step. Nothing else is read or written, so
that a step costs the same whatever the number of identities, and what was not sampled does not decay either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .config import Config
from .distributed import ALONE, Processes
from .fc import classified, initial
from .head import Loss
from .keyed import Integers, key, permuted
from .optimization import slots


class PartialFcHead:
    """One weight vector per identity, few of which take part in an update."""

    def __init__(self, config: Config, identities: int, device: torch.device, processes: Processes = ALONE) -> None:
        self.config, self.world = config, processes.world
        self.weight = initial(config, identities).to(device)
        self.kept = {slot: torch.zeros_like(self.weight) for slot in slots(config)}  # by the optimizer, for each row
        self.row = torch.empty(0, dtype=torch.int64, device=device)  # of the update under way, ascending. [k]
        self.sampled = nn.Parameter(self.weight[self.row])  # [k, D]

    def parameters(self) -> dict[str, nn.Parameter]:
        return {"head.weight": self.sampled}

    def state(self) -> dict[str, Tensor]:
        return {"head.weight": self.weight, **{f"head.{slot}": value for slot, value in self.kept.items()}}

    def share(self) -> dict[str, Tensor]:
        return {}

    def networks(self) -> list[nn.Module]:
        return []

    def load(self, state: dict[str, Tensor], _shares: list[dict[str, Tensor]]) -> None:
        for name, value in self.state().items():
            value.copy_(state[name])

    def bytes(self) -> int:
        """The copy of the sampled rows comes on top."""
        return self.weight.nbytes * (1 + len(self.kept))

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Lets the optimizer find its state for the sampled rows in each of its steps, and only there.

        Its count of steps is one for all rows, as in PyTorch's SparseAdam.
        """
        state = optimizer.state[self.sampled]

        def gather(*_: Any) -> None:
            state.update({slot: value[self.row] for slot, value in self.kept.items()})

        def scatter(*_: Any) -> None:
            self.weight[self.row] = self.sampled.data
            for slot, value in self.kept.items():
                value[self.row] = state.pop(slot)

        for slot in self.kept:
            del state[slot]
        optimizer.register_step_pre_hook(gather)
        optimizer.register_step_post_hook(scatter)

    def sample(self, positive: Integers, update: int) -> None:
        """Chooses the rows of an update, given those of all its images; before its first step, or to go on in it.

        No graph of an earlier update may be alive: autograd would still expect a gradient of as many rows as it had.
        """
        count = round(self.config.sample_rate * len(self.weight))
        row = sampled(positive, len(self.weight), count, key(self.config.seed, "centres", update))
        self.row = torch.from_numpy(row).to(self.weight.device)
        self.sampled.data = self.weight[self.row]

    def commit(self) -> None:
        """Nothing to write: the optimizer moves the weights."""

    def loss(
        self, probe: nn.Module, x: Tensor, y: Tensor, _identity: Integers, number: Tensor, *, follow: bool = True
    ) -> Loss:
        """`number` are the rows of the weight for x's, then for y's images.

        All of them are this process's part. [n/W, 3, S, S], [n/W, 3, S, S], [2n/W]
        """
        row = torch.searchsorted(self.row, number)
        return classified(probe(torch.cat([x, y])), self.sampled, row, self.world, self.config)


def sampled(positive: Integers, identities: int, count: int, key: np.uint64) -> Integers:
    """The positives and random others, `count` in all unless there are more positives; ascending. [n] -> [k]

    Of k drawn identities at most as many as there are positives are positives, so that the others suffice.
    """
    positive = np.unique(positive)
    count = max(count, len(positive))
    drawn = np.sort(permuted(key, np.arange(count), identities))
    place = np.searchsorted(drawn, positive)
    others = np.delete(drawn, place[drawn.take(place, mode="clip") == positive])
    surplus = len(others) + len(positive) - count
    others = np.delete(others, permuted(key, np.arange(surplus), len(others)))
    return np.insert(others, np.searchsorted(others, positive), positive)
