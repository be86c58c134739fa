"""What all classification heads share: each turns a batch of two views into a loss.

A head is given a batch (x, y) of n + n images and the probe network. `DcpHead` runs both passes of F2C on it, the
others classify all 2n images at once. `commit` follows the backward pass. All own state that a checkpoint keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from .keyed import Integers


@dataclass(frozen=True)
class Loss:
    total: Tensor
    in_pool: float | None = None
    out_of_pool: float | None = None
    pool_hit_rate: float | None = None
    evictions: int | None = None
    gradient_norm: Tensor | None = None  # of the backbone in the latest update


class Head(Protocol):
    def loss(self, probe: nn.Module, x: Tensor, y: Tensor, identity: Integers, number: Tensor, *, follow: bool) -> Loss:
        """Of x's, then y's images: pixels [n, 3, S, S] twice, dataset's numbers [2n], 0..N-1 [2n].

        `follow` in the first step of an update: what follows the probe network moves now.
        """

    def commit(self) -> None:
        """Makes the step's changes to the head's own state; once a step, after its backward pass."""

    def parameters(self) -> dict[str, nn.Parameter]:
        """What the optimizer trains."""

    def state(self) -> dict[str, Tensor]:
        """All that a later process needs to go on."""

    def load(self, state: dict[str, Tensor]) -> None: ...

    def bytes(self) -> int:
        """Memory of the head with what the optimizer keeps for it."""
