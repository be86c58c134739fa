"""What turns the loss into new weights: loss scale, clipping, optimizer and learning rate, with all of their state.

An update is one step of the optimizer. It takes the mean gradient of `accumulate` steps; the last update of a
training takes that of the steps that are left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from .config import Config
from .schedule import learning_rate, warm_updates

_LEAST_LOSS_SCALE = 2.0**-10  # below it the gradients themselves are not finite, whatever the scale


@dataclass(frozen=True)
class Update:
    """The update of this number is made of the steps first..stop-1."""

    number: int
    first: int
    stop: int


class Optimization:
    """The optimizer of a backbone and a head over a training of so many steps."""

    def __init__(self, backbone: nn.Module, head: Mapping[str, nn.Parameter], steps: int, config: Config) -> None:
        self.config, self.steps = config, steps
        self.updates = math.ceil(steps / config.accumulate)
        self.backbone = [parameter for parameter in backbone.parameters() if parameter.requires_grad]
        everything = {**dict(backbone.named_parameters()), **head}
        self.trained = {name: parameter for name, parameter in everything.items() if parameter.requires_grad}
        self.optimizer = build_optimizer(self.trained.values(), config)
        self.scaler = torch.amp.GradScaler(self.backbone[0].device.type, enabled=config.precision == "fp16")
        self.gradient_norm: Tensor | None = None  # of the backbone in the latest update, before clipping

    def update_of(self, step: int) -> Update:
        number = step // self.config.accumulate
        first = number * self.config.accumulate
        return Update(number, first, min(first + self.config.accumulate, self.steps))

    def learning_rate(self, update: Update) -> float:
        return learning_rate(update.number, self.updates, self.config)

    def warming_up(self, steps: int) -> bool:
        """Whether the warm-up goes on after so many steps."""
        return steps // self.config.accumulate < warm_updates(self.updates, self.config)

    def backward(self, loss: Tensor, update: Update) -> None:
        """Adds the gradient of one of the update's steps."""
        torch.autograd.backward(self.scaler.scale(loss / (update.stop - update.first)))

    def gradients(self) -> list[Tensor]:
        """Of all that is trained."""
        return [one.grad for one in self.trained.values() if one.grad is not None]

    def apply(self, update: Update) -> None:
        """Moves the weights, unless a scaled gradient is not finite: then only the loss scale falls.

        Clipping looks at the backbone alone, as arcface_torch does: the norm of a head's gradient depends on how many
        identities it has.
        """
        self.scaler.unscale_(self.optimizer)
        self.gradient_norm = get_total_norm([one.grad for one in self.backbone if one.grad is not None])
        if self.config.clip_norm is not None:
            clip_grads_with_norm_(self.backbone, self.config.clip_norm, self.gradient_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(update)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()

    @property
    def collapsed(self) -> bool:
        """No loss scale makes the gradients finite."""
        return self.scaler.get_scale() < _LEAST_LOSS_SCALE

    def state(self) -> dict[str, Tensor]:
        """All that a later process needs to go on, in the middle of an update as well."""
        return {
            **{f"optimizer.{slot}.{name}": value for name, slot, value in self._kept()},
            **{f"gradient.{name}": one.grad for name, one in self.trained.items() if one.grad is not None},
            **{f"scaler.{name}": torch.tensor(value) for name, value in self.scaler.state_dict().items()},
        }

    def load(self, state: Mapping[str, Tensor], *, gradients: bool = True) -> None:
        """Of several processes one takes the `gradients`, because all add up theirs."""
        for name, slot, value in self._kept():
            value.copy_(state[f"optimizer.{slot}.{name}"])
        for name, parameter in self.trained.items():
            if gradients and (gradient := state.get(f"gradient.{name}")) is not None:
                parameter.grad = torch.empty_like(parameter).copy_(gradient)
        self.scaler.load_state_dict({name: state[f"scaler.{name}"].item() for name in self.scaler.state_dict()})

    def _kept(self) -> list[tuple[str, str, Tensor]]:
        return [
            (name, slot, value)
            for name, parameter in self.trained.items()
            for slot, value in self.optimizer.state[parameter].items()
        ]


def build_optimizer(parameters: Iterable[nn.Parameter], config: Config) -> torch.optim.Optimizer:
    """State is there from the start: CUDA's fused SGD would leave it undefined if the first update were skipped."""
    trained = list(parameters)
    groups: list[dict[str, Any]] = [
        {"params": [one for one in trained if config.decay_norms or one.dim() > 1]},
        {"params": [one for one in trained if not config.decay_norms and one.dim() <= 1], "weight_decay": 0.0},
    ]
    fused = trained[0].is_cuda
    optimizer: torch.optim.Optimizer
    if config.optimizer == "adamw":
        optimizer = torch.optim.AdamW(
            groups, lr=config.learning_rate, weight_decay=config.weight_decay, foreach=not fused, fused=fused
        )
    else:
        optimizer = torch.optim.SGD(
            groups,
            lr=config.learning_rate,
            momentum=config.momentum,
            nesterov=config.momentum > 0,
            weight_decay=config.weight_decay,
            foreach=not fused,
            fused=fused,
        )
    for parameter in trained:
        state = optimizer.state[parameter]
        state.update({slot: torch.zeros_like(parameter) for slot in slots(config)})
        if config.optimizer == "adamw":
            state["step"] = torch.zeros((), device=parameter.device)
    return optimizer


def slots(config: Config) -> tuple[str, ...]:
    """What the optimizer keeps for each weight, by its names."""
    if config.optimizer == "adamw":
        return ("exp_avg", "exp_avg_sq")
    return ("momentum_buffer",) if config.momentum > 0 else ()
