"""Batches by step: read and decoded ahead of the training thread."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .config import Config
from .index import Index
from .keyed import Integers
from .order import Order
from .shards import ShardFiles

_STEPS_AHEAD = 4
_IMAGES_A_TASK = 32


@dataclass(frozen=True)
class Batch:
    """Both views of a step: x's n images, then y's. Item i of x and of y show the same identity for the first
    `identities_per_step` items; the rest are single instances."""

    images: NDArray[np.uint8]  # RGB. [2n, S, S, 3]
    identity: Integers  # the dataset's numbers. [2n]
    number: Integers  # 0..N-1. [2n]
    draws: NDArray[np.float32]  # what augmentation draws from. [2n, DRAWS]


class Loaders:
    """Both loaders. Their place is the number of the step and nothing else."""

    def __init__(self, index: Index, shards: Path, config: Config) -> None:
        self.index, self.order = index, Order(index, config)
        self._files = ShardFiles(shards, index)

    def batches(self, start: int, stop: int) -> Generator[Batch, None, None]:
        """The batches of steps start..stop-1, read and decoded ahead."""
        workers = ThreadPoolExecutor(min(8, os.cpu_count() or 1), "decode")
        pending: deque[tuple[Batch, list[Future[None]]]] = deque()
        try:
            for step in range(start, stop):
                pending.append(self._begin(step, workers))
                if len(pending) > _STEPS_AHEAD:
                    yield _finished(*pending.popleft())
            while pending:
                yield _finished(*pending.popleft())
        finally:
            workers.shutdown(cancel_futures=True)
            self._files.close()

    def _begin(self, step: int, workers: ThreadPoolExecutor) -> tuple[Batch, list[Future[None]]]:
        instance, number, draws = self.order.of(step)
        size = self.index.image_size
        images = np.empty((len(instance), size, size, 3), dtype=np.uint8)
        tasks = [
            workers.submit(self._files.decode, instance[i : i + _IMAGES_A_TASK], images[i : i + _IMAGES_A_TASK])
            for i in range(0, len(instance), _IMAGES_A_TASK)
        ]
        return Batch(images, self.index.identity[number], number, draws), tasks


def _finished(batch: Batch, tasks: list[Future[None]]) -> Batch:
    for task in tasks:
        task.result()
    return batch
