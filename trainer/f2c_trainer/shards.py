"""Shards on the local disk: instances by byte range, decoded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import simplejpeg

from .edits import Edits, Images, UndecodableError, decode, empty_images, no_edits
from .errors import F2cError
from .index import Index, corrupt
from .keyed import Integers

_FILLING = "filling"
_POLL = 0.05  # seconds


class ShardFiles:
    """Reads and decodes instances by byte range; used by several threads at once.

    Those that are asked for together are read shard by shard. None stays open: a data set has more of them than a
    process may hold open. Where the folder has a file `filling`, a missing shard is on its way and waited for.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self._index = index
        self._paths = [str(folder / name) for name in index.shards]

    def decode(self, instances: Integers, images: Images, edits: Edits | None = None) -> None:
        """Fills images [n, S, S, 3] with the instances [n], edited."""
        if edits is None:
            edits = no_edits(len(instances))
        values, spare = edits.tolist(), empty_images(1, images.shape[1])[0]
        for row, jpeg in self.jpegs(instances):
            try:
                decode(jpeg, images[row], values[row], spare)
            except UndecodableError as error:
                raise self.unusable(int(instances[row]), jpeg) from error

    def jpegs(self, instances: Integers) -> Iterator[tuple[int, bytes]]:
        """Places among the instances and what is there, shard by shard: who decodes one at once has it in a cache."""
        index = self._index
        shards, offsets, lengths = (array[instances].tolist() for array in (index.shard, index.offset, index.length))
        by_shard = sorted(range(len(shards)), key=shards.__getitem__)
        for shard, rows in groupby(by_shard, shards.__getitem__):
            places = list(rows)
            with self._opened(shard, int(instances[places[0]])) as file:
                for row in places:
                    jpeg = os.pread(file, lengths[row], offsets[row])
                    if len(jpeg) < lengths[row]:
                        raise corrupt("The shard ends before the image", self._where(int(instances[row])))
                    yield row, jpeg

    def unusable(self, instance: int, jpeg: bytes) -> F2cError:
        """What is wrong with an image that did not fill its place."""
        where, size = self._where(instance), self._index.image_size
        try:
            height, width = simplejpeg.decode_jpeg(jpeg, colorspace="RGB").shape[:2]
        except ValueError as error:
            return corrupt(f"An image is not a readable JPEG: {error}", where)
        return corrupt(f"An image is {width} x {height} pixels, the index says {size}", where)

    def _where(self, instance: int) -> str:
        index = self._index
        path = self._paths[index.shard[instance]]
        return f"{path}, offset {index.offset[instance]}, {index.length[instance]} bytes"

    @contextmanager
    def _opened(self, shard: int, instance: int) -> Iterator[int]:
        """A shard, in which an instance is."""
        if shard >= len(self._paths):
            what = f"Instance {instance} is in shard {shard}, which index.json does not list"
            raise corrupt(what, str(self._index.folder))
        descriptor = _open(self._paths[shard])
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _open(path: str) -> int:
    while True:
        try:
            return os.open(path, os.O_RDONLY)
        except OSError as error:
            if not isinstance(error, FileNotFoundError) or not Path(path).with_name(_FILLING).exists():
                raise corrupt(f"A shard cannot be opened: {error.strerror}", path) from error
        time.sleep(_POLL)
