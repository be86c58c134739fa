"""Validation: how well the probe network verifies identities that it does not train on."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from .config import Config
from .distributed import ALONE, Processes
from .edits import empty_images
from .errors import F2cError
from .index import Index
from .keyed import Integers, key, permuted
from .pairs import Verification, choose_pairs, verify
from .pixels import network_input
from .shards import ShardFiles

_MOST_PAIRS = 100_000  # of each sort
_BATCH = 64  # images, each with its mirror image
_BATCHES_AHEAD = 4
_PAIRS_AT_ONCE = 8192


class Validation:
    """Whole identities of the index's validation part and pairs of them, the same ones for every training on it."""

    def __init__(self, config: Config, processes: Processes = ALONE) -> None:
        """Raises F2C_TOO_FEW_IDENTITIES if the part does not give the ten pairs that ten folds need."""
        self._processes = processes
        index = Index(Path(config.index), "validation")
        self._files = ShardFiles(Path(config.shards), index)
        self._size = index.image_size
        self._instances, first = _sample(index.first, config.validation_instances)
        self._pairs = choose_pairs(first, _MOST_PAIRS)
        if len(self._pairs.left) < 10:
            genuine = len(self._pairs.left) // 2
            raise F2cError(
                "F2C_TOO_FEW_IDENTITIES",
                f"The validation part has {index.identities} identities with {index.instances} instances, of which "
                f"{len(first) - 1} and {len(self._instances)} are used: that makes {genuine} genuine and as many "
                "impostor pairs, and ten folds need 10 pairs",
                config.index,
                'Give the `index` step a larger `validation` part, or leave "validateEverySteps" out',
            )

    def run(self, probe: nn.Module, stop: Event) -> Verification | None:
        """Leaves the network as it is, in training mode; None if it is stopped meanwhile. Processes share the work."""
        probe.eval()
        try:
            embeddings = self._embedded(probe, stop)
        finally:
            probe.train()
        if self._processes.any(embeddings is None) or embeddings is None:
            return None
        counts = [len(part) for part in self._parts()]
        everyone = self._processes.gather_rows(embeddings, counts)
        return verify(self._distances(everyone.cpu().numpy()))

    def _parts(self) -> list[Integers]:
        """The instances of each process."""
        return np.array_split(self._instances, self._processes.world)

    @torch.no_grad()
    def _embedded(self, probe: nn.Module, stop: Event) -> Tensor | None:
        """Of each image of this process: sum of its and its mirror image's embedding, at unit length. [m/W, D]"""
        device = next(probe.parameters()).device
        embeddings = []
        for pixels in self._images():
            if stop.is_set():
                return None
            images = network_input(torch.from_numpy(pixels).to(device))
            straight, mirrored = probe(torch.cat([images, images.flip(-1)])).double().chunk(2)
            embeddings.append(normalize(straight + mirrored))
        return torch.cat(embeddings)

    def _images(self) -> Generator[NDArray[np.uint8], None, None]:
        """This process's instances in batches, decoded ahead. [<= _BATCH, S, S, 3]"""
        instances = self._parts()[self._processes.rank]
        pending: deque[Future[NDArray[np.uint8]]] = deque()
        with ThreadPoolExecutor(min(_BATCHES_AHEAD, os.cpu_count() or 1), "decode") as workers:
            for begin in range(0, len(instances), _BATCH):
                pending.append(workers.submit(self._decoded, instances[begin : begin + _BATCH]))
                if len(pending) > _BATCHES_AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _decoded(self, instances: Integers) -> NDArray[np.uint8]:
        images = empty_images(len(instances), self._size)
        self._files.decode(instances, images)
        return images

    def _distances(self, embeddings: NDArray[np.float64]) -> NDArray[np.float64]:
        """Squared, of each pair. [2p]"""
        count = len(self._pairs.left)
        distances = np.empty(count)
        for begin in range(0, count, _PAIRS_AT_ONCE):
            pairs = slice(begin, begin + _PAIRS_AT_ONCE)
            difference = embeddings[self._pairs.left[pairs]] - embeddings[self._pairs.right[pairs]]
            distances[pairs] = (difference * difference).sum(axis=1)
        return distances


def validation_shards(config: Config) -> list[int]:
    """The shards that a validation reads."""
    index = Index(Path(config.index), "validation")
    instances, _ = _sample(index.first, config.validation_instances)
    shards: list[int] = np.unique(index.shard[instances]).tolist()
    return shards


def _sample(first: Integers, limit: int) -> tuple[Integers, Integers]:
    """At most `limit` instances of whole identities drawn at random, and where each identity's begin. [m], [k+1]"""
    identities = len(first) - 1
    drawn = permuted(key("validation"), np.arange(min(identities, limit)), identities)
    drawn = np.sort(drawn[np.cumsum(first[drawn + 1] - first[drawn]) <= limit])
    begin, count = first[drawn], first[drawn + 1] - first[drawn]
    starts = np.concatenate([[0], np.cumsum(count)])
    return np.arange(starts[-1]) + np.repeat(begin - starts[:-1], count), starts
