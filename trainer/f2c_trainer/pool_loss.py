"""The loss of a step's probes against the pool, exact, with one matrix product over the slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .config import Config
from .keyed import Integers
from .margin import hardened
from .rest import Rest
from .sharding import Shard


@dataclass(frozen=True)
class PoolPass:
    """One pass: this process's part of its probes, and what its pool holds in the s slots that the step writes."""

    probe: Tensor  # unit length. [n/W, D]
    inside: Tensor  # probes whose identity is in the pool, [a], and the column of each among the s slots, [a]
    target: Tensor
    outside: Tensor  # the others. [b]
    counts: Sequence[int]  # of the probes inside, by process. [W]
    images: int  # n
    weights: tuple[Tensor, Tensor]  # both weights of the s slots after the pass. [s, D], [s, D]
    unfilled: Tensor  # slots of the s that take no part in this pass. [s]


@dataclass(frozen=True)
class Pool:
    """The pool before the step, or this process's c slots of it."""

    rows: Tensor  # [2, c, D]
    second: Tensor | None  # slots whose second weight is row 1 though the step does not write them, [c]; None: none
    excluded: Integers  # slots that the step writes, and those that take no part; ascending
    shard: Shard
    product: torch.dtype  # of the product over all slots


def pool_loss(pool: Pool, passes: tuple[PoolPass, PoolPass], hardest: int, config: Config) -> tuple[Tensor, Tensor]:
    """In-pool and out-of-pool loss, each summed over both passes and both weights of each slot.

    The losses of all processes add up to the means over all probes.

    A slot that the step does not write holds the same in both passes: `against_rest` meets these, in one product for
    all probes. The few others are multiplied for each weight set on their own. A probe's target is always one of
    them, since the other pass writes the slot of every identity that this pass looks for.
    """
    insides = [one.probe[one.inside] for one in passes]
    outsides = [one.probe[one.outside] for one in passes]
    # Cosines with the written slots, by weight set and pass. [2][2][n, s]
    written = [[_cosines(one, weight) for one in passes] for weight in (0, 1)]

    rest = Rest(pool.rows, None, pool.excluded, config.scale, pool.product)
    shared = (torch.cat(insides), torch.cat(outsides))
    counts = [sum(both) for both in zip(passes[0].counts, passes[1].counts, strict=True)]
    thresholds = None
    if config.margin == "sv":
        with torch.no_grad():
            thresholds = torch.stack([_targets(passes, cosines) for cosines in written]) - config.margin_value
    if pool.second is None:
        logs, largest = pool.shard.against(*shared, rest, hardest, thresholds, counts)
        found = [(logs[0], largest), (logs[-1], largest)]
    else:
        rests = (rest, replace(rest, second=pool.second))
        halves = [None, None] if thresholds is None else [thresholds[:1], thresholds[1:]]
        found = [
            (logs[0], largest)
            for each, half in zip(rests, halves, strict=True)
            for logs, largest in [pool.shard.against(*shared, each, hardest, half, counts)]
        ]

    in_pool, out_of_pool = pool.rows.new_zeros(()), pool.rows.new_zeros(())
    for cosines, (logs, largest) in zip(written, found, strict=True):
        for one, mine, log, top in zip(
            passes,
            cosines,
            torch.split(logs, [len(inside) for inside in insides]),
            torch.split(largest, [len(outside) for outside in outsides]),
            strict=True,
        ):
            inside = sum(one.counts)
            in_pool = in_pool + _in_pool_loss(mine[one.inside], one.target, log, inside, config)
            cosines_outside = torch.cat([top, mine[one.outside]], 1)
            out_of_pool = out_of_pool + hardest_loss(cosines_outside, hardest, one.images - inside)
    return in_pool, config.out_of_pool_weight * out_of_pool


def _cosines(one: PoolPass, weight: int) -> Tensor:
    return (one.probe @ one.weights[weight].T).masked_fill(one.unfilled, -torch.inf)


def _targets(passes: tuple[PoolPass, PoolPass], cosines: list[Tensor]) -> Tensor:
    return torch.cat([mine[one.inside, one.target] for one, mine in zip(passes, cosines, strict=True)])


def _in_pool_loss(cosines: Tensor, target: Tensor, log_of_rest: Tensor, count: int, config: Config) -> Tensor:
    """Sum of the cross entropies over `count`, given the log of the softmax sum over all other columns.

    [a, s], [a], [a]
    """
    logits = config.scale * hardened(cosines, target, config.margin, config.margin_value)
    whole = torch.logaddexp(log_of_rest, logits.logsumexp(1))
    return (whole - logits.gather(1, target[:, None])[:, 0]).sum() / max(count, 1)


def hardest_loss(cosines: Tensor, hardest: int, count: int) -> Tensor:
    """Sum over the rows of the mean of the `hardest` largest cosines, those below 0 counted as 0, over `count`.

    A slot that takes no part does so in no row. 0 for no rows. [b, C] -> []
    """
    if len(cosines) == 0:
        return cosines.sum()
    largest = cosines.topk(min(hardest, cosines.shape[1])).values
    filled = (largest[0] > -torch.inf).sum()
    return largest.clamp(min=0).sum() / (count * filled)


def hardest_slots(slots: int) -> int:
    """How many slots push an out-of-pool probe away, as the reference has it."""
    return min(max(int(0.0002 * slots), 3), 10)
