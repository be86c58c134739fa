"""The plain classification layer, kept to compare with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from .config import Config
from .head import Loss
from .keyed import Integers
from .margin import margin_loss


class FcHead:
    """One weight vector per identity: what the pool replaces, kept to compare with."""

    def __init__(self, config: Config, identities: int, device: torch.device) -> None:
        self.config = config
        self.weight = nn.Parameter(torch.empty(identities, config.embedding_size).normal_(0, 0.01).to(device))

    def parameters(self) -> dict[str, nn.Parameter]:
        return {"head.weight": self.weight}

    def state(self) -> dict[str, Tensor]:
        return {"head.weight": self.weight.detach()}

    def load(self, state: dict[str, Tensor]) -> None:
        with torch.no_grad():
            self.weight.copy_(state["head.weight"])

    def bytes(self) -> int:
        return 2 * self.weight.nbytes  # with its momentum

    def commit(self) -> None:
        """Nothing to write: the optimizer moves the weights."""

    def loss(self, probe: nn.Module, x: Tensor, y: Tensor, _identity: Integers, number: Tensor) -> Loss:
        """`number` are the rows of the weight for x's, then for y's images. [n, 3, S, S], [n, 3, S, S], [2n]"""
        cosines = normalize(probe(torch.cat([x, y]))) @ normalize(self.weight).T
        return Loss(margin_loss(cosines, number, self.config.margin, self.config.margin_value, self.config.scale))
