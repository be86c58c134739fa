from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from f2c_trainer.optimization import Optimization

from .support import config_of, small_network

OPTIMIZERS = ["sgd", "adamw"]
PLAIN: dict[str, Any] = {"momentum": 0, "weightDecay": 0, "learningRate": 1, "warmup": 0}


def optimization(backbone: nn.Module, steps: int = 1, head: nn.Parameter | None = None, **changes: Any) -> Optimization:
    return Optimization(backbone, {} if head is None else {"head.weight": head}, steps, config_of(**changes))


def weights(optimization: Optimization) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in optimization.trained.values()]


@settings(deadline=None)
@given(steps=st.integers(0, 50), accumulate=st.integers(1, 8))
def test_updates_are_whole_but_for_the_last(steps: int, accumulate: int) -> None:
    one = optimization(nn.Linear(1, 1), steps, accumulate=accumulate)
    updates = [one.update_of(step) for step in range(steps)]
    for step, update in enumerate(updates):
        assert update.first <= step < update.stop <= steps
        assert update.stop - update.first == accumulate or update.stop == steps
    assert sorted({update.number for update in updates}) == list(range(one.updates))


def test_an_update_takes_the_mean_gradient_of_its_steps() -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Linear(3, 2, bias=False).double(), torch.randn(5, 4, 3, dtype=torch.float64)
    one = optimization(layer, steps=5, accumulate=3, schedule="step", decayAt=[], **PLAIN)

    expected = layer.weight.detach().clone()
    for steps in (inputs[:3], inputs[3:]):  # the last update has two steps
        weight = expected.requires_grad_(True)
        torch.autograd.backward((steps @ weight.T).square().mean())
        assert weight.grad is not None
        expected = (weight - weight.grad).detach()

    for step, images in enumerate(inputs):
        update = one.update_of(step)
        one.backward(layer(images).square().mean(), update)
        if step + 1 == update.stop:
            one.apply(update)
    assert (layer.weight - expected).abs().max() < 1e-14


@pytest.mark.parametrize("clip", [None, 0.5, 1e6])
def test_clipping_shortens_the_gradient_of_the_backbone_alone(clip: float | None) -> None:
    torch.manual_seed(0)
    layer, head = nn.Linear(3, 2), nn.Parameter(torch.ones(4, 2))
    one = optimization(layer, head=head, clipNorm=clip, **PLAIN)
    before = weights(one)
    one.backward(30 * (layer(torch.randn(5, 3)) @ head.T).sum(), one.update_of(0))
    norms = [math.hypot(*(part.grad.norm().item() for part in parts)) for parts in (layer.parameters(), [head])]  # type: ignore[union-attr]
    one.apply(one.update_of(0))
    weight, bias, own = (was - now for was, now in zip(before, weights(one), strict=True))
    moved = math.hypot(weight.norm().item(), bias.norm().item())
    assert one.gradient_norm is not None
    assert one.gradient_norm.item() == pytest.approx(norms[0])
    assert norms[0] > 1
    assert moved == pytest.approx(0.5 if clip == 0.5 else norms[0], rel=1e-4)
    assert own.norm().item() == pytest.approx(norms[1], rel=1e-4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("everything", [True, False])
def test_what_decays(optimizer: str, everything: bool) -> None:
    head = nn.Parameter(torch.ones(4, 2))
    one = optimization(small_network(), head=head, optimizer=optimizer, decayNorms=everything, weightDecay=0.1)
    before = weights(one)
    one.backward(sum((each.sum() * 0 for each in one.trained.values()), torch.zeros(())), one.update_of(0))
    one.apply(one.update_of(0))
    for name, was, now in zip(one.trained, before, weights(one), strict=True):
        decays = (everything or name in {"1.weight", "4.weight", "head.weight"}) and was.abs().max() > 0
        assert torch.equal(was, now) != decays, name


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_update_whose_gradient_overflows_only_lowers_the_loss_scale(optimizer: str) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    one = optimization(layer, steps=40, optimizer=optimizer, precision="fp16")

    def update(number: int, factor: float) -> float:
        one.backward(layer(torch.randn(5, 3)).square().sum() * factor, one.update_of(number))
        one.apply(one.update_of(number))
        return one.scaler.get_scale()

    start = one.scaler.get_scale()
    assert update(0, 1) == start
    before = {name: value.clone() for name, value in one.state().items() if not name.startswith("scaler.")}
    moved = weights(one)
    assert update(1, math.inf) == start / 2
    assert all(torch.equal(was, now) for was, now in zip(moved, weights(one), strict=True))
    assert all(torch.equal(value, one.state()[name]) for name, value in before.items())
    assert update(2, 1) == start / 2
    assert not torch.equal(moved[0], layer.weight)

    assert not one.collapsed
    for number in range(3, 3 + 26):
        update(number, math.nan)
    assert one.collapsed


def test_the_loss_scale_does_not_show_in_the_weights() -> None:
    moved = []
    for precision in ("fp32", "fp16"):
        torch.manual_seed(0)
        layer = nn.Linear(3, 2)
        one = optimization(layer, precision=precision, clipNorm=0.1)
        one.backward(layer(torch.randn(5, 3)).square().sum(), one.update_of(0))
        one.apply(one.update_of(0))
        moved.append(layer.weight.detach())
    assert torch.equal(*moved)
