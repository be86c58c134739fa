"""Shards on the local disk: instances by byte range, decoded."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from .index import Index, corrupt
from .keyed import Integers


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
                raise corrupt(what, str(self._index.folder))
            where = f"{self._folder / self._index.shards[shard]}, offset {offset}, {length} bytes"
            content = os.pread(self._file(shard), length, offset)
            if len(content) < length:
                raise corrupt("The shard ends before the image", where)
            try:
                decoded = simplejpeg.decode_jpeg(content, colorspace="RGB")
            except ValueError as error:
                raise corrupt(f"An image is not a readable JPEG: {error}", where) from error
            if decoded.shape != image.shape:
                height, width = decoded.shape[:2]
                raise corrupt(f"An image is {width} x {height} pixels, the index says {len(image)}", where)
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
                    raise corrupt(f"A shard cannot be opened: {error.strerror}", str(path)) from error
            return self._open[shard]
