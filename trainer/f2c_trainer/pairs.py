"""Which instances a validation compares, and how well distances tell genuine pairs from impostor pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .keyed import Integers, key, permuted

_THRESHOLDS = np.arange(400) * 0.01  # on squared distances of unit vectors, as the protocol has them
_FOLDS = 10


@dataclass(frozen=True)
class Verification:
    accuracy: float  # mean over ten folds, each at the threshold that is best on the other nine
    tar_at_far_1e3: float | None  # share of genuine pairs accepted with at most one in 1000 impostor pairs


@dataclass(frozen=True)
class Pairs:
    """Genuine and impostor pairs in turns, each in random order, so that contiguous folds are balanced."""

    left: Integers  # [2p]
    right: Integers  # [2p]


def choose_pairs(first: Integers, limit: int) -> Pairs:
    """All genuine pairs or `limit` of them, and as many impostor pairs, none twice.

    The instances of identity n are first[n]..first[n+1]-1. [N+1]
    """
    begin, end = first[:-1], first[1:]
    count = end - begin
    genuine = np.concatenate([[0], np.cumsum(count * (count - 1) // 2)])
    others = first[-1] - end  # an impostor pair belongs to the identity of its left instance
    impostor = np.concatenate([[0], np.cumsum(count * others)])
    half = int(min(genuine[-1], impostor[-1], limit))

    def drawn(name: str, starts: Integers) -> tuple[Integers, Integers]:
        """Identities, and places among each one's pairs. [half], [half]"""
        rank = permuted(key("validation", name), np.arange(half), int(starts[-1]))
        owner = np.searchsorted(starts, rank, side="right") - 1
        return owner, rank - starts[owner]

    owner, place = drawn("genuine", genuine)
    # The pairs (0, 1), (0, 2), (1, 2), (0, 3) ...: the larger one is the triangular root of the place.
    larger = ((1 + np.sqrt(1 + 8 * place)) / 2).astype(np.int64)
    larger -= larger * (larger - 1) // 2 > place
    genuine_left, genuine_right = begin[owner] + place - larger * (larger - 1) // 2, begin[owner] + larger
    owner, place = drawn("impostor", impostor)
    impostor_left, impostor_right = begin[owner] + place // others[owner], end[owner] + place % others[owner]
    return Pairs(
        np.stack([genuine_left, impostor_left], axis=1).ravel(),
        np.stack([genuine_right, impostor_right], axis=1).ravel(),
    )


def verify(distances: NDArray[np.float64]) -> Verification:
    """Squared distances of pairs that are genuine and impostor in turns. [2p]"""
    return Verification(_ten_folds(distances), _tar_at_far_1e3(distances[0::2], distances[1::2]))


def _ten_folds(distances: NDArray[np.float64]) -> float:
    """The protocol of LFW as InsightFace computes it: the first threshold of highest accuracy on the other folds, and
    genuine only if the squared distance is strictly below it."""
    genuine = np.arange(len(distances)) % 2 == 0
    sizes = np.array([len(part) for part in np.array_split(distances, _FOLDS)])
    fold = np.repeat(np.arange(_FOLDS), sizes)
    accepted = np.searchsorted(_THRESHOLDS, distances, side="right")  # the first threshold that accepts the pair
    cell = fold * (len(_THRESHOLDS) + 1) + accepted
    gained = np.bincount(cell, np.where(genuine, 1, -1), _FOLDS * (len(_THRESHOLDS) + 1)).reshape(_FOLDS, -1)
    correct = np.bincount(fold[~genuine], minlength=_FOLDS)[:, None] + gained[:, :-1].cumsum(axis=1)
    best = np.argmax(correct.sum(axis=0) - correct, axis=1)
    return float((correct[np.arange(_FOLDS), best] / sizes).mean())


def _tar_at_far_1e3(genuine: NDArray[np.float64], impostor: NDArray[np.float64]) -> float | None:
    """None if there are too few impostor pairs to tell."""
    allowed = len(impostor) // 1000
    if allowed == 0:
        return None
    return float((genuine < np.partition(impostor, allowed)[allowed]).mean())
