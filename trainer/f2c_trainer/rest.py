"""The probes against the slots that a step leaves alone, in one matrix product whatever their number.

Nearly all slots hold the same features in both passes of a step and for both weights of a slot. What the losses need
of them is small: for a probe in the pool the log of its softmax sum, for one out of it its largest cosines. Both are
gathered chunk by chunk, so no matrix as wide as the pool is kept; and because the sum is gathered together with its
gradient, as in flash attention, the backward pass multiplies nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from .keyed import Integers
from .margin import harder, slope

# Cosines of a chunk: few enough for the cache of a CPU, many enough to keep a GPU busy.
_CHUNK_CPU, _CHUNK_CUDA = 2**21, 2**26
_WIDEST = 2**14  # columns; a half-precision sum over more could overflow


@dataclass(frozen=True)
class Rest:
    """All slots of one weight set but the excluded ones."""

    rows: Tensor  # [2, C, D]
    second: Tensor | None  # which slots show their row 1, [C]; None: no slot does
    excluded: Integers  # ascending
    scale: float
    product: torch.dtype  # of the matrix products; sums are of the rows' own type

    def part(self, start: int, stop: int) -> Tensor:
        first, second = self.rows[:, start:stop]
        return first if self.second is None else torch.where(self.second[start:stop, None], second, first)

    def at(self, slots: Tensor) -> Tensor:
        """Features of the given slots. [...] -> [..., D]"""
        return self.rows[0 if self.second is None else self.second[slots].long(), slots]

    def chunks(self, probes: int) -> Iterator[tuple[int, int, Tensor]]:
        """First column, end, and the excluded columns as seen from the first; chunks without any other are left out."""
        count, device = self.rows.shape[1], self.rows.device
        budget = _CHUNK_CUDA if device.type == "cuda" else _CHUNK_CPU
        width = min(_WIDEST, max(256, budget // max(probes, 1)))
        excluded = torch.from_numpy(self.excluded).to(device)
        bounds = np.searchsorted(self.excluded, np.arange(0, count + width, width)).tolist()
        for number, start in enumerate(range(0, count, width)):
            stop = min(start + width, count)
            low, high = bounds[number], bounds[number + 1]
            if high - low < stop - start:
                yield start, stop, excluded[low:high] - start


def against_rest(
    inside: Tensor, outside: Tensor, rest: Rest, hardest: int, targets: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Log of the softmax sums of `inside` probes and the `hardest` largest cosines of `outside` ones, in any order.

    `targets` is None, or for SV margins the targets' cosines less the margin for each of w weight sets: columns above
    them are made harder. Where there is no column the log is -inf, and so are missing cosines.
    [a, D], [b, D], [w, a] or None -> [w or 1, a], [b, hardest]
    """
    found = _AgainstRest.apply(inside, outside, rest, hardest, targets)  # type: ignore[no-untyped-call]
    return cast(tuple[Tensor, Tensor], found)


class _AgainstRest(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inside: Tensor, outside: Tensor, rest: Rest, hardest: int, targets: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        found = meet(inside, outside, rest, hardest, targets)
        # The rows are saved so that autograd refuses to go back through a pool that has changed since.
        ctx.save_for_backward(rest.rows, found.slots, found.pulls(rest.scale))
        ctx.rest = rest
        return found.logs(), found.largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_log, of_largest = gradients
        _, slots, pulls = ctx.saved_tensors
        outside = (of_largest[:, None] @ ctx.rest.at(slots))[:, 0]
        return (of_log[..., None] * pulls).sum(0), outside, None, None, None


@dataclass(frozen=True)
class Meeting:
    """What probes have met among some slots."""

    # Of each probe inside and each of w weight sets: its largest logit, the sum of exp(logit - largest), and the
    # gradient of that sum. [a, w, 1 + 1 + D]
    sums: Tensor
    largest: Tensor  # cosines of each probe outside, [b, hardest], and the slots they are with
    slots: Tensor

    def logs(self) -> Tensor:
        """Of the softmax sums. [w, a]"""
        return (self.sums[..., 0] + self.sums[..., 1].log()).T

    def pulls(self, scale: float) -> Tensor:
        """Gradients of the logs by the probes; 0 where there was no column. [w, a, D]"""
        # A sum is at least 1 as soon as it has a term: its largest.
        return (self.sums[..., 2:] * (scale / self.sums[..., 1:2].clamp(min=1))).transpose(0, 1)


def meet(inside: Tensor, outside: Tensor, rest: Rest, hardest: int, targets: Tensor | None) -> Meeting:
    """The arguments are those of `against_rest`."""
    a = len(inside)
    thresholds = [None] if targets is None else list(targets)
    sums = [_SoftmaxSum(inside) for _ in thresholds]
    largest = outside.new_full((len(outside), hardest), -torch.inf)
    slots = torch.zeros_like(largest, dtype=torch.int64)
    probes = torch.cat([inside, outside]).to(rest.product)

    for start, stop, excluded in rest.chunks(len(probes)):
        part = rest.part(start, stop).to(rest.product)
        cosines = (probes @ part.T).to(inside.dtype).index_fill_(1, excluded, -torch.inf)
        if len(outside):
            values, columns = cosines[a:].topk(min(hardest, stop - start), sorted=False)
            largest, chosen = torch.cat([largest, values], 1).topk(hardest, sorted=False)
            slots = torch.cat([slots, columns + start], 1).gather(1, chosen)
        if a:
            for threshold, one in zip(thresholds, sums, strict=True):
                one.add(cosines[:a], part, rest.scale, None if threshold is None else threshold[:, None])
    return Meeting(torch.stack([one.packed() for one in sums], 1), largest, slots)


class _SoftmaxSum:
    """For each of a probes: the sum of exp(logit - largest logit so far), and its gradient. [a], [a, D]"""

    def __init__(self, probes: Tensor) -> None:
        self.top = probes.new_full((len(probes),), -math.inf)
        self.total = probes.new_zeros(len(probes))
        self.gradient = torch.zeros_like(probes)

    def add(self, cosines: Tensor, part: Tensor, scale: float, threshold: Tensor | None) -> None:
        """Takes in the cosines with some columns, [a, w], whose features are `part`, [w, D]."""
        logits = scale * (cosines if threshold is None else harder(cosines, threshold))
        top = torch.maximum(self.top, logits.amax(1))
        weights = logits.sub_(top[:, None]).exp_()
        fading = (self.top - top).exp_()
        self.total.mul_(fading).add_(weights.sum(1))
        if threshold is not None:
            weights *= slope(cosines, threshold)
        self.gradient.mul_(fading[:, None]).add_((weights.to(part.dtype) @ part).to(weights.dtype))
        self.top = top

    def packed(self) -> Tensor:
        """[a, 1 + 1 + D]"""
        return torch.cat([self.top[:, None], self.total[:, None], self.gradient], 1)
