"""The step of F2C's published code (FFC), as its description has it: what our head is held against.

Each pass writes the pool, multiplies its probes with the first and with the second weights, sorts every out-of-pool
row, and the first pass is undone afterwards: four products forward and four backward a step, and two copies of the
pool. `hardest` says how the largest cosines are found: "sort" as published, or "topk", the obvious repair.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


class FfcHead:
    def __init__(
        self,
        slots: int,
        size: int,
        hardest: Literal["sort", "topk"],
        margin: float,
        scale: float,
    ) -> None:
        self.queue = torch.nn.functional.normalize(torch.randn(2, slots, size), dim=2)
        self.next_row = [1] * slots
        self.lru: OrderedDict[int, int] = OrderedDict()  # identity -> slot, least recent first
        self.count = min(max(int(0.0002 * slots), 3), 10)
        self.hardest, self.margin, self.scale = hardest, margin, scale

    def step(
        self,
        x: Tensor,
        y: Tensor,
        gallery_x: Tensor,
        gallery_y: Tensor,
        of_x: list[int],
        of_y: list[int],
    ) -> Tensor:
        """Loss of both passes; only the second one's writes are kept. [n, D] four times, n identities twice"""
        before, order, rows = self._cells(of_y), self.lru.copy(), self.next_row.copy()
        saved = self.queue[:, before].clone()
        first = self._pass(x, gallery_y, of_x, of_y)
        self.queue[:, before], self.lru, self.next_row = saved, order, rows
        return first + self._pass(y, gallery_x, of_y, of_x)

    def _cells(self, identities: list[int]) -> Tensor:
        """The slots that a pass may write: those of its identities, and as many of the oldest."""
        known = [self.lru[identity] for identity in identities if identity in self.lru]
        oldest = [slot for slot, _ in zip(self.lru.values(), range(len(identities) * 2), strict=False)]
        return torch.tensor(sorted({*known, *oldest}))

    def _pass(self, probe: Tensor, gallery: Tensor, probe_of: list[int], gallery_of: list[int]) -> Tensor:
        rows, slots, hits = [], [], set()
        for identity in gallery_of:
            if identity in self.lru:
                slot = self.lru[identity]
                self.lru.move_to_end(identity)
                rows.append(self.next_row[slot])
                self.next_row[slot] ^= 1
                hits.add(slot)
            else:
                slot = self.lru.popitem(last=False)[1]
                self.lru[identity] = slot
                rows.append(0)
                self.next_row[slot] = 1
            slots.append(slot)
        self.queue[torch.tensor(rows), torch.tensor(slots)] = gallery
        label = torch.tensor([self.lru.get(identity, -1) for identity in probe_of])
        mask = torch.zeros(len(self.next_row), 1)
        mask[torch.tensor(sorted(hits), dtype=torch.int64)] = 1
        # A pass may be undone before the backward pass, so the products keep weights of their own.
        one = self.queue[0].clone()
        two = mask * self.queue[1] + (1 - mask) * self.queue[0]
        return self._loss(probe @ one.T, label) + self._loss(probe @ two.T, label)

    def _loss(self, cosines: Tensor, label: Tensor) -> Tensor:
        inside, outside = label >= 0, label < 0
        target = label[inside]
        rows = cosines[inside]
        right = rows.gather(1, target[:, None]) - self.margin
        loss = cross_entropy(self.scale * rows.scatter(1, target[:, None], right), target)
        far = cosines[outside]
        if self.hardest == "sort":
            largest = far.gather(1, torch.argsort(far, dim=1, descending=True)[:, : self.count])
        else:
            largest = far.topk(self.count).values
        return loss + largest.clip(0).mean()
