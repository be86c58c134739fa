"""The whole F2C step, in float64, against an implementation that does one item, one slot and one weight at a time."""

from __future__ import annotations

import copy
import dataclasses
import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from f2c_trainer import rest
from f2c_trainer.config import Config
from f2c_trainer.dcp import DcpHead
from f2c_trainer.pool_loss import hardest_loss

from .support import config_of, small_network
from .test_pool import PlainPool

CPU = torch.device("cpu")


def plain_loss(cosines: dict[int, Tensor], target: int, config: Config) -> Tensor:
    """Cross entropy of one probe with the margin on its target."""
    right, value = cosines[target], config.margin_value
    others = {slot: cosine for slot, cosine in cosines.items() if slot != target}
    if config.margin == "cosface":
        marked = right - value
    elif config.margin == "arcface":
        marked = torch.cos(torch.acos(right) + value)
    else:
        marked = right - value if right > value else right
        others = {slot: 1.2 * cos + 0.2 if cos > right - value else cos for slot, cos in others.items()}
    exponential = torch.exp(config.scale * marked)
    wrong = [torch.exp(config.scale * cosine) for cosine in others.values()]
    return -torch.log(exponential / (exponential + sum(wrong)))


def plain_pass(pool: PlainPool, probe: Tensor, gallery: Tensor, probe_ids: list[int], gallery_ids: list[int],
               hardest: int, config: Config) -> Tensor:  # fmt: skip
    hits = pool.fill(gallery_ids, list(gallery))
    with_second = hits if config.second_row == "hits" else pool.twice
    slots = sorted({slot for _, slot in pool.rows} if config.pool_init == "reference" else pool.slot_of.values())
    total = torch.zeros((), dtype=torch.float64)
    for second in (False, True):
        inside, outside = [], []
        for embedding, identity in zip(probe, probe_ids, strict=True):
            cosines = {}
            for slot in slots:
                weight = pool.rows[1 if second and slot in with_second else 0, slot]
                assert isinstance(weight, Tensor)
                cosines[slot] = embedding @ weight
            target = pool.slot_of.get(identity)
            if target is None:
                largest = sorted(cosines.values(), key=lambda cosine: -cosine.item())[:hardest]
                outside += [cosine if cosine > 0 else cosine * 0 for cosine in largest]
                continue
            inside.append(plain_loss(cosines, target, config))
        if inside:
            total = total + torch.stack(inside).mean()
        if outside:
            total = total + config.out_of_pool_weight * torch.stack(outside).mean()
    return total


VARIANTS: dict[str, dict[str, object]] = {
    "cosface": {"margin": "cosface"},
    "arcface": {"margin": "arcface"},
    "sv": {"margin": "sv", "marginValue": 0.1},
    "reference": {"poolInit": "reference"},
    "everywhere": {"secondRow": "everywhere"},
    "sv-everywhere": {"margin": "sv", "marginValue": 0.1, "secondRow": "everywhere", "poolInit": "reference"},
    "out-of-pool": {"outOfPoolWeight": 2.5, "outOfPoolHardest": 5},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("identities", "slots"), [(40, 9), (9, 9), (400, 12), (60, 300)])
def test_a_step_agrees_with_the_plain_step(
    variant: str, identities: int, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool of 300 slots is met in chunks, and stays partly unfilled."""
    monkeypatch.setattr(rest, "_CHUNK_CPU", 1)
    config = config_of(scale=8, galleryMomentum=0.7, **VARIANTS[variant])
    torch.manual_seed(0)
    chance = random.Random(1)
    probe = small_network()
    head = DcpHead(config, probe, slots, CPU)
    head.features = head.features.double()
    plain_probe, plain_gallery = copy.deepcopy(probe), copy.deepcopy(probe)
    pool = PlainPool(slots)
    if config.pool_init == "reference":
        pool.rows = {(row, slot): head.features[row, slot].clone() for row in (0, 1) for slot in range(slots)}
    out_of_pool = 0

    for _ in range(6 if slots == 300 else 25):
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

        # From the same weights again, so that rounding does not add up over the steps.
        for ours, theirs in zip(probe.parameters(), plain_probe.parameters(), strict=True):
            ours.data -= 0.05 * ours.grad  # type: ignore[operator]  # checked above
            theirs.data.copy_(ours.data)
    assert (out_of_pool > 20) == (identities > slots)


def test_the_gallery_follows_only_when_told() -> None:
    probe = small_network()
    head = DcpHead(config_of(galleryMomentum=0.5), probe, 9, CPU)
    head.features = head.features.double()
    with torch.no_grad():
        for parameter in probe.parameters():
            parameter.add_(1)
    before = [parameter.clone() for parameter in head.gallery.parameters()]
    x = torch.randn(6, 3, 4, 4, dtype=torch.float64)
    for follow in (False, True):
        head.loss(probe, x, x, np.arange(12) % 6, torch.empty(0), follow=follow)
        moved = [not torch.equal(old, new) for old, new in zip(before, head.gallery.parameters(), strict=True)]
        assert all(moved) if follow else not any(moved)


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
    loss = hardest_loss(cosines, 2, 2)
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx((0.5 + 0.3 + 0.2 + 0.1) / 4)
    assert cosines.grad is not None
    assert cosines.grad.tolist() == [[0.25, 0, 0.25, 0], [0.25, 0.25, 0, 0]]


def test_the_hardest_slots_may_be_fewer_than_asked() -> None:
    cosines = torch.tensor([[0.4, -torch.inf, -torch.inf]], requires_grad=True)
    loss = hardest_loss(cosines, 3, 1)
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(0.4)
    assert cosines.grad is not None
    assert cosines.grad.isfinite().all()
    assert hardest_loss(torch.zeros(0, 3), 3, 0).item() == 0


@pytest.mark.parametrize(("slots", "hardest"), [(10, 3), (20_000, 4), (50_000, 10), (10**6, 10)])
def test_the_number_of_hardest_slots_follows_the_pool(slots: int, hardest: int) -> None:
    config = dataclasses.replace(config_of(), embedding_size=1)
    assert DcpHead(config, nn.Linear(1, 1), slots, CPU).hardest == hardest


def test_a_pool_of_everyone_is_a_softmax_over_prototypes() -> None:
    """When each identity owns a slot and shows one image in each view, the loss is that of a classification layer whose
    weights are the gallery's features."""
    count = 12
    config = config_of(scale=8, galleryMomentum=1)
    torch.manual_seed(0)
    probe = small_network()
    head = DcpHead(config, probe, count, CPU)
    head.features = head.features.double()
    x, y = torch.randn(2, count, 3, 4, 4, dtype=torch.float64)
    loss = head.loss(probe, x, y, np.tile(np.arange(count), 2), torch.empty(0))
    gallery = copy.deepcopy(head.gallery)
    expected = torch.zeros((), dtype=torch.float64)
    for images, others in ((x, y), (y, x)):
        cosines = normalize(probe(images)) @ normalize(gallery(others)).T
        logits = config.scale * (cosines - config.margin_value * torch.eye(count, dtype=torch.float64))
        expected = expected + 2 * cross_entropy(logits, torch.arange(count))
    assert loss.total.item() == pytest.approx(expected.item(), abs=1e-12)
    assert loss.out_of_pool == 0
