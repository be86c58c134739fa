from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from f2c_trainer.dcp import DcpHead
from f2c_trainer.fc import FcHead

from .support import config_of, small_network

CPU = torch.device("cpu")


def test_fc_is_cross_entropy_over_all_identities() -> None:
    config = config_of(head="fc")
    torch.manual_seed(0)
    probe = small_network()
    head = FcHead(config, 20, CPU)
    head.weight.data = head.weight.data.double()
    x, y = torch.randn(2, 7, 3, 4, 4, dtype=torch.float64)
    number = torch.randint(0, 20, (14,))

    loss = head.loss(probe, x, y, number.numpy(), number)
    torch.autograd.backward(loss.total)

    weight = head.weight.detach().clone().requires_grad_(True)
    embeddings = torch.cat([x, y]).flatten(1)
    cosines = normalize(probe(embeddings.view(14, 3, 4, 4))) @ normalize(weight).T
    logits = config.scale * (cosines - config.margin_value * torch.eye(20, dtype=torch.float64)[number])
    expected = cross_entropy(logits, number)
    torch.autograd.backward(expected)
    assert loss.total.item() == pytest.approx(expected.item(), abs=1e-12)
    assert head.weight.grad is not None
    assert weight.grad is not None
    assert (head.weight.grad - weight.grad).abs().max() < 1e-12


def test_head_bytes_count_the_pool_or_the_weights_with_their_momentum() -> None:
    config = config_of()
    assert DcpHead(config, small_network(), 10, CPU).bytes() == 2 * 10 * 8 * 4 + 3 * 10 * 8 + 10
    assert FcHead(config, 10, CPU).bytes() == 2 * 10 * 8 * 4
    assert FcHead(config_of(optimizer="adamw"), 10, CPU).bytes() == 3 * 10 * 8 * 4
    assert math.isclose(FcHead(config, 1000, CPU).bytes() / FcHead(config, 10, CPU).bytes(), 100)
