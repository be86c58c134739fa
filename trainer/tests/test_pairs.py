from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from f2c_trainer.pairs import choose_pairs, verify

COUNTS = [3, 1, 5, 2, 4]
FIRST = np.cumsum([0, *COUNTS])
OWNER = np.repeat(np.arange(len(COUNTS)), COUNTS)


@pytest.mark.parametrize(("limit", "half"), [(1000, 3 + 10 + 1 + 6), (7, 7), (0, 0)])
def test_genuine_and_impostor_pairs_in_turns_none_twice(limit: int, half: int) -> None:
    pairs = choose_pairs(FIRST, limit)
    assert len(pairs.left) == len(pairs.right) == 2 * half
    assert len(set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))) == 2 * half
    assert (pairs.left < pairs.right).all()
    assert ((OWNER[pairs.left] == OWNER[pairs.right]) == (np.arange(2 * half) % 2 == 0)).all()


def test_every_genuine_pair_and_with_few_of_them_every_impostor_pair_can_be_chosen() -> None:
    pairs = choose_pairs(FIRST, 1000)
    chosen = set(zip(pairs.left[::2].tolist(), pairs.right[::2].tolist(), strict=True))
    assert chosen == {(a, b) for a, b in combinations(range(15), 2) if OWNER[a] == OWNER[b]}
    pairs = choose_pairs(np.array([0, 4, 5]), 1000)
    assert set(zip(pairs.left[1::2].tolist(), pairs.right[1::2].tolist(), strict=True)) == {(i, 4) for i in range(4)}


def test_many_identities_are_drawn_from_evenly() -> None:
    pairs = choose_pairs(np.arange(0, 3001, 3), 1500)
    for side in (pairs.left, pairs.right):
        assert abs(side[0::2].mean() - 1500) < 100
    # Of two random identities the smaller one is on the left: a third of the way on average.
    assert abs(pairs.left[1::2].mean() - 1000) < 100


def plain_folds(distances: list[float]) -> float:
    """Ten folds as the protocol tells them, pair by pair."""

    def right(pair: int, threshold: float) -> bool:
        return (distances[pair] < threshold) == (pair % 2 == 0)

    accuracies = []
    for fold in np.array_split(np.arange(len(distances)), 10):
        others = sorted(set(range(len(distances))) - set(fold.tolist()))
        scores = [sum(right(pair, i * 0.01) for pair in others) for i in range(400)]
        threshold = scores.index(max(scores)) * 0.01
        accuracies.append(sum(right(pair, threshold) for pair in fold.tolist()) / len(fold))
    return float(np.mean(accuracies))


def some_distances(pairs: int, apart: float) -> NDArray[np.float64]:
    random = np.random.default_rng(3)
    distances = random.normal(1.5, 0.5, 2 * pairs).clip(0, 4)
    distances[1::2] += apart
    return np.round(distances, 2)  # many lie on a threshold


@pytest.mark.parametrize(("pairs", "apart"), [(5, 0.2), (33, 0.2), (60, 2.0), (60, 0.0)])
def test_accuracy_is_that_of_the_plain_protocol(pairs: int, apart: float) -> None:
    distances = some_distances(pairs, apart)
    assert verify(distances).accuracy == pytest.approx(plain_folds(distances.tolist()), abs=1e-12)


def test_tar_at_far_accepts_at_most_one_impostor_in_a_thousand() -> None:
    distances = some_distances(2500, 1.0)
    genuine, impostor = distances[0::2], distances[1::2]
    allowed = [threshold for threshold in np.unique(distances) if (impostor < threshold).sum() <= 2]
    assert verify(distances).tar_at_far_1e3 == (genuine < max(allowed)).mean()
    assert verify(distances[:1998]).tar_at_far_1e3 is None
