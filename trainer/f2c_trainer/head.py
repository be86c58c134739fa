"""The classification heads: what turns a batch of two views into a loss.

A head is given a batch (x, y) of n + n images and the probe network. `DcpHead` runs both passes of F2C on it,
`FcHead` classifies all 2n images at once. `commit` follows the backward pass. Both own state that a checkpoint keeps.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from .config import Config
from .keyed import Integers
from .margin import margin_loss
from .pool import PassPlan, Slots


@dataclass(frozen=True)
class Loss:
    total: Tensor
    in_pool: float | None = None
    out_of_pool: float | None = None
    pool_hit_rate: float | None = None


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


Head = DcpHead | FcHead


def _tensor(integers: Integers, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(integers)).to(device)
