"""Shards on the local disk: instances by byte range, decoded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from .errors import F2cError
from .index import Index, corrupt
from .keyed import Integers

_FILLING = "filling"
_POLL = 0.05  # seconds


class ShardFiles:
    """Reads and decodes instances by byte range; used by several threads at once.

    Instances that are asked for together are read shard by shard. None stays open: a data set has more of them than a
    process may hold open. Where the folder has a file `filling`, a missing shard is on its way and waited for.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self._index = index
        self._paths = [str(folder / name) for name in index.shards]

    def decode(self, instances: Integers, images: NDArray[np.uint8], quality: Integers | None = None) -> None:
        """Fills images [n, S, S, 3] with the instances [n]; where `quality` [n] is not 0, compressed anew with it."""
        for row, content, where in self.contents(instances):
            image = images[row]
            if not decoded(content, image):
                raise unusable(content, len(image), where)
            if quality is not None and quality[row] != 0:
                decoded(simplejpeg.encode_jpeg(image, int(quality[row]), "RGB", "420"), image)

    def contents(self, instances: Integers) -> Iterator[tuple[int, bytes, str]]:
        """The JPEG of each instance, after its place among them and before where it is; shard by shard."""
        index = self._index
        shards, offsets, lengths = index.shard[instances], index.offset[instances], index.length[instances]
        ranges = list(zip(shards.tolist(), offsets.tolist(), lengths.tolist(), strict=True))
        for shard, rows in groupby(np.argsort(shards, kind="stable").tolist(), lambda row: ranges[row][0]):
            places = list(rows)
            if shard >= len(self._paths):
                what = f"Instance {instances[places[0]]} is in shard {shard}, which index.json does not list"
                raise corrupt(what, str(index.folder))
            path = self._paths[shard]
            with _opened(path) as descriptor:
                for row in places:
                    _, offset, length = ranges[row]
                    content, where = os.pread(descriptor, length, offset), f"{path}, offset {offset}, {length} bytes"
                    if len(content) < length:
                        raise corrupt("The shard ends before the image", where)
                    yield row, content, where


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = _open(path)
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


def decoded(content: bytes, image: NDArray[np.uint8]) -> bool:
    """Whether the JPEG is one and fills the image. [S, S, 3]"""
    try:
        return bool(simplejpeg.decode_jpeg(content, colorspace="RGB", buffer=image).shape == image.shape)
    except ValueError:
        return False


def unusable(content: bytes, size: int, where: str) -> F2cError:
    """What is wrong with an image that did not fill its place."""
    try:
        height, width = simplejpeg.decode_jpeg(content, colorspace="RGB").shape[:2]
    except ValueError as error:
        return corrupt(f"An image is not a readable JPEG: {error}", where)
    return corrupt(f"An image is {width} x {height} pixels, the index says {size}", where)
