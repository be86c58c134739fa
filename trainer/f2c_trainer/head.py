"""What all classification heads share: each turns a batch of two views into a loss.

A head is given a batch (x, y) of n + n images and the probe network. `DcpHead` runs both passes of F2C on it, the
others classify all 2n images at once. `commit` follows the backward pass. All own state that a checkpoint keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from .keyed import Integers


@dataclass(frozen=True)
class Loss:
    total: Tensor
    in_pool: Tensor | None = None
    out_of_pool: Tensor | None = None
    pool_hit_rate: float | None = None
    evictions: int | None = None
    gradient_norm: Tensor | None = None  # of the backbone in the latest update

    def parts(self) -> Tensor:
        """What processes add up: total, and in-pool and out-of-pool loss if there are any. [1 or 3]"""
        return torch.stack([one.detach() for one in (self.total, self.in_pool, self.out_of_pool) if one is not None])


class Head(Protocol):
    def loss(self, probe: nn.Module, x: Tensor, y: Tensor, identity: Integers, number: Tensor, *, follow: bool) -> Loss:
        """Of x's, then y's images: pixels [n/W, 3, S, S] twice, all dataset's numbers [2n], own 0..N-1 [2n/W].

        The losses and their gradients are those of the batch when W processes have added up theirs.
        `follow` in the first step of an update: what follows the probe network moves now.
        """

    def commit(self) -> None:
        """Makes the step's changes to the head's own state; once a step, after its backward pass."""

    def parameters(self) -> dict[str, nn.Parameter]:
        """What the optimizer trains."""

    def state(self) -> dict[str, Tensor]:
        """All that a later process needs to go on, except for the shares."""

    def share(self) -> dict[str, Tensor]:
        """The rest, if each process has a share of its own."""

    def load(self, state: dict[str, Tensor], shares: list[dict[str, Tensor]]) -> None:
        """`shares` of all processes that there were, or none."""

    def networks(self) -> list[nn.Module]:
        """That run beside the probe network."""

    def bytes(self) -> int:
        """Memory of the head with what the optimizer keeps for it, in all processes that share it."""
