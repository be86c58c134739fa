from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from f2c_trainer.distributed import Processes
from f2c_trainer.rest import Meeting, Rest, meet
from f2c_trainer.sharding import Shard, put_together

from .test_rest import HARDEST, SCALE, SIZE, SLOTS, of

EXCLUDED = [[], [0, 5, 699], list(range(150, 420)), list(range(3, 700)), list(range(SLOTS))]


def shards(world: int, slots: int = SLOTS) -> list[Shard]:
    return [Shard(Processes(rank, world), slots, spread=True) for rank in range(world)]


def part_of(rest: Rest, shard: Shard) -> Rest:
    held = rest.excluded[shard.holds(rest.excluded)] - shard.first
    second = None if rest.second is None else rest.second[shard.first : shard.last]
    return Rest(rest.rows[:, shard.first : shard.last], second, held, SCALE, rest.product)


@pytest.mark.parametrize("excluded", EXCLUDED)
@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("sv", [False, True])
def test_parts_of_the_pool_put_together_are_the_whole(excluded: list[int], second: bool, sv: bool) -> None:
    rest = of(excluded, second)
    inside, outside = (normalize(torch.randn(count, SIZE, dtype=torch.float64)) for count in (5, 3))
    targets = torch.rand(2, 5, dtype=torch.float64) - 0.5 if sv else None
    found = [meet(inside, outside, part_of(rest, shard), HARDEST, targets) for shard in shards(3)]
    parts = Meeting(
        torch.stack([one.sums for one in found]),
        torch.stack([one.largest for one in found]),
        torch.stack([one.slots + shard.first for one, shard in zip(found, shards(3), strict=True)]),
    )
    whole, together = meet(inside, outside, rest, HARDEST, targets), put_together(parts, HARDEST)
    assert torch.allclose(together.logs(), whole.logs(), rtol=1e-12, atol=1e-12)
    assert torch.allclose(together.pulls(SCALE), whole.pulls(SCALE), rtol=1e-11, atol=1e-12)
    for mine, theirs in zip(ordered(together), ordered(whole), strict=True):
        assert torch.equal(mine, theirs)


def ordered(meeting: Meeting) -> tuple[Tensor, Tensor]:
    """The largest cosines, and their slots where there are any."""
    largest, order = meeting.largest.sort(1, descending=True)
    return largest, meeting.slots.gather(1, order).where(largest > -torch.inf, -1)


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (3, 4), (4, 2)])
def test_a_pool_is_shared_anew(before: int, after: int) -> None:
    rows = torch.randn(2, 10, 4)
    parts = [rows[:, shard.first : shard.last] for shard in shards(before, 10)]
    for shard in shards(after, 10):
        mine = torch.zeros(2, shard.last - shard.first, 4)
        shard.take(mine, parts)
        assert torch.equal(mine, rows[:, shard.first : shard.last])
