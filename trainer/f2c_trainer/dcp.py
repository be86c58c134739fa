"""The Dynamic Class Pool as a head."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from .config import Config
from .head import Loss
from .keyed import Integers
from .pool import PassPlan, Slots
from .pool_loss import PoolPass, pool_loss


class DcpHead:
    """Dynamic Class Pool: two features for each of C identities, written by the gallery network."""

    def __init__(self, config: Config, probe: nn.Module, slots: int, device: torch.device) -> None:
        self.config = config
        self.gallery = copy.deepcopy(probe).requires_grad_(False).train()
        self.slots = Slots(slots)
        # Unfilled slots are masked, so what they hold is never seen.
        self.features = torch.zeros(2, slots, config.embedding_size, device=device)
        self.hardest = min(max(int(0.0002 * slots), 3), 10)
        self._kept: tuple[PassPlan, Tensor] | None = None  # second pass of the step under way, and its features

    def parameters(self) -> dict[str, nn.Parameter]:
        return {}

    def state(self) -> dict[str, Tensor]:
        integers = {f"pool.{name}": torch.from_numpy(value) for name, value in self.slots.state().items()}
        gallery = {f"gallery.{name}": value for name, value in self.gallery.state_dict().items()}
        return {"pool.features": self.features, **integers, **gallery}

    def load(self, state: dict[str, Tensor]) -> None:
        self.features.copy_(state["pool.features"])
        self.slots.load({name: state[f"pool.{name}"].numpy() for name in self.slots.state()})
        self.gallery.load_state_dict(
            {name.removeprefix("gallery."): value for name, value in state.items() if name.startswith("gallery.")}
        )

    def bytes(self) -> int:
        integers = sum(value.nbytes for value in self.slots.state().values())
        return self.features.nbytes + integers

    def loss(self, probe: nn.Module, x: Tensor, y: Tensor, identity: Integers, _number: Tensor) -> Loss:
        """Both passes of a step: x against y's features, then y against x's; only the second is kept in the pool.

        `identity` are the identities of x's, then of y's images. [n, 3, S, S], [n, 3, S, S], [2n]
        """
        identity_x, identity_y = np.split(identity, 2)
        plan_a = self.slots.plan(gallery=identity_y, probe=identity_x)
        plan_b = self.slots.plan(gallery=identity_x, probe=identity_y)

        probe_x, probe_y = normalize(probe(x)), normalize(probe(y))
        self._follow(probe)
        with torch.no_grad():
            gallery_y, gallery_x = normalize(self.gallery(y)), normalize(self.gallery(x))

        passes = (self._pass(plan_a, probe_x, gallery_y), self._pass(plan_b, probe_y, gallery_x))
        in_pool, out_of_pool = pool_loss(self.features[0], passes, self.hardest, self.config)
        self._kept = plan_b, gallery_x
        return Loss(in_pool + out_of_pool, in_pool.item(), out_of_pool.item(), plan_b.hit_rate)

    def commit(self) -> None:
        """Writes the second pass into the pool. The backward pass reads the pool as it was before the step."""
        assert self._kept is not None
        plan, gallery = self._kept
        device = gallery.device
        cells = _tensor(plan.write_row, device), _tensor(plan.write_slot, device)
        self.features[cells] = gallery[_tensor(plan.write_item, device)]
        self.slots.commit(plan)
        self._kept = None

    @torch.no_grad()
    def _follow(self, probe: nn.Module) -> None:
        """Moves the gallery's parameters towards the probe's (EMA); batch statistics stay the gallery's own."""
        torch._foreach_lerp_(
            list(self.gallery.parameters()), list(probe.parameters()), 1 - self.config.gallery_momentum
        )

    def _pass(self, plan: PassPlan, probe: Tensor, gallery: Tensor) -> PoolPass:
        device = probe.device
        first = plan.write_row == 0
        hit_slot, hit_item = _tensor(plan.hit_slot, device), _tensor(plan.hit_item, device)
        second = torch.where((hit_item >= 0)[:, None], gallery[hit_item], self.features[1, hit_slot])
        return PoolPass(
            probe=probe,
            target=_tensor(plan.target, device),
            first_slot=_tensor(plan.write_slot[first], device),
            first_feature=gallery[_tensor(plan.write_item[first], device)],
            second_slot=hit_slot,
            second_feature=second,
            filled=None if plan.filled.all() else torch.from_numpy(plan.filled).to(device),
        )


def _tensor(integers: Integers, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(integers)).to(device)
