from __future__ import annotations

import math

import pytest
import torch

from f2c_trainer.margin import margin_loss, with_margin


def test_cosface_lowers_the_cosine() -> None:
    assert torch.equal(with_margin(torch.tensor([0.5, -1.0]), "cosface", 0.25), torch.tensor([0.25, -1.25]))


@pytest.mark.parametrize("angle", [0.1, 1.0, 2.0, 3.0])
def test_arcface_adds_to_the_angle(angle: float) -> None:
    cosine = torch.tensor([math.cos(angle)], dtype=torch.float64)
    assert with_margin(cosine, "arcface", 0.5).item() == pytest.approx(math.cos(angle + 0.5))


@pytest.mark.parametrize("cosine", [1.0, -1.0, 1.0000001, -1.0000001, 1 - 1e-7])
def test_arcface_has_finite_gradients_at_the_ends(cosine: float) -> None:
    cosines = torch.tensor([[cosine, 0.0]], requires_grad=True)
    loss = margin_loss(cosines, torch.tensor([0]), "arcface", 0.5, 32)
    torch.autograd.backward(loss)
    assert loss.isfinite()
    assert cosines.grad is not None
    assert cosines.grad.isfinite().all()


def test_no_rows_give_no_loss() -> None:
    assert margin_loss(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64), "cosface", 0.4, 32).item() == 0
