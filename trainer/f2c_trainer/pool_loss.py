"""The loss of probes against the pool."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .config import Config
from .margin import margin_loss


@dataclass(frozen=True)
class PoolPass:
    """One pass as tensors: its probes, and how its pool differs from the pool before the step."""

    probe: Tensor  # unit length. [n, D]
    target: Tensor  # slot, or -1. [n]
    first_slot: Tensor  # slots whose row 0 this pass writes, [k], with the features that it writes, [k, D]
    first_feature: Tensor
    second_slot: Tensor  # hit slots, [h], with their row 1 after the pass, [h, D]
    second_feature: Tensor
    filled: Tensor | None  # [C], or None: all slots hold a feature


def pool_loss(base: Tensor, passes: tuple[PoolPass, PoolPass], hardest: int, config: Config) -> tuple[Tensor, Tensor]:
    """In-pool and out-of-pool loss, summed over both passes and both weights of each slot.

    The probes of both passes meet the C slots in one product; every weight set is that product with the few columns
    replaced that it does not share with `base`, the pool's row 0 before the step. [C, D]
    """
    shared = torch.cat([one.probe for one in passes]) @ base.T
    in_pool, out_of_pool = shared.new_zeros(()), shared.new_zeros(())
    for one, cosines in zip(passes, shared.tensor_split([len(passes[0].probe)]), strict=True):
        first = cosines.index_copy(1, one.first_slot, one.probe @ one.first_feature.T)
        if one.filled is not None:
            first = first.masked_fill(~one.filled, -torch.inf)
        second = first.index_copy(1, one.second_slot, one.probe @ one.second_feature.T)
        inside = one.target >= 0
        for weights in (first, second):
            in_pool = in_pool + margin_loss(
                weights[inside], one.target[inside], config.margin, config.margin_value, config.scale
            )
            out_of_pool = out_of_pool + hardest_loss(weights[~inside], hardest)
    return in_pool, out_of_pool


def hardest_loss(cosines: Tensor, hardest: int) -> Tensor:
    """Mean of the `hardest` largest cosines, those below 0 counted as 0; 0 for no rows. [n, C] -> []"""
    if len(cosines) == 0:
        return cosines.sum()
    largest = cosines.topk(min(hardest, cosines.shape[1])).values
    filled = largest > -torch.inf
    return largest.clamp(min=0).sum() / filled.sum()
