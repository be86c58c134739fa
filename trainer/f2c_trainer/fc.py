"""The plain classification layer, kept to compare with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from .config import Config
from .distributed import ALONE, Processes
from .head import Loss
from .keyed import Integers
from .margin import margin_loss
from .optimization import slots


class FcHead:
    """One weight vector per identity: what the pool replaces, kept to compare with."""

    def __init__(self, config: Config, identities: int, device: torch.device, processes: Processes = ALONE) -> None:
        self.config, self.world = config, processes.world
        self.weight = nn.Parameter(initial(config, identities).to(device))

    def parameters(self) -> dict[str, nn.Parameter]:
        return {"head.weight": self.weight}

    def state(self) -> dict[str, Tensor]:
        return {"head.weight": self.weight.detach()}

    def share(self) -> dict[str, Tensor]:
        return {}

    def networks(self) -> list[nn.Module]:
        return []

    def load(self, state: dict[str, Tensor], _shares: list[dict[str, Tensor]]) -> None:
        with torch.no_grad():
            self.weight.copy_(state["head.weight"])

    def bytes(self) -> int:
        return self.weight.nbytes * (1 + len(slots(self.config)))

    def commit(self) -> None:
        """Nothing to write: the optimizer moves the weights."""

    def loss(
        self, probe: nn.Module, x: Tensor, y: Tensor, _identity: Integers, number: Tensor, *, follow: bool = True
    ) -> Loss:
        """`number` are the rows of the weight for x's, then for y's images.

        All of them are this process's part. [n/W, 3, S, S], [n/W, 3, S, S], [2n/W]
        """
        return classified(probe(torch.cat([x, y])), self.weight, number, self.world, self.config)


def initial(config: Config, identities: int) -> Tensor:
    """One vector per identity. [N, D]"""
    return torch.empty(identities, config.embedding_size).normal_(0, 0.01)


def classified(embeddings: Tensor, weight: Tensor, row: Tensor, world: int, config: Config) -> Loss:
    """Each embedding belongs to one row of the weight; the losses of all processes add up to the mean over all.

    In the weight's precision. [n, D], [k, D], [n]
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        cosines = normalize(embeddings.to(weight.dtype)) @ normalize(weight).T
        return Loss(margin_loss(cosines, row, config.margin, config.margin_value, config.scale) / world)
