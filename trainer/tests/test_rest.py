from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from f2c_trainer import rest
from f2c_trainer.margin import harder
from f2c_trainer.rest import Rest, against_rest

SLOTS, SIZE, SCALE, HARDEST = 700, 8, 16.0, 4


def of(excluded: list[int], second: bool = False, dtype: torch.dtype = torch.float64) -> Rest:
    torch.manual_seed(3)
    rows = normalize(torch.randn(2, SLOTS, SIZE, dtype=torch.float64), dim=2)
    return Rest(rows, torch.rand(SLOTS) < 0.5 if second else None, np.array(excluded, dtype=np.int64), SCALE, dtype)


def whole(inside: Tensor, outside: Tensor, of: Rest, hardest: int, targets: Tensor | None) -> tuple[Tensor, Tensor]:
    """The same from the whole matrix, by autograd."""
    taking_part = torch.ones(SLOTS, dtype=torch.bool).index_fill(0, torch.from_numpy(of.excluded), False)
    features = of.part(0, SLOTS)[taking_part]
    cosines = inside @ features.T
    sets = [cosines] if targets is None else [harder(cosines, target[:, None]) for target in targets]
    largest = (outside @ features.T).sort(1, descending=True).values[:, :hardest]
    missing = largest.new_full((len(outside), hardest - largest.shape[1]), -torch.inf)
    return torch.stack([(SCALE * one).logsumexp(1) for one in sets]), torch.cat([largest, missing], 1)


@pytest.mark.parametrize("excluded", [[], [0, 5, 699], list(range(256)), list(range(256, 512)), list(range(3, 700))])
@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("sv", [False, True])
def test_chunks_give_what_the_whole_matrix_gives(
    excluded: list[int], second: bool, sv: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "_CHUNK_CPU", 1)  # chunks of 256 columns
    slots = of(excluded, second)
    probes = [normalize(torch.randn(count, SIZE, dtype=torch.float64)) for count in (5, 3)]
    targets = torch.rand(2, 5, dtype=torch.float64) - 0.5 if sv else None
    results = []
    for compute in (against_rest, whole):
        inside, outside = (probe.clone().requires_grad_() for probe in probes)
        logs, largest = compute(inside, outside, slots, HARDEST, targets)
        largest = largest.sort(1, descending=True).values
        finite = largest.where(largest > -torch.inf, 0)
        torch.autograd.backward((logs.exp() ** 0.1).sum() + (finite * torch.arange(1, HARDEST + 1)).sum())
        results.append([logs, largest, inside.grad, outside.grad])
    for ours, theirs in zip(*results, strict=True):
        assert ours is not None
        assert theirs is not None
        assert torch.allclose(ours, theirs, rtol=1e-11, atol=1e-12)


def test_nothing_but_excluded_slots_has_no_weight_and_no_gradient() -> None:
    inside, outside = (torch.randn(count, SIZE, dtype=torch.float64, requires_grad=True) for count in (4, 2))
    logs, largest = against_rest(inside, outside, of(list(range(SLOTS))), HARDEST, None)
    assert (logs == -torch.inf).all()
    assert (largest == -torch.inf).all()
    torch.autograd.backward(torch.logaddexp(logs, torch.zeros_like(logs)).sum() + largest.clamp(min=0).sum())
    assert inside.grad is not None
    assert outside.grad is not None
    assert inside.grad.count_nonzero() == 0
    assert outside.grad.count_nonzero() == 0


def test_far_probes_do_not_underflow() -> None:
    """A cosine of -1 times a scale of 1000 would be exp(-1000) without the running maximum."""
    feature = normalize(torch.randn(1, 1, SIZE), dim=2)
    slots = Rest(feature.expand(2, SLOTS, SIZE), None, np.empty(0, dtype=np.int64), 1000.0, torch.float32)
    inside = (-feature[0]).requires_grad_()
    logs, _ = against_rest(inside, torch.empty(0, SIZE), slots, HARDEST, None)
    torch.autograd.backward(logs.sum())
    assert logs.item() == pytest.approx(-1000 + np.log(SLOTS), abs=1e-2)
    assert inside.grad is not None
    assert torch.allclose(inside.grad, 1000 * feature[0], rtol=1e-4)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_multiplies_but_sums_in_single(half: torch.dtype) -> None:
    exact, rough = of([1, 2]), of([1, 2], dtype=half)
    probes = [normalize(torch.randn(count, SIZE, dtype=torch.float64)) for count in (5, 3)]
    found, expected = (against_rest(probes[0], probes[1], slots, 4, None) for slots in (rough, exact))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == torch.float64
        assert torch.allclose(ours.sort().values, theirs.sort().values, atol=SCALE * 2**-7)
