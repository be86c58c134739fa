"""Batches by step: read and decoded ahead of the training thread."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .augment import Light
from .config import Config
from .decoders import Decoders
from .distributed import ALONE, Processes
from .gpu_decoders import GpuDecoders
from .index import Index
from .keyed import Integers
from .order import Order
from .supply import Wanted

_STEPS_AHEAD = 2  # with that at hand three: 256 images of each are as much as a large cache holds
_MOST_WORKERS = 8


@dataclass(frozen=True)
class Batch:
    """Both views of a step: x's n images, then y's. Item i of x and of y show the same identity for the first
    `identities_per_step` items; the rest are single instances. Of W ranks each has its n/W images of x and of y, and
    all have the numbers of the whole batch.

    Images in host memory lie where those of a later step will: they are valid until the next batch is asked for.
    """

    images: Tensor  # uint8, RGB, edited, this rank's. [2n/W, S, S, 3]
    identity: Integers  # the dataset's numbers. [2n]
    number: Integers  # 0..N-1. [2n]
    light: Light | None  # in which the networks are to see this rank's images. [2n/W, 2]


class Loaders:
    """Both loaders. Their place is the number of the step and nothing else."""

    def __init__(self, index: Index, shards: Path, config: Config, processes: Processes = ALONE) -> None:
        self.index, self.order = index, Order(index, config)
        self._shards, self._config, self._processes = shards, config, processes
        self._wanted = Wanted(index, self.order, config) if config.controlled and processes.rank == 0 else None

    def batches(self, start: int, stop: int) -> Generator[Batch, None, None]:
        """The batches of steps start..stop-1, read and decoded ahead; the same ones however many workers do it."""
        if self._wanted is not None:
            self._wanted.begin(start)  # at once: a validation that comes before the first batch reads shards, too
        return self._read(start, stop)

    def _read(self, start: int, stop: int) -> Generator[Batch, None, None]:
        slots, images = _STEPS_AHEAD + 1, self.order.images_per_step // self._processes.world
        pending: deque[Future[Callable[[], Batch]]] = deque()
        with (
            self._decoders(slots * images) as decoders,
            ThreadPoolExecutor(1, "order") as planner,  # beside the training thread, on which a GPU would wait
        ):
            for step in range(start, stop):
                # Into the slot of the batch that was handed out last, which is no longer needed.
                pending.append(planner.submit(self._begin, step, step % slots * images, decoders))
                if len(pending) == slots:
                    yield pending.popleft().result()()
            while pending:
                yield pending.popleft().result()()

    def _begin(self, step: int, row: int, decoders: Decoders | GpuDecoders) -> Callable[[], Batch]:
        """Begins with the batch of a step; what it returns waits for it."""
        if self._wanted is not None:
            self._wanted.begin(step)
        planned, part = self.order.of(step), self._processes.part
        images = decoders.begin(row, part(planned.instance), part(planned.edits))
        identity, light = self.index.identity[planned.number], None if planned.light is None else part(planned.light)
        return lambda: Batch(images(), identity, planned.number, light)

    @contextmanager
    def _decoders(self, rows: int) -> Iterator[Decoders | GpuDecoders]:
        if self._config.decode_on == "gpu":
            with GpuDecoders(self.index, self._shards, self._processes.device, _cores()) as on_gpu:
                yield on_gpu
            return
        with (
            Decoders(self.index, self._shards, rows, _workers(self._config), _cores()) as decoders,
            _pinned(decoders.slots.pixels),
        ):
            yield decoders


def _workers(config: Config) -> int:
    """Without a GPU the networks take a hundred times as long as decoding, which threads then do beside them."""
    if config.loader_workers is not None:
        return config.loader_workers
    return min(_MOST_WORKERS, max(1, _cores() - 1)) if torch.cuda.is_available() else 0


def _cores() -> int:
    """Of this machine, for each of its ranks."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


@contextmanager
def _pinned(pixels: NDArray[np.uint8]) -> Iterator[None]:
    """Keeps the pixels in place if there is a GPU, which copies them faster from there."""
    if not torch.cuda.is_available():
        yield
        return
    runtime = torch.cuda.cudart()  # type: ignore[no-untyped-call]
    torch.cuda.check_error(runtime.cudaHostRegister(pixels.ctypes.data, pixels.nbytes, 0))
    try:
        yield
    finally:
        torch.cuda.check_error(runtime.cudaHostUnregister(pixels.ctypes.data))
