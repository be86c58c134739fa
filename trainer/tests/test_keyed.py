from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from f2c_trainer.keyed import below, hashed, key, permuted, uniform


@given(size=st.integers(1, 3000), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 2**40))
def test_permuted_visits_every_place_once(size: int, seed: int, epoch: int) -> None:
    places = permuted(key(seed, "instances", epoch), np.arange(size), size)
    assert np.array_equal(np.sort(places), np.arange(size))


def test_permuted_stays_inside_a_domain_too_large_to_list() -> None:
    size = 10**15 + 37
    positions = np.random.default_rng(0).integers(0, size, 10_000)
    places = permuted(key(1), positions, size)
    assert places.min() >= 0
    assert places.max() < size
    assert len(np.unique(places)) == len(np.unique(positions))


def test_permuted_depends_on_the_key_and_not_on_what_is_asked_together() -> None:
    together = permuted(key(0, "a"), np.arange(1000), 1000)
    alone = [int(permuted(key(0, "a"), np.array([i]), 1000)[0]) for i in range(0, 1000, 97)]
    assert together[::97].tolist() == alone
    assert not np.array_equal(together, permuted(key(0, "b"), np.arange(1000), 1000))


def test_every_place_is_as_likely_for_the_first_position_of_a_small_domain() -> None:
    first = np.array([permuted(key(seed), np.array([0]), 7)[0] for seed in range(2800)])
    counts = np.bincount(first, minlength=7)
    assert np.abs(counts - 400).max() < 5 * np.sqrt(400)


def test_numbers_never_change() -> None:
    """A change here would change every training that is resumed after an update."""
    assert key(1, "a") == 0xA96BE28AAECED097
    assert permuted(key(1), np.arange(8), 8).tolist() == [1, 4, 5, 0, 6, 2, 3, 7]
    draws = uniform(key(1), np.arange(1), 3)
    assert draws.tolist() == [[0.814189076423645, 0.2732946276664734, 0.07221877574920654]]


def test_uniform_fills_the_unit_interval() -> None:
    draws = uniform(key(5), np.arange(20_000), 4)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert np.abs(draws.mean(0) - 0.5).max() < 0.01
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 0.03


@given(limit=st.integers(1, 10_000), seed=st.integers(0, 1000))
def test_below_is_below(limit: int, seed: int) -> None:
    numbers = below(np.full(100, limit), hashed(key(seed), np.arange(100)))
    assert numbers.min() >= 0
    assert numbers.max() < limit
