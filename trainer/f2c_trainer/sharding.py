"""Which slots of the pool a process holds, and what it asks the others for if it does not hold all.

All processes know who owns every slot; only features are spread. Each meets the probes of all with its own slots, in
one product as ever; the sums go back to whose probes they are, and are put together there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .distributed import Processes
from .keyed import Integers
from .rest import Meeting, Rest, against_rest, meet


class Shard:
    """The slots first..last-1: a part of them if they are spread, else all."""

    def __init__(self, processes: Processes, slots: int, *, spread: bool) -> None:
        self.processes, self.spread = processes, spread and not processes.alone
        parts = processes.world if self.spread else 1
        self._bounds = slots * np.arange(parts + 1) // parts
        self.first, self.last = (int(bound) for bound in self._bounds[self._rank :][:2])

    @property
    def _rank(self) -> int:
        return self.processes.rank if self.spread else 0

    def holds(self, slots: Integers) -> NDArray[np.bool_]:
        return (slots >= self.first) & (slots < self.last)

    def rows(self, features: Tensor, slots: Integers) -> Tensor:
        """Both rows of the slots, whoever holds them; ascending. [2, last - first, D], [s] -> [2, s, D]"""
        mine = torch.from_numpy(slots[self.holds(slots)] - self.first).to(features.device)
        rows = features[:, mine]
        if not self.spread:
            return rows
        counts = np.diff(np.searchsorted(slots, self._bounds)).tolist()
        return self.processes.gather_rows(rows.transpose(0, 1).contiguous(), counts).transpose(0, 1)

    def take(self, features: Tensor, parts: Sequence[Tensor]) -> None:
        """Copies its slots out of those of all, which come in parts. [2, last - first, D], [2, any, D]..."""
        begin = 0
        for part in parts:
            end = begin + part.shape[1]
            low, high = max(begin, self.first), min(end, self.last)
            if low < high:
                features[:, low - self.first : high - self.first] = part[:, low - begin : high - begin]
            begin = end

    def against(
        self, inside: Tensor, outside: Tensor, rest: Rest, hardest: int, targets: Tensor | None, counts: list[int]
    ) -> tuple[Tensor, Tensor]:
        """`against_rest` for the slots of all processes; rank r has counts[r] of the probes inside."""
        if not self.spread:
            return against_rest(inside, outside, rest, hardest, targets)
        found = _AgainstShards.apply(inside, outside, rest, hardest, targets, self, counts)  # type: ignore[no-untyped-call]
        return cast(tuple[Tensor, Tensor], found)


class _AgainstShards(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inside: Tensor,
        outside: Tensor,
        rest: Rest,
        hardest: int,
        targets: Tensor | None,
        shard: Shard,
        inside_counts: list[int],
    ) -> tuple[Tensor, Tensor]:
        processes = shard.processes
        everyone = processes.gather(torch.cat([inside, outside]))
        outside_counts = [len(each) - count for each, count in zip(everyone, inside_counts, strict=True)]
        mine = meet(
            torch.cat([each[:count] for each, count in zip(everyone, inside_counts, strict=True)]),
            torch.cat([each[count:] for each, count in zip(everyone, inside_counts, strict=True)]),
            rest,
            hardest,
            None if targets is None else processes.gather_rows(targets.T.contiguous(), inside_counts).T,
        )
        parts = Meeting(
            processes.scatter_rows(mine.sums, inside_counts),
            processes.scatter_rows(mine.largest, outside_counts),
            processes.scatter_rows(mine.slots + shard.first, outside_counts),
        )
        whole = put_together(parts, hardest)
        # The rows are saved so that autograd refuses to go back through a pool that has changed since.
        ctx.save_for_backward(rest.rows, whole.slots, whole.pulls(rest.scale))
        ctx.rest, ctx.shard, ctx.counts = rest, shard, outside_counts
        return whole.logs(), whole.largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_log, of_largest = gradients
        _, slots, pulls = ctx.saved_tensors
        shard, counts = ctx.shard, ctx.counts
        of_all, slots = (shard.processes.gather_rows(each.contiguous(), counts) for each in (of_largest, slots))
        held = (slots >= shard.first) & (slots < shard.last)
        rows = ctx.rest.at(torch.where(held, slots - shard.first, 0))
        parts = (torch.where(held, of_all, 0)[:, None] @ rows)[:, 0]
        outside = shard.processes.scatter_rows(parts, counts).sum(0)
        return (of_log[..., None] * pulls).sum(0), outside, None, None, None, None, None


def put_together(parts: Meeting, hardest: int) -> Meeting:
    """One meeting with all slots, from p meetings of the same probes with parts of them, which are the first axis."""
    top, total, gradient = torch.split(parts.sums, [1, 1, parts.sums.shape[-1] - 2], -1)  # [p, a, w, ...]
    highest = top.amax(0)
    fading = torch.where(top == highest, 0, top - highest).exp()  # where a part has no slots, minus infinity
    sums = torch.cat([highest, (fading * total).sum(0), (fading * gradient).sum(0)], -1)
    largest, chosen = parts.largest.transpose(0, 1).flatten(1).topk(hardest, sorted=False)
    return Meeting(sums, largest, parts.slots.transpose(0, 1).flatten(1).gather(1, chosen))
