"""Shards on the local disk: instances by byte range, decoded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
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

    A shard is opened for each image and closed again: a data set has more of them than a process may hold open, and it
    takes a thirtieth of the time that decoding takes. Where the folder has a file `filling`, a missing shard is on its
    way and waited for.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self._index = index
        self._paths = [str(folder / name) for name in index.shards]

    def decode(self, instances: Integers, images: NDArray[np.uint8], quality: Integers | None = None) -> None:
        """Fills images [n, S, S, 3] with the instances [n]; where `quality` [n] is not 0, compressed anew with it."""
        for (content, where), image in zip(self.contents(instances), images, strict=True):
            if not decoded(content, image):
                raise unusable(content, len(image), where)
        if quality is not None:
            for each in np.flatnonzero(quality).tolist():
                decoded(simplejpeg.encode_jpeg(images[each], int(quality[each]), "RGB", "420"), images[each])

    def contents(self, instances: Integers) -> Iterator[tuple[bytes, str]]:
        """The JPEG of each instance, and where it is."""
        index = self._index
        shards, offsets, lengths = index.shard[instances], index.offset[instances], index.length[instances]
        ranges = zip(shards.tolist(), offsets.tolist(), lengths.tolist(), strict=True)
        for instance, (shard, offset, length) in zip(instances.tolist(), ranges, strict=True):
            if shard >= len(self._paths):
                what = f"Instance {instance} is in shard {shard}, which index.json does not list"
                raise corrupt(what, str(index.folder))
            content = _read(self._paths[shard], offset, length)
            where = f"{self._paths[shard]}, offset {offset}, {length} bytes"
            if len(content) < length:
                raise corrupt("The shard ends before the image", where)
            yield content, where


def _read(path: str, offset: int, length: int) -> bytes:
    descriptor = _opened(path)
    try:
        return os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)


def _opened(path: str) -> int:
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
