"""The Dynamic Class Pool as a head: two passes of F2C a step, only the second of which stays in the pool.

A pass fills the pool with one view's gallery features and classifies the other view's probes. What each pass writes
is planned on integers first (`pool.py`), so both start from the same pool and none has to be rolled back.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from .config import Config
from .distributed import ALONE, Processes
from .head import Loss
from .keyed import Integers
from .pool import PassPlan, Slots
from .pool_loss import Pool, PoolPass, hardest_slots, pool_loss
from .sharding import Shard


class DcpHead:
    """Two features for each of C slots, written by the gallery network."""

    def __init__(
        self, config: Config, probe: nn.Module, slots: int, device: torch.device, processes: Processes = ALONE
    ) -> None:
        self.config, self.processes = config, processes
        self.gallery = copy.deepcopy(probe).requires_grad_(False).train()
        self.slots = Slots(slots)
        self.shard = Shard(self.processes, slots, spread=config.pool_sharding)
        self.features = _initial(config, slots, self.shard).to(device)
        self.hardest = config.out_of_pool_hardest or hardest_slots(slots)
        self._kept: tuple[PassPlan, Tensor] | None = None  # second pass of the step under way, and its features

    def parameters(self) -> dict[str, nn.Parameter]:
        return {}

    def state(self) -> dict[str, Tensor]:
        integers = {f"pool.{name}": torch.from_numpy(value) for name, value in self.slots.state().items()}
        gallery = {f"gallery.{name}": value for name, value in self.gallery.state_dict().items()}
        return {**({} if self.shard.spread else self._rows()), **integers, **gallery}

    def share(self) -> dict[str, Tensor]:
        return self._rows() if self.shard.spread else {}

    def _rows(self) -> dict[str, Tensor]:
        return {"pool.features": self.features}

    def networks(self) -> list[nn.Module]:
        return [self.gallery]

    def load(self, state: dict[str, Tensor], shares: list[dict[str, Tensor]]) -> None:
        self.shard.take(self.features, [one["pool.features"] for one in shares or [state]])
        self.slots.load({name: state[f"pool.{name}"].numpy() for name in self.slots.state()})
        self.gallery.load_state_dict(
            {name.removeprefix("gallery."): value for name, value in state.items() if name.startswith("gallery.")}
        )

    def bytes(self) -> int:
        a_slot = 2 * self.features.shape[2] * self.features.itemsize
        return a_slot * len(self.slots.owner) + sum(value.nbytes for value in self.slots.state().values())

    def loss(
        self, probe: nn.Module, x: Tensor, y: Tensor, identity: Integers, _number: Tensor, *, follow: bool = True
    ) -> Loss:
        """Both passes of a step: x against y's features, then y against x's; only the second is kept in the pool.

        x and y are this process's part, `identity` are the identities of all of x's, then of all of y's images; with
        `follow` the gallery network moves first. [n/W, 3, S, S], [n/W, 3, S, S], [2n]
        """
        identity_x, identity_y = np.split(identity, 2)
        plans = (
            self.slots.plan(gallery=identity_y, probe=identity_x),
            self.slots.plan(gallery=identity_x, probe=identity_y),
        )
        probes = [_unit(probe(images)) for images in (x, y)]
        if follow:
            self._follow(probe)
        with torch.no_grad():
            mine = torch.stack([_unit(self.gallery(images)) for images in (y, x)])
            galleries = self.processes.gather(mine).transpose(0, 1).flatten(1, 2)  # [2, n, D]

        kind = x.device.type
        product = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else self.features.dtype
        with torch.autocast(kind, enabled=False):
            written = np.union1d(plans[0].slot, plans[1].slot)
            before = self.shard.rows(self.features, written)
            passes = [self._pass(*each, written, before) for each in zip(plans, probes, galleries, strict=True)]
            in_pool, out_of_pool = pool_loss(
                self._before(written, product), (passes[0], passes[1]), self.hardest, self.config
            )
        self._kept = plans[1], galleries[1]
        return Loss(in_pool + out_of_pool, in_pool.detach(), out_of_pool.detach(), plans[1].hit_rate, plans[1].evicted)

    def commit(self) -> None:
        """Writes the second pass into the pool. The backward pass reads the pool as it was before the step."""
        assert self._kept is not None
        plan, gallery = self._kept
        held = self.shard.holds(plan.write_slot)
        row, slot, item = plan.write_row[held], plan.write_slot[held] - self.shard.first, plan.write_item[held]
        cells = _tensor(row, gallery.device), _tensor(slot, gallery.device)
        self.features[cells] = gallery[_tensor(item, gallery.device)]
        self.slots.commit(plan)
        self._kept = None

    @torch.no_grad()
    def _follow(self, probe: nn.Module) -> None:
        """Moves the gallery's parameters towards the probe's (EMA); batch statistics stay the gallery's own."""
        torch._foreach_lerp_(
            list(self.gallery.parameters()), list(probe.parameters()), 1 - self.config.gallery_momentum
        )

    def _before(self, written: Integers, product: torch.dtype) -> Pool:
        taking_part = self._taking_part(self.slots.stamp >= 0)
        taking_part[written] = False
        held = slice(self.shard.first, self.shard.last)
        everywhere = self.config.second_row == "everywhere"
        return Pool(
            rows=self.features,
            second=_tensor(self.slots.twice[held], self.features.device) if everywhere else None,
            excluded=np.flatnonzero(~taking_part[held]),
            shard=self.shard,
            product=product,
        )

    def _pass(self, plan: PassPlan, probe: Tensor, gallery: Tensor, written: Integers, before: Tensor) -> PoolPass:
        """The pass as tensors; `written` are all slots that the step writes, `before` their rows. [s], [2, s, D]"""
        device = probe.device
        rows = before.clone()
        cells = _tensor(plan.write_row, device), _tensor(np.searchsorted(written, plan.write_slot), device)
        rows[cells] = gallery[_tensor(plan.write_item, device)]
        second = np.isin(written, plan.hit_slot) if self.config.second_row == "hits" else plan.twice[written]
        targets = plan.target.reshape(self.processes.world, -1)
        target = targets[self.processes.rank]
        return PoolPass(
            probe=probe,
            inside=_tensor(np.flatnonzero(target >= 0), device),
            target=_tensor(np.searchsorted(written, target[target >= 0]), device),
            outside=_tensor(np.flatnonzero(target < 0), device),
            counts=(targets >= 0).sum(1).tolist(),
            images=len(plan.target),
            weights=(rows[0], torch.where(_tensor(second, device)[:, None], rows[1], rows[0])),
            unfilled=_tensor(~self._taking_part(plan.filled)[written], device),
        )

    def _taking_part(self, filled: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.ones_like(filled) if self.config.pool_init == "reference" else filled


def _initial(config: Config, slots: int, shard: Shard) -> Tensor:
    """Two rows for each of the shard's slots. [2, c, D]

    The reference's unfilled slots take part and all point the same way, since their numbers are uniform in [0, 1).
    Otherwise unfilled slots are masked, so what they hold is never seen.
    """
    if config.pool_init == "normal":
        return torch.zeros(2, shard.last - shard.first, config.embedding_size)
    rows = torch.empty(2, slots, config.embedding_size).uniform_()
    return normalize(rows[:, shard.first : shard.last], dim=2)


def _unit(embeddings: Tensor) -> Tensor:
    """Unit length, in no less than single precision, whatever the networks ran in."""
    return normalize(embeddings.to(torch.promote_types(embeddings.dtype, torch.float32)))


def _tensor(array: NDArray[np.generic], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
