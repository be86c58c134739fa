"""Shards on the local disk: instances by byte range, decoded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import simplejpeg

from .edits import Edits, Images, decode, edit, no_edits
from .errors import F2cError
from .index import Index, corrupt
from .keyed import Integers

_FILLING = "filling"
_POLL = 0.05  # seconds


class ShardFiles:
    """Reads and decodes instances by byte range; used by several threads at once.

    Those that are asked for together open each of their shards once. None stays open: a data set has more of them than
    a process may hold open. Where the folder has a file `filling`, a missing shard is on its way and waited for.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self._index = index
        self._paths = [str(folder / name) for name in index.shards]

    def decode(self, instances: Integers, images: Images, edits: Edits | None = None) -> None:
        """Fills images [n, S, S, 3] with the instances [n], edited."""
        if edits is None:
            edits = no_edits(len(instances))
        ways = edits[:, :2].tolist()  # quality, flip
        for instance, jpeg, image, way in zip(instances.tolist(), self.jpegs(instances), images, ways, strict=True):
            try:
                decode(jpeg, image, *way)
            except ValueError as error:
                raise self.unusable(instance, jpeg) from error
        edit(images, edits)

    def jpegs(self, instances: Integers) -> Iterator[bytes]:
        """One after the other: whoever decodes one at once has it in its core's cache."""
        index = self._index
        shards, offsets, lengths = (array[instances].tolist() for array in (index.shard, index.offset, index.length))
        with ExitStack() as opened:
            files = {shard: opened.enter_context(self._opened(shard, instances, shards)) for shard in set(shards)}
            for row, (shard, offset, length) in enumerate(zip(shards, offsets, lengths, strict=True)):
                jpeg = os.pread(files[shard], length, offset)
                if len(jpeg) < length:
                    raise corrupt("The shard ends before the image", self._where(int(instances[row])))
                yield jpeg

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
    def _opened(self, shard: int, instances: Integers, shards: list[int]) -> Iterator[int]:
        if shard >= len(self._paths):
            what = f"Instance {instances[shards.index(shard)]} is in shard {shard}, which index.json does not list"
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
