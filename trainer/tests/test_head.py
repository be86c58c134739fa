"""The whole F2C step, in float64, against an implementation that does one item, one slot and one weight at a time."""

from __future__ import annotations

import copy
import dataclasses
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from f2c_trainer.config import Config, parse_config
from f2c_trainer.dcp import DcpHead
from f2c_trainer.fc import FcHead
from f2c_trainer.pool_loss import hardest_loss

from .support import settings
from .test_pool import PlainPool

CPU = torch.device("cpu")


def config_of(**changes: object) -> Config:
    return parse_config(settings(Path("data"), Path("work"), embeddingSize=8, **changes), "test")


def small_network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 8), nn.BatchNorm1d(8), nn.PReLU(), nn.Linear(8, 8)).double()


def plain_margin(cosine: Tensor, config: Config) -> Tensor:
    if config.margin == "cosface":
        return cosine - config.margin_value
    return torch.cos(torch.acos(cosine) + config.margin_value)


def plain_pass(pool: PlainPool, probe: Tensor, gallery: Tensor, probe_ids: list[int], gallery_ids: list[int],
               hardest: int, config: Config) -> Tensor:  # fmt: skip
    hits = pool.fill(gallery_ids, list(gallery))
    filled = sorted(pool.slot_of.values())
    total = torch.zeros((), dtype=torch.float64)
    for second in (False, True):
        inside, outside = [], []
        for embedding, identity in zip(probe, probe_ids, strict=True):
            cosines = {}
            for slot in filled:
                weight = pool.rows[1 if second and slot in hits else 0, slot]
                assert isinstance(weight, Tensor)
                cosines[slot] = embedding @ weight
            target = pool.slot_of.get(identity)
            if target is None:
                largest = sorted(cosines.values(), key=lambda cosine: -cosine.item())[:hardest]
                outside += [cosine if cosine > 0 else cosine * 0 for cosine in largest]
                continue
            right = torch.exp(config.scale * plain_margin(cosines[target], config))
            wrong = [torch.exp(config.scale * cosine) for slot, cosine in cosines.items() if slot != target]
            inside.append(-torch.log(right / (right + sum(wrong))))
        for terms in (inside, outside):
            if terms:
                total = total + torch.stack(terms).mean()
    return total


@pytest.mark.parametrize("margin", ["cosface", "arcface"])
@pytest.mark.parametrize(("identities", "slots"), [(40, 9), (9, 9), (400, 12)])
def test_a_step_agrees_with_the_plain_step(margin: str, identities: int, slots: int) -> None:
    config = config_of(margin=margin, scale=8, galleryMomentum=0.7)
    torch.manual_seed(0)
    chance = random.Random(1)
    probe = small_network()
    head = DcpHead(config, probe, slots, CPU)
    head.features = head.features.double()
    plain_probe, plain_gallery = copy.deepcopy(probe), copy.deepcopy(probe)
    pool = PlainPool(slots)
    out_of_pool = 0

    for _ in range(25):
        numbers_x = [chance.randrange(identities) for _ in range(9)]
        numbers_y = numbers_x[:5] + [chance.randrange(identities) for _ in range(4)]
        x, y = torch.randn(2, 9, 3, 4, 4, dtype=torch.float64)

        loss = head.loss(probe, x, y, np.array(numbers_x + numbers_y), torch.empty(0))
        probe.zero_grad()
        torch.autograd.backward(loss.total)
        head.commit()

        with torch.no_grad():
            for slow, fast in zip(plain_gallery.parameters(), plain_probe.parameters(), strict=True):
                slow.copy_(0.7 * slow + 0.3 * fast)
            gallery_x, gallery_y = normalize(plain_gallery(x)), normalize(plain_gallery(y))
        probe_x, probe_y = normalize(plain_probe(x)), normalize(plain_probe(y))
        tentative = pool.copy()
        expected = plain_pass(tentative, probe_x, gallery_y, numbers_x, numbers_y, head.hardest, config)
        out_of_pool += sum(number not in tentative.slot_of for number in numbers_x)
        expected = expected + plain_pass(pool, probe_y, gallery_x, numbers_y, numbers_x, head.hardest, config)
        plain_probe.zero_grad()
        torch.autograd.backward(expected)

        assert abs(loss.total.item() - expected.item()) < 1e-9
        for ours, theirs in zip(probe.parameters(), plain_probe.parameters(), strict=True):
            assert ours.grad is not None
            assert theirs.grad is not None
            assert (ours.grad - theirs.grad).abs().max() < 1e-9
        for (row, slot), feature in pool.rows.items():
            assert isinstance(feature, Tensor)
            assert (head.features[row, slot] - feature).abs().max() < 1e-12
        recency = [int(head.slots.owner[slot]) for slot in np.argsort(head.slots.stamp) if head.slots.stamp[slot] >= 0]
        assert recency == list(pool.slot_of)

        for ours, theirs in zip(probe.parameters(), plain_probe.parameters(), strict=True):
            ours.data -= 0.05 * ours.grad  # type: ignore[operator]  # checked above
            theirs.data -= 0.05 * theirs.grad  # type: ignore[operator]
    assert (out_of_pool > 20) == (identities > slots)


def test_the_gallery_keeps_its_own_batch_statistics() -> None:
    probe = small_network()
    head = DcpHead(config_of(), probe, 9, CPU)
    head.features = head.features.double()
    probe.eval()
    assert head.gallery.training
    x = 5 + torch.randn(6, 3, 4, 4, dtype=torch.float64)
    head.loss(probe, x, x, np.arange(12) % 6, torch.empty(0))
    feature = head._kept[1] if head._kept else None
    assert feature is not None
    assert torch.equal(feature, normalize(copy.deepcopy(head.gallery)(x)))


def test_an_out_of_pool_probe_is_pushed_from_its_hardest_slots() -> None:
    cosines = torch.tensor([[0.5, -0.2, 0.3, -torch.inf], [0.1, 0.2, -0.4, -torch.inf]], requires_grad=True)
    loss = hardest_loss(cosines, 2)
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx((0.5 + 0.3 + 0.2 + 0.1) / 4)
    assert cosines.grad is not None
    assert cosines.grad.tolist() == [[0.25, 0, 0.25, 0], [0.25, 0.25, 0, 0]]


def test_the_hardest_slots_may_be_fewer_than_asked() -> None:
    cosines = torch.tensor([[0.4, -torch.inf, -torch.inf]], requires_grad=True)
    loss = hardest_loss(cosines, 3)
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(0.4)
    assert cosines.grad is not None
    assert cosines.grad.isfinite().all()
    assert hardest_loss(torch.zeros(0, 3), 3).item() == 0


@pytest.mark.parametrize(("slots", "hardest"), [(10, 3), (20_000, 4), (50_000, 10), (10**6, 10)])
def test_the_number_of_hardest_slots_follows_the_pool(slots: int, hardest: int) -> None:
    config = dataclasses.replace(config_of(), embedding_size=1)
    assert DcpHead(config, nn.Linear(1, 1), slots, CPU).hardest == hardest


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
    assert DcpHead(config, small_network(), 10, CPU).bytes() == 2 * 10 * 8 * 4 + 3 * 10 * 8
    assert FcHead(config, 10, CPU).bytes() == 2 * 10 * 8 * 4
    assert math.isclose(FcHead(config, 1000, CPU).bytes() / FcHead(config, 10, CPU).bytes(), 100)
