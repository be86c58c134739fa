"""Everything random about the data, as pure functions of a key: no state to save, no O(N) shuffle.

A key names a purpose: (seed, stream, numbers...). The same key gives the same numbers on every machine, in
whatever order and by however many threads they are asked for.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads consecutive numbers
_ROUNDS = 8  # of the Feistel network; tiny domains have few bits a round and need more than the usual four


def key(*parts: int | str) -> np.uint64:
    """64 bits that stand for the parts."""
    text = "/".join(str(part) for part in parts)
    return np.uint64(int.from_bytes(blake2b(text.encode(), digest_size=8).digest()))


def mix(words: Words) -> Words:
    """The finaliser of splitmix64: every bit of the input changes half of the bits of the output."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def hashed(key: np.uint64, numbers: Integers) -> Words:
    """64 random bits for each number. [n] -> [n]"""
    return mix(mix(numbers.astype(np.uint64) * _GOLDEN + key) ^ key)


def below(limits: Integers, words: Words) -> Integers:
    """Random integers in [0, limit) from random words; the bias is below limit / 2^32. [n], [n] -> [n]"""
    return ((words >> np.uint64(32)) * limits.astype(np.uint64) >> np.uint64(32)).astype(np.int64)


def uniform(key: np.uint64, numbers: Integers, count: int) -> NDArray[np.float32]:
    """`count` random fractions in [0, 1) for each number. [n] -> [n, count]"""
    words = mix(
        hashed(key, numbers)[:, None] + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    )
    return ((words >> np.uint64(40)).astype(np.float32)) * np.float32(2.0**-24)


def permuted(key: np.uint64, positions: Integers, size: int) -> Integers:
    """Where a random permutation of range(size) sends each position. [n] -> [n]

    A Feistel network permutes the next power of four; values that fall outside walk on until they are inside.
    """
    half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
    mask = np.uint64((1 << int(half)) - 1)
    round_keys = hashed(key, np.arange(_ROUNDS))

    def shuffle(values: Words) -> Words:
        left, right = values >> half, values & mask
        for round_key in round_keys:
            left, right = right, left ^ (mix(right ^ round_key) & mask)
        return (left << half) | right

    values = shuffle(positions.astype(np.uint64))
    while (outside := values >= size).any():
        values[outside] = shuffle(values[outside])
    return values.astype(np.int64)
