"""Images by position: the index's files, the two loaders' orders, and decoding ahead of the training thread."""

from __future__ import annotations

import json
import os
import typing
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from .augment import DRAWS
from .config import Config
from .errors import F2cError
from .keyed import Integers, below, hashed, key, permuted, uniform

Number = typing.TypeVar("Number", bound=np.generic)

_STEPS_AHEAD = 4
_IMAGES_A_TASK = 32


class Index:
    """One part of an index: M instances sorted by identity, N identities. The arrays stay on disk (memory maps).

    Raises F2C_DATA_CORRUPT. Every part but the one to train on may be empty.
    """

    def __init__(self, folder: Path, part: str) -> None:
        self.folder = folder
        try:
            facts = json.loads((folder / "index.json").read_bytes())
            self.image_size, self.shards = int(facts["imageSize"]), [str(name) for name in facts["shards"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _corrupt(f"index.json cannot be read: {error!r}", str(folder / "index.json")) from error
        # Byte range of each instance in its shard. [M]
        self.shard = self._array(f"{part}.shard.npy", np.uint32)
        self.offset = self._array(f"{part}.offset.npy", np.int64)
        self.length = self._array(f"{part}.length.npy", np.uint32)
        # Identity n has the instances first[n]..first[n+1]-1 and the dataset's number identity[n]. [N+1], [N]
        self.first = self._array(f"{part}.first.npy", np.int64)
        self.identity = self._array(f"{part}.identity.npy", np.int64)
        self.instances, self.identities = len(self.shard), len(self.identity)
        ends = (int(self.first[0]), int(self.first[-1])) if len(self.first) else None
        if (
            len(self.offset) != self.instances
            or len(self.length) != self.instances
            or len(self.first) != self.identities + 1
            or ends != (0, self.instances)
        ):
            raise _corrupt(f"The files of the {part} part do not agree on the number of instances", str(folder))

    def _array(self, name: str, dtype: type[Number]) -> NDArray[Number]:
        path = self.folder / name
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise _corrupt(f"A file of the index cannot be read: {error}", str(path)) from error
        if array.dtype != dtype or array.ndim != 1:
            raise _corrupt(f"A file of the index is not a list of {np.dtype(dtype)}", str(path))
        return typing.cast(NDArray[Number], array)


@dataclass(frozen=True)
class Batch:
    """Both views of a step: x's n images, then y's. Item i of x and of y show the same identity for the first
    `identities_per_step` items; the rest are single instances."""

    images: NDArray[np.uint8]  # RGB. [2n, S, S, 3]
    identity: Integers  # the dataset's numbers. [2n]
    number: Integers  # 0..N-1. [2n]
    draws: NDArray[np.float32]  # what augmentation draws from. [2n, DRAWS]


class Loaders:
    """The identity loader (every identity once a pass, two instances each) and the instance loader (every instance
    once an epoch), side by side. Their place is the number of the step and nothing else."""

    def __init__(self, index: Index, shards: Path, config: Config) -> None:
        if index.identities == 0:
            raise _corrupt("The train part is empty", str(index.folder))
        self.index, self.config = index, config
        self.identities_per_step = min(config.identities_per_step, index.identities)
        self.instances_per_step = min(config.instances_per_step, index.instances // 2 * 2)
        self._files = ShardFiles(shards, index)

    @property
    def images_per_step(self) -> int:
        return 2 * self.identities_per_step + self.instances_per_step

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
        instance, number, draws = self.order(step)
        size = self.index.image_size
        images = np.empty((len(instance), size, size, 3), dtype=np.uint8)
        tasks = [
            workers.submit(self._files.decode, instance[i : i + _IMAGES_A_TASK], images[i : i + _IMAGES_A_TASK])
            for i in range(0, len(instance), _IMAGES_A_TASK)
        ]
        return Batch(images, self.index.identity[number], number, draws), tasks

    def order(self, step: int) -> tuple[Integers, Integers, NDArray[np.float32]]:
        """Instances, identity numbers and augmentation draws of a step, x's then y's. [2n], [2n], [2n, DRAWS]"""
        seed, first = self.config.seed, self.index.first
        turn, number = self._permuted("identities", step, self.identities_per_step, self.index.identities)
        start, count = first[number], first[number + 1] - first[number]
        if (count < 1).any():
            broken = int(number[np.argmin(count)])
            raise _corrupt(f"Identity {self.index.identity[broken]} has no instances", str(self.index.folder))
        one = below(count, hashed(key(seed, "one"), turn))
        other = (one + 1 + below(np.maximum(count - 1, 1), hashed(key(seed, "other"), turn))) % count

        place, single = self._permuted("instances", step, self.instances_per_step, self.index.instances)
        owner = np.searchsorted(first, single, side="right") - 1
        half = len(single) // 2

        def draws(purpose: str, positions: Integers) -> NDArray[np.float32]:
            return uniform(key(seed, "augment", purpose), positions, DRAWS)

        single_draws = draws("single", place)
        return (
            np.concatenate([start + one, single[:half], start + other, single[half:]]),
            np.concatenate([number, owner[:half], number, owner[half:]]),
            np.concatenate([draws("one", turn), single_draws[:half], draws("other", turn), single_draws[half:]]),
        )

    def _permuted(self, stream: str, step: int, count: int, size: int) -> tuple[Integers, Integers]:
        """Positions of a step in an endless stream of shuffled epochs, and what is there. [count], [count]"""
        position = step * count + np.arange(count)
        epoch, within = np.divmod(position, size)
        chosen = np.empty_like(position)
        for each in np.unique(epoch):
            here = epoch == each
            chosen[here] = permuted(key(self.config.seed, stream, int(each)), within[here], size)
        return position, chosen


def _finished(batch: Batch, tasks: list[Future[None]]) -> Batch:
    for task in tasks:
        task.result()
    return batch


class ShardFiles:
    """Reads and decodes instances by byte range; used by several threads at once."""

    def __init__(self, folder: Path, index: Index) -> None:
        self._folder, self._index = folder, index
        self._open: dict[int, int] = {}
        self._lock = Lock()

    def decode(self, instances: Integers, images: NDArray[np.uint8]) -> None:
        """Fills images [n, S, S, 3] with the instances [n]."""
        for instance, image in zip(instances, images, strict=True):
            shard, offset = int(self._index.shard[instance]), int(self._index.offset[instance])
            length = int(self._index.length[instance])
            if shard >= len(self._index.shards):
                what = f"Instance {instance} is in shard {shard}, which index.json does not list"
                raise _corrupt(what, str(self._index.folder))
            where = f"{self._folder / self._index.shards[shard]}, offset {offset}, {length} bytes"
            content = os.pread(self._file(shard), length, offset)
            if len(content) < length:
                raise _corrupt("The shard ends before the image", where)
            try:
                decoded = simplejpeg.decode_jpeg(content, colorspace="RGB")
            except ValueError as error:
                raise _corrupt(f"An image is not a readable JPEG: {error}", where) from error
            if decoded.shape != image.shape:
                height, width = decoded.shape[:2]
                raise _corrupt(f"An image is {width} x {height} pixels, the index says {len(image)}", where)
            image[:] = decoded

    def close(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _file(self, shard: int) -> int:
        with self._lock:
            if shard not in self._open:
                path = self._folder / self._index.shards[shard]
                try:
                    self._open[shard] = os.open(path, os.O_RDONLY)
                except OSError as error:
                    raise _corrupt(f"A shard cannot be opened: {error.strerror}", str(path)) from error
            return self._open[shard]


def _corrupt(what: str, where: str) -> F2cError:
    return F2cError("F2C_DATA_CORRUPT", what, where, "Make the index again from its dataset")
